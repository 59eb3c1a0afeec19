//! Server optimisers: from a released average to the next model. Explicit state, pure step, all post-processing.

mod adagrad;
mod adam;
mod averaging;
mod fedavg;
mod momentum;
mod section;
#[cfg(test)]
mod tests;
mod yogi;

pub use averaging::Averaging;

use murmur_privacy::Average;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    params::Params,
    rate::{RateError, RateSchedule},
};
use section::Section;

/// The `[server]` section of a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Section", into = "Section")]
pub struct Server {
    /// What a step is.
    pub optimizer: ServerOptimizer,
    /// How its step size changes from round to round.
    pub schedule: Option<RateSchedule>,
    /// Which average of the released models is offered beside the last one.
    pub average: Option<Averaging>,
    /// FedBuff's buffer of so many updates (Nguyen et al. 2022): always refused, with the reason.
    pub buffer: Option<u32>,
}

/// One way of stepping. The released average update plays the part of a negative gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServerOptimizer {
    /// `params += learning_rate * average` (McMahan et al. 2017).
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
    /// FedYogi (Reddi et al. 2021, Algorithm 2): `first = beta1 * first + (1 - beta1) * average; second -= (1 - beta2) * average^2 *
    /// sign(second - average^2); params += learning_rate * first / (sqrt(second) + tau)`. The second moment starts at `tau^2`.
    Yogi {
        /// Server step size.
        learning_rate: f64,
        /// Decay of the first moment, 0 to below 1.
        beta1: f64,
        /// Decay of the second moment, 0 to below 1.
        beta2: f64,
        /// How little adaptivity there is.
        tau: f64,
    },
    /// FedAdagrad (Reddi et al. 2021, Algorithm 2): as FedYogi, with `second += average^2`.
    Adagrad {
        /// Server step size.
        learning_rate: f64,
        /// Decay of the first moment, 0 to below 1.
        beta1: f64,
        /// How little adaptivity there is.
        tau: f64,
    },
}

/// What an optimiser remembers between rounds: one vector of the model's dimension per slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// Steps taken.
    pub steps: u32,
    /// The optimiser's vectors, in its own order; after them those of the average.
    pub slots: Vec<Vec<f32>>,
}

/// A number out of range.
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

/// A `[server]` section that cannot be followed.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ServerError {
    /// A number out of range.
    #[error(transparent)]
    Optimizer(#[from] OptimizerError),
    /// A schedule that is none.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// No argument for it is shipped.
    #[error(
        "server.buffer: FedBuff releases a sum whenever so many updates have come, whoever sent them and however old their model was. How \
         often one device is in it depends on how fast devices are, which is no secret coin and has no bound, so no claim is made for it. \
         Remove the key; participation.kind = \"check_in\" takes the first who come, each once in a round, and is charged as such"
    )]
    Buffer,
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

impl Server {
    /// An optimiser by itself.
    #[must_use]
    pub fn of(optimizer: ServerOptimizer) -> Self {
        Self { optimizer, schedule: None, average: None, buffer: None }
    }

    /// Checks the section.
    ///
    /// # Errors
    /// [`ServerError`] naming the key at fault.
    pub fn validate(&self) -> Result<(), ServerError> {
        if self.buffer.is_some() {
            return Err(ServerError::Buffer);
        }
        self.optimizer.validate()?;
        self.average.map_or(Ok(()), Averaging::validate)?;
        Ok(self.schedule.map_or(Ok(()), |schedule| schedule.validate("server"))?)
    }

