//! What a device measures in a round of an evaluation: one model after the other, so that it holds one at a time.

use std::{collections::VecDeque, sync::Arc};

use murmur_privacy::Digest;

use super::{DeviceEffect, DeviceError};
use crate::{
    evaluation::{EvaluationPlan, Group},
    measure::LocalMetrics,
    params::Params,
    plan::ShuffleSeed,
};

/// What is still to be measured, and what was.
pub(super) struct Measuring {
    groups: VecDeque<Group>,
    /// Of each candidate of the task.
    measured: Vec<Option<LocalMetrics>>,
}

impl Measuring {
    pub(super) fn of(plan: &EvaluationPlan) -> Self {
        Self { groups: plan.groups().into(), measured: vec![None; plan.candidates.len()] }
    }

    /// The model that is looked at next, where `own` is the task's.
    pub(super) fn model(&self, own: Digest) -> Digest {
        self.groups.front().and_then(|group| group.model).unwrap_or(own)
    }

    /// What is to be done with it.
    pub(super) fn work(&self, params: Arc<Params>, seed: ShuffleSeed) -> Result<DeviceEffect, DeviceError> {
        let group = self.groups.front().ok_or(DeviceError::Unexpected)?;
        Ok(DeviceEffect::Measure { params, plan: group.plan.clone(), seed })
    }

    /// Takes in what was found of that model. Whether that was the last one: of a device without examples the first is.
    pub(super) fn take(&mut self, found: Option<Vec<LocalMetrics>>) -> Result<bool, DeviceError> {
        let group = self.groups.pop_front().ok_or(DeviceError::Unexpected)?;
        let Some(found) = found else {
            self.measured.fill(None);
            self.groups.clear();
            return Ok(true);
        };
        let (expected, found_count) = (group.places.len(), found.len());
        if expected != found_count {
            return Err(DeviceError::Candidates { expected, found: found_count });
        }
        for (place, metrics) in group.places.into_iter().zip(found) {
            if let Some(measured) = self.measured.get_mut(place) {
                *measured = Some(metrics);
            }
        }
        Ok(self.groups.is_empty())
    }

    /// All candidates in the task's order; nothing of a device without examples.
    pub(super) fn result(self) -> Option<Vec<LocalMetrics>> {
        self.measured.into_iter().collect()
    }
}
