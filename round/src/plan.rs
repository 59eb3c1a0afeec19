//! What a device does with the model and its data: the `[plan]` section of a task.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    device_id::DeviceId,
    proximal::AdaptiveProximal,
    rate::{RateError, RateSchedule},
    task::TaskHash,
};

/// The local-training part of a task: mini-batch SGD on the mean cross-entropy, and what else pulls at the parameters.
///
/// Whatever a plan asks for happens on the device, before its update is clipped: it cannot change what is promised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalPlan {
    /// Passes over the device's own examples.
    pub epochs: u32,
    /// Examples per step; the last batch of a pass may be smaller.
    pub batch_size: u32,
    /// Step size of the local SGD; where there is a schedule, before it.
    pub learning_rate: f32,
    /// How the step size changes from round to round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<RateSchedule>,
    /// FedProx: `mu` of the term `mu / 2 * |params - global|^2` that is added to the loss (Li et al. 2020, eq. 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proximal: Option<f32>,
    /// FedProx with a `mu` that follows the loss which rounds release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive_proximal: Option<AdaptiveProximal>,
    /// Pulls all parameters towards 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<WeightDecay>,
    /// SCAFFOLD's control variates (Karimireddy et al. 2020): always refused, with the reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub control_variates: bool,
}

/// The term `rate / 2 * |params|^2`, biases included, added to the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightDecay {
    /// How strong it is.
    pub rate: f32,
    /// In the first so many rounds only; left out: throughout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
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
    #[error("plan.{field} must be a positive number, not {value}")]
    NotPositive {
        /// The key at fault.
        field: &'static str,
        /// The number given.
        value: f32,
    },
    /// A schedule that is none.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// An adaptive pull that is none, or that is asked for beside one that does not change.
    #[error("{0}")]
    AdaptiveProximal(String),
    /// No argument for them is shipped.
    #[error(
        "plan.control_variates: SCAFFOLD has every device keep a control variate, made of its data, from round to round, and move a \
         variate of the server by it. How many devices answered, by which the server's would be corrected, is never released, and no \
         room for the device's own is part of what is kept, charged and recovered. Remove the key; plan.proximal holds devices \
         together without either"
    )]
    ControlVariates,
}

