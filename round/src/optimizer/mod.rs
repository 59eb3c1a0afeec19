//! Server optimisers: from a released average to the next model. Explicit state, pure step, all post-processing.

mod adam;
mod fedavg;
mod momentum;

use murmur_privacy::Average;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::params::Params;

/// The `[server]` section of a task. The released average update plays the part of a negative gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "optimizer", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerOptimizer {
    /// `params += learning_rate * average` (McMahan et al. 2017).
    #[serde(rename = "fedavg")]
    FedAvg {
        /// Server step size.
        learning_rate: f64,
    },
    /// `velocity = momentum * velocity + average; params += learning_rate * velocity` (Hsu, Qi and Brown 2019).
    Momentum {
        /// Server step size.
        learning_rate: f64,
        /// Share of the velocity that is kept, 0 to below 1.
        momentum: f64,
    },
    /// FedAdam (Reddi et al. 2021, Algorithm 2), with Adam's bias correction (Kingma and Ba 2015).
    Adam {
        /// Server step size.
        learning_rate: f64,
        /// Decay of the first moment, 0 to below 1.
        beta1: f64,
        /// Decay of the second moment, 0 to below 1.
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
    },
}

/// What an optimiser remembers between rounds: one vector of the model's dimension per slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// Steps taken.
    pub steps: u32,
    /// The optimiser's vectors, in its own order.
    pub slots: Vec<Vec<f32>>,
}

/// A `[server]` section with a number out of range.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("server.{field} must be {range}, not {value}")]
pub struct OptimizerError {
    /// The key at fault.
    pub field: &'static str,
    /// The admissible range, in words.
    pub range: &'static str,
    /// The number given.
    pub value: f64,
}

/// State that belongs to another optimiser or model.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the optimiser needs {expected} vectors of {dimension} values, and its state has others")]
pub struct StateMismatch {
    /// Vectors the optimiser keeps.
    pub expected: usize,
    /// Values in each.
    pub dimension: usize,
}

impl ServerOptimizer {
    /// Checks the section.
    ///
    /// # Errors
    /// [`OptimizerError`] naming the key at fault.
    pub fn validate(&self) -> Result<(), OptimizerError> {
        let positive = |field, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(OptimizerError { field, range: "a positive number", value }),
        };
        let share = |field, value: f64| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(OptimizerError { field, range: "at least 0 and below 1", value }),
        };
        match *self {
            Self::FedAvg { learning_rate } => positive("learning_rate", learning_rate),
            Self::Momentum { learning_rate, momentum } => {
                positive("learning_rate", learning_rate).and(share("momentum", momentum))
            }
            Self::Adam { learning_rate, beta1, beta2, epsilon } => positive("learning_rate", learning_rate)
                .and(share("beta1", beta1))
                .and(share("beta2", beta2))
                .and(positive("epsilon", epsilon)),
        }
    }

    /// Number of vectors it keeps between rounds.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        match self {
            Self::FedAvg { .. } => 0,
            Self::Momentum { .. } => 1,
            Self::Adam { .. } => 2,
        }
    }

    /// The state before the first step.
    #[must_use]
    pub fn initial_state(&self, dimension: usize) -> OptimizerState {
        OptimizerState { steps: 0, slots: vec![vec![0.0; dimension]; self.slot_count()] }
    }

    /// One step by a released average.
    ///
    /// # Errors
    /// [`StateMismatch`] when the state was made for another optimiser or model; nothing is changed then.
    pub fn step(
        &self,
        state: &mut OptimizerState,
        params: &mut Params,
        average: &Average,
    ) -> Result<(), StateMismatch> {
        let (expected, dimension) = (self.slot_count(), params.dimension());
        let fits = state.slots.len() == expected && state.slots.iter().all(|slot| slot.len() == dimension);
        if !fits || average.values().len() != dimension {
            return Err(StateMismatch { expected, dimension });
        }
        state.steps = state.steps.saturating_add(1);
        let values = params.values_mut().iter_mut().zip(average.values().iter().copied());
        match (*self, state.slots.as_mut_slice()) {
            (Self::FedAvg { learning_rate }, _) => fedavg::step(learning_rate, values),
            (Self::Momentum { learning_rate, momentum }, [velocity]) => {
                momentum::step(learning_rate, momentum, velocity, values);
            }
            (Self::Adam { learning_rate, beta1, beta2, epsilon }, [first, second]) => {
                let adam = adam::Adam { learning_rate, beta1, beta2, epsilon, steps: state.steps };
                adam.step(first, second, values);
            }
            _ => return Err(StateMismatch { expected, dimension }),
        }
        Ok(())
    }
}