    /// Number of vectors it keeps between rounds.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        self.optimizer.slot_count() + self.average.map_or(0, Averaging::slot_count)
    }

    /// The state before the first step.
    #[must_use]
    pub fn initial_state(&self, dimension: usize) -> OptimizerState {
        let mut slots = vec![vec![0.0; dimension]; self.slot_count()];
        if let ServerOptimizer::Yogi { tau, .. } | ServerOptimizer::Adagrad { tau, .. } = self.optimizer
            && let Some(second) = slots.get_mut(1)
        {
            second.fill((tau * tau) as f32);
        }
        OptimizerState { steps: 0, slots }
    }

    /// One step by a released average.
    ///
    /// # Errors
    /// [`StateMismatch`] when the state was made for another section or model; nothing is changed then.
    pub fn step(
        &self,
        state: &mut OptimizerState,
        params: &mut Params,
        average: &Average,
    ) -> Result<(), StateMismatch> {
        self.step_by(state, params, average.values())
    }

    fn step_by(&self, state: &mut OptimizerState, params: &mut Params, average: &[f64]) -> Result<(), StateMismatch> {
        let (expected, dimension) = (self.slot_count(), params.dimension());
        let fits = state.slots.len() == expected && state.slots.iter().all(|slot| slot.len() == dimension);
        if !fits || average.len() != dimension {
            return Err(StateMismatch { expected, dimension });
        }
        let factor = self.schedule.map_or(1.0, |schedule| schedule.factor(state.steps));
        state.steps = state.steps.saturating_add(1);
        let (slots, averaged) = state.slots.split_at_mut(self.optimizer.slot_count());
        let values = params.values_mut().iter_mut().zip(average.iter().copied());
        match (self.optimizer, slots) {
            (ServerOptimizer::FedAvg { learning_rate }, _) => fedavg::step(factor * learning_rate, values),
            (ServerOptimizer::Momentum { learning_rate, momentum }, [velocity]) => {
                momentum::step(factor * learning_rate, momentum, velocity, values);
            }
            (ServerOptimizer::Adam { learning_rate, beta1, beta2, epsilon }, [first, second]) => {
                let learning_rate = factor * learning_rate;
                let adam = adam::Adam { learning_rate, beta1, beta2, epsilon, steps: state.steps };
                adam.step(first, second, values);
            }
            (ServerOptimizer::Yogi { learning_rate, beta1, beta2, tau }, [first, second]) => {
                let yogi = yogi::Yogi { learning_rate: factor * learning_rate, beta1, beta2, tau };
                yogi.step(first, second, values);
            }
            (ServerOptimizer::Adagrad { learning_rate, beta1, tau }, [first, second]) => {
                let adagrad = adagrad::Adagrad { learning_rate: factor * learning_rate, beta1, tau };
                adagrad.step(first, second, values);
            }
            _ => return Err(StateMismatch { expected, dimension }),
        }
        if let Some(averaging) = self.average {
            averaging.take_in(state.steps, averaged, params.values());
        }
        Ok(())
    }

    /// The average of the models released so far, where the section asks for one and there is a model.
    #[must_use]
    pub fn averaged(&self, state: &OptimizerState, params: &Params) -> Option<Params> {
        let slots = state.slots.get(self.optimizer.slot_count()..)?;
        let values = self.average?.average(state.steps, slots)?;
        Params::new(params.layout().clone(), values).ok()
    }
}

impl ServerOptimizer {
    fn validate(&self) -> Result<(), OptimizerError> {
        let positive = |field, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(OptimizerError { field, range: "a positive number", value }),
        };
        let share = |field, value: f64| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(OptimizerError { field, range: "at least 0 and below 1", value }),
        };
        positive("learning_rate", self.learning_rate())?;
        match *self {
            Self::FedAvg { .. } => Ok(()),
            Self::Momentum { momentum, .. } => share("momentum", momentum),
            Self::Adam { beta1, beta2, epsilon, .. } => {
                share("beta1", beta1).and(share("beta2", beta2)).and(positive("epsilon", epsilon))
            }
            Self::Yogi { beta1, beta2, tau, .. } => {
                share("beta1", beta1).and(share("beta2", beta2)).and(positive("tau", tau))
            }
            Self::Adagrad { beta1, tau, .. } => share("beta1", beta1).and(positive("tau", tau)),
        }
    }

    fn slot_count(&self) -> usize {
        match self {
            Self::FedAvg { .. } => 0,
            Self::Momentum { .. } => 1,
            Self::Adam { .. } | Self::Yogi { .. } | Self::Adagrad { .. } => 2,
        }
    }

    fn learning_rate(&self) -> f64 {
        match *self {
            Self::FedAvg { learning_rate }
            | Self::Momentum { learning_rate, .. }
            | Self::Adam { learning_rate, .. }
            | Self::Yogi { learning_rate, .. }
            | Self::Adagrad { learning_rate, .. } => learning_rate,
        }
    }

    /// As a task names it.
    fn name(&self) -> &'static str {
        match self {
            Self::FedAvg { .. } => "fedavg",
            Self::Momentum { .. } => "momentum",
            Self::Adam { .. } => "adam",
            Self::Yogi { .. } => "yogi",
            Self::Adagrad { .. } => "adagrad",
        }
    }
}
