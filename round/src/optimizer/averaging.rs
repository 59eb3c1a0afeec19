//! Averages of released models: post-processing of what everybody has seen, at no cost in privacy.

use serde::{Deserialize, Serialize};

use super::OptimizerError;

/// Most models that a window keeps: each is as large as the model.
const WINDOW_LIMIT: u32 = 256;

/// Which average of the released models is offered beside the last one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Averaging {
    /// Model `i` of `t` has weight `decay^(t - i)`, all divided by their sum (Polyak's average with exponential forgetting).
    Ema {
        /// Above 0, below 1.
        decay: f64,
    },
    /// The plain mean of the last `rounds` models, or of all where there are fewer (Polyak and Juditsky 1992).
    Window {
        /// At least 2.
        rounds: u32,
    },
}

impl Averaging {
    pub(super) fn validate(self) -> Result<(), OptimizerError> {
        let (field, legal, range, value) = match self {
            Self::Ema { decay } => ("average.decay", decay > 0.0 && decay < 1.0, "above 0 and below 1", decay),
            Self::Window { rounds } => {
                let legal = (2..=WINDOW_LIMIT).contains(&rounds);
                ("average.rounds", legal, "from 2 to 256", f64::from(rounds))
            }
        };
        if legal { Ok(()) } else { Err(OptimizerError { field, range, value }) }
    }

    /// Vectors that it keeps.
    pub(super) fn slot_count(self) -> usize {
        match self {
            Self::Ema { .. } => 1,
            Self::Window { rounds } => rounds as usize,
        }
    }

    /// Takes in the model of step `steps`, counted from 1.
    pub(super) fn take_in(self, steps: u32, slots: &mut [Vec<f32>], model: &[f32]) {
        match self {
            Self::Ema { decay } => {
                for (kept, value) in slots.iter_mut().flatten().zip(model) {
                    *kept = (decay * f64::from(*kept) + (1.0 - decay) * f64::from(*value)) as f32;
                }
            }
            Self::Window { rounds } => {
                let place = (steps.saturating_sub(1) % rounds) as usize;
                if let Some(slot) = slots.get_mut(place) {
                    slot.copy_from_slice(model);
                }
            }
        }
    }

    /// The average after `steps` steps; none before the first.
    pub(super) fn average(self, steps: u32, slots: &[Vec<f32>]) -> Option<Vec<f32>> {
        let (count, divisor) = match self {
            _ if steps == 0 => return None,
            Self::Ema { decay } => (1, 1.0 - libm::pow(decay, f64::from(steps))),
            Self::Window { rounds } => (steps.min(rounds) as usize, f64::from(steps.min(rounds))),
        };
        let slots = slots.get(..count)?;
        let value = |index: usize| slots.iter().map(|slot| f64::from(slot[index])).sum::<f64>() / divisor;
        Some((0..slots.first()?.len()).map(|index| value(index) as f32).collect())
    }
}
