//! Correlated noise in a task: `mechanism = "tree" | "banded" | "blt"`, and what goes with it.

use std::num::NonZeroU32;

use murmur_privacy::correlated::{Limits, Shape};

use super::{Privacy, Promise, Task, TaskError};
use crate::participation::{Participation, TurnRule};

/// The keys that say how much of the past the noise remembers, as they are written in `[privacy]`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShapeKeys {
    pub(super) leaves: Option<u32>,
    pub(super) bands: Option<u32>,
    pub(super) buffers: Option<u32>,
}

impl ShapeKeys {
    /// The shape that `mechanism` names, if its noise is correlated. Its own key is required, and no other is admitted.
    pub(super) fn shape(self, mechanism: &str) -> Result<Option<Shape>, String> {
        let keys = [("leaves", "tree", self.leaves), ("bands", "banded", self.bands), ("buffers", "blt", self.buffers)];
        for (key, owner, written) in keys {
            if written.is_some() && owner != mechanism {
                return Err(format!(
                    "privacy.{key} belongs to mechanism = \"{owner}\", and the mechanism is \"{mechanism}\": remove the key"
                ));
            }
            if written.is_none() && owner == mechanism {
                return Err(format!("privacy.{key} is missing: mechanism = \"{owner}\" needs it"));
            }
        }
        let tree = self.leaves.map(|leaves| Shape::Tree { leaves });
        let banded = self.bands.map(|bands| Shape::Banded { bands });
        let buffered = self.buffers.map(|buffers| Shape::Buffered { buffers });
        Ok(tree.or(banded).or(buffered))
    }

    pub(super) fn of(shape: Option<Shape>) -> Self {
        match shape {
            Some(Shape::Tree { leaves }) => Self { leaves: Some(leaves), ..Self::default() },
            Some(Shape::Banded { bands }) => Self { bands: Some(bands), ..Self::default() },
            Some(Shape::Buffered { buffers }) => Self { buffers: Some(buffers), ..Self::default() },
            None => Self::default(),
        }
    }
}

/// What a mechanism of this shape is called in a task file.
pub(super) fn name_of(shape: Option<Shape>) -> &'static str {
    match shape {
        None => "gaussian",
        Some(Shape::Tree { .. }) => "tree",
        Some(Shape::Banded { .. }) => "banded",
        Some(Shape::Buffered { .. }) => "blt",
    }
}

impl Privacy {
    /// The shape of the noise, where it is correlated between rounds.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        match self.promise {
            Promise::Gaussian { shape, .. } => shape,
            Promise::None => None,
        }
    }
}

impl Task {
    /// Rounds of a block, which is charged whole before its first release: 1 where every round is charged by itself.
    #[must_use]
    pub fn block_rounds(&self) -> NonZeroU32 {
        match (self.privacy.shape(), NonZeroU32::new(self.rounds)) {
            (Some(shape), Some(rounds)) => shape.block_rounds(rounds),
            _ => self.participation.block_rounds(),
        }
    }

    /// How often, and how soon again, one device takes part, where the claim rests on it.
    #[must_use]
    pub fn turn_rule(&self) -> Option<TurnRule> {
        self.privacy.shape()?;
        Some(TurnRule { limits: self.participation.limits()?, block_rounds: self.block_rounds() })
    }

    /// Correlated noise needs limits on a device's turns and admits no claim about sampling; other noise needs no limits.
    pub(super) fn check_correlation(&self) -> Result<(), TaskError> {
        let Some(shape) = self.privacy.shape() else {
            return match self.participation.names_a_limit() {
                true => Err(TaskError::LimitsWithoutCorrelation),
                false => Ok(()),
            };
        };
        let mechanism = name_of(Some(shape));
        let kind = match self.participation {
            Participation::Poisson { .. } => "poisson",
            Participation::Allocation { .. } => "allocation",
            Participation::Fixed { .. } | Participation::CheckIn { .. } => {
                let limits = self.participation.limits();
                let limits: Limits = limits.ok_or(TaskError::CorrelationWithoutLimits { mechanism })?;
                return Ok(shape.check(self.rounds, limits)?);
            }
        };
        Err(TaskError::SampledCorrelation { mechanism, kind })
    }
}
