//! What a device does with the model and its data: the `[plan]` section of a task.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{device_id::DeviceId, task::TaskHash};

/// The local-training part of a task: plain mini-batch SGD on the mean cross-entropy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalPlan {
    /// Passes over the device's own examples.
    pub epochs: u32,
    /// Examples per step; the last batch of a pass may be smaller.
    pub batch_size: u32,
    /// Step size of the local SGD.
    pub learning_rate: f32,
}

/// A `[plan]` section that no device could follow.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PlanError {
    /// No pass or no example per step.
    #[error("plan.{field} must be at least 1")]
    Zero {
        /// The key at fault.
        field: &'static str,
    },
    /// Not a positive finite number.
    #[error("plan.learning_rate must be a positive number, not {0}")]
    LearningRate(f32),
}

impl LocalPlan {
    /// Checks the section.
    ///
    /// # Errors
    /// [`PlanError`] naming the key at fault.
    pub fn validate(&self) -> Result<(), PlanError> {
        if self.epochs == 0 {
            return Err(PlanError::Zero { field: "epochs" });
        }
        if self.batch_size == 0 {
            return Err(PlanError::Zero { field: "batch_size" });
        }
        if self.learning_rate.is_finite() && self.learning_rate > 0.0 {
            Ok(())
        } else {
            Err(PlanError::LearningRate(self.learning_rate))
        }
    }
}

/// Seeds the order in which one device visits its examples in one round.
///
/// It is public and derived, never drawn: the guarantee does not rest on it, and with it a simulated device and a
/// real one train to the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShuffleSeed(pub [u8; 32]);

impl ShuffleSeed {
    /// The seed of `device` in `round` of the task named `task`.
    #[must_use]
    pub fn derive(task: &TaskHash, round: u32, device: &DeviceId) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"murmur shuffle v1");
        hasher.update(task.as_bytes());
        hasher.update(round.to_le_bytes());
        hasher.update(device.as_str().as_bytes());
        Self(hasher.finalize().into())
    }
}