impl LocalPlan {
    /// Plain SGD, the same in every round.
    #[must_use]
    pub const fn plain(epochs: u32, batch_size: u32, learning_rate: f32) -> Self {
        Self {
            epochs,
            batch_size,
            learning_rate,
            schedule: None,
            proximal: None,
            adaptive_proximal: None,
            weight_decay: None,
            control_variates: false,
        }
    }

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
        if self.weight_decay.is_some_and(|decay| decay.rounds == Some(0)) {
            return Err(PlanError::Zero { field: "weight_decay.rounds" });
        }
        if self.control_variates {
            return Err(PlanError::ControlVariates);
        }
        if let Some(adaptive) = &self.adaptive_proximal {
            adaptive.validate().map_err(PlanError::AdaptiveProximal)?;
            if self.proximal.is_some() {
                let message = "plan.proximal and plan.adaptive_proximal are two pulls: remove one";
                return Err(PlanError::AdaptiveProximal(message.to_owned()));
            }
        }
        let numbers = [
            ("learning_rate", Some(self.learning_rate)),
            ("proximal", self.proximal),
            ("weight_decay.rate", self.weight_decay.map(|decay| decay.rate)),
        ];
        for (field, value) in numbers {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(PlanError::NotPositive { field, value });
            }
        }
        Ok(self.schedule.map_or(Ok(()), |schedule| schedule.validate("plan"))?)
    }

    /// What is to be done in the round before which `released` rounds were released: the plan without anything that changes. `mu` is the round's
    /// pull; it is for plans whose pull adapts, and others have their own.
    ///
    /// A rate that a schedule brings to 0 stays the smallest positive number: a plan always has a rate.
    #[must_use]
    pub fn at(&self, released: u32, mu: Option<f32>) -> Self {
        let factor = self.schedule.map_or(1.0, |schedule| schedule.factor(released));
        let learning_rate = match self.schedule {
            Some(_) => ((f64::from(self.learning_rate) * factor) as f32).max(f32::MIN_POSITIVE),
            None => self.learning_rate,
        };
        let decays = |decay: &WeightDecay| decay.rounds.is_none_or(|rounds| released < rounds);
        let weight_decay = self.weight_decay.filter(decays).map(|decay| WeightDecay { rounds: None, ..decay });
        let proximal = self.adaptive_proximal.map_or(self.proximal, |_| mu.filter(|mu| *mu > 0.0));
        Self { learning_rate, schedule: None, proximal, adaptive_proximal: None, weight_decay, ..*self }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_to_do_in_each_round() {
        let decay = WeightDecay { rate: 0.1, rounds: Some(2) };
        let schedule = Some(RateSchedule::Step { every: 1, factor: 0.5, warm_up: 0 });
        let plan =
            LocalPlan { schedule, weight_decay: Some(decay), proximal: Some(0.3), ..LocalPlan::plain(2, 5, 0.4) };
        let throughout = Some(WeightDecay { rounds: None, ..decay });
        let second = LocalPlan { proximal: Some(0.3), weight_decay: throughout, ..LocalPlan::plain(2, 5, 0.2) };
        assert_eq!(plan.at(1, None), second);
        assert_eq!(plan.at(2, Some(0.9)), LocalPlan { proximal: Some(0.3), ..LocalPlan::plain(2, 5, 0.1) });
        let ends = LocalPlan {
            schedule: Some(RateSchedule::Cosine { rounds: 1, last: 0.0, warm_up: 0 }),
            ..LocalPlan::plain(1, 1, 1.0)
        };
        assert_eq!(ends.at(7, None).validate(), Ok(()));
        assert_eq!(LocalPlan::plain(1, 1, 0.7).at(9, None), LocalPlan::plain(1, 1, 0.7));
        let adaptive_proximal = Some(AdaptiveProximal { start: 0.0, step: 0.1, patience: 5 });
        let adapts = LocalPlan { adaptive_proximal, ..LocalPlan::plain(1, 1, 0.7) };
        assert_eq!(adapts.at(3, Some(0.0)), LocalPlan::plain(1, 1, 0.7));
        assert_eq!(adapts.at(3, Some(0.2)), LocalPlan { proximal: Some(0.2), ..LocalPlan::plain(1, 1, 0.7) });
    }

    #[test]
    fn every_mistake_is_named() {
        let plain = LocalPlan::plain(1, 1, 0.1);
        for (plan, named) in [
            (LocalPlan { epochs: 0, ..plain }, "plan.epochs"),
            (LocalPlan { learning_rate: f32::INFINITY, ..plain }, "plan.learning_rate"),
            (LocalPlan { proximal: Some(-0.1), ..plain }, "plan.proximal must be a positive number, not -0.1"),
            (
                LocalPlan { weight_decay: Some(WeightDecay { rate: 0.0, rounds: None }), ..plain },
                "plan.weight_decay.rate",
            ),
            (
                LocalPlan { weight_decay: Some(WeightDecay { rate: 0.1, rounds: Some(0) }), ..plain },
                "plan.weight_decay.rounds",
            ),
            (LocalPlan { schedule: Some(RateSchedule::Constant { warm_up: 0 }), ..plain }, "plan.schedule.warm_up"),
            (
                LocalPlan {
                    proximal: Some(0.1),
                    adaptive_proximal: Some(AdaptiveProximal { start: 0.0, step: 0.1, patience: 5 }),
                    ..plain
                },
                "two pulls",
            ),
            (LocalPlan { control_variates: true, ..plain }, "SCAFFOLD"),
        ] {
            assert!(plan.validate().unwrap_err().to_string().contains(named), "{plan:?}");
        }
    }
}
