//! What is done with a task's model: it is trained, or it is measured.

use super::{Metrics, Privacy, Task, TaskError};
use crate::{
    evaluation::{EvaluationError, EvaluationPlan},
    optimizer::Server,
    plan::LocalPlan,
};

/// What a task is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// Devices train the model, and every round releases the next one.
    Train {
        /// What a device does with the model and its data.
        plan: LocalPlan,
        /// From a released average to the next model.
        server: Server,
    },
    /// Devices measure the model and what they make of it by themselves. Nothing but those measures is sent or released, and the model
    /// stays as it is.
    Evaluate(EvaluationPlan),
}

impl Purpose {
    /// Checks the sections by themselves, and that what `[privacy]` says has a meaning with them.
    pub(super) fn validate(&self, privacy: &Privacy) -> Result<(), TaskError> {
        match self {
            Self::Train { plan, server } => {
                plan.validate()?;
                server.validate()?;
                match privacy.metrics {
                    Some(Metrics::Whole { .. }) => Err(EvaluationError::NoShare.into()),
                    _ => Ok(()),
                }
            }
            Self::Evaluate(plan) => {
                plan.validate()?;
                Ok(check_privacy(privacy)?)
            }
        }
    }
}

/// What speaks of updates has no meaning where there are none.
fn check_privacy(privacy: &Privacy) -> Result<(), EvaluationError> {
    let refused = |key, why| Err(EvaluationError::Privacy { key, why });
    if privacy.local.is_some() {
        return refused("local", "no local randomiser is shipped for measures; remove the section");
    }
    if privacy.adaptive_clip.is_some() {
        return refused("adaptive_clip", "it follows how long updates are, and there are none; remove the section");
    }
    match privacy.metrics {
        Some(Metrics::Whole { .. }) => Ok(()),
        Some(Metrics::Private { .. }) => refused(
            "metrics.share",
            "what is measured is all that is sent, and has the whole budget; remove it, and privacy.clip",
        ),
        Some(Metrics::Open) => refused(
            "non_private_metrics",
            "what is measured is all that is released, and goes through the mechanism; remove it, and write metrics = { loss_bound = B } \
             in its place, with mechanism = \"none\" if nothing is to be promised",
        ),
        None => Err(EvaluationError::NoMetrics),
    }
}

impl Task {
    /// What a device does with the model and its data; none where the task trains nothing.
    #[must_use]
    pub fn plan(&self) -> Option<&LocalPlan> {
        match &self.purpose {
            Purpose::Train { plan, .. } => Some(plan),
            Purpose::Evaluate(_) => None,
        }
    }

    /// From a released average to the next model; none where the task trains nothing.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        match &self.purpose {
            Purpose::Train { server, .. } => Some(server),
            Purpose::Evaluate(_) => None,
        }
    }

    /// What is measured, and the loss that counts as the most; none where the task trains.
    #[must_use]
    pub fn evaluation(&self) -> Option<(&EvaluationPlan, f64)> {
        match (&self.purpose, self.privacy.metrics) {
            (Purpose::Evaluate(plan), Some(Metrics::Whole { loss_bound })) => Some((plan, loss_bound)),
            _ => None,
        }
    }
}
