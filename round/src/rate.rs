//! Learning rates that change from round to round, on devices and on the server.
//!
//! A rate depends on how many rounds were released before and on nothing else, so it is public, and the same on every device.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// By what the learning rate of a section is multiplied, round by round. Every kind may begin with `warm_up` rounds in which the factor
/// grows in equal steps to 1 (Goyal et al. 2017, section 2.2); what the kind says begins after them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RateSchedule {
    /// Stays at 1.
    Constant {
        /// Rounds of growth at the beginning.
        warm_up: u32,
    },
    /// Is multiplied by `factor` after every `every` rounds.
    Step {
        /// Rounds between two steps.
        every: u32,
        /// Above 0, at most 1.
        factor: f64,
        /// Rounds of growth at the beginning.
        #[serde(default, skip_serializing_if = "is_zero")]
        warm_up: u32,
    },
    /// Is multiplied by `factor` after every round.
    Exponential {
        /// Above 0, at most 1.
        factor: f64,
        /// Rounds of growth at the beginning.
        #[serde(default, skip_serializing_if = "is_zero")]
        warm_up: u32,
    },
    /// Falls from 1 to `last` along half a cosine and stays there (Loshchilov and Hutter 2017, eq. 5, without restarts).
    Cosine {
        /// Rounds until `last` is reached.
        rounds: u32,
        /// Where it ends: 0 to 1.
        last: f64,
        /// Rounds of growth at the beginning.
        #[serde(default, skip_serializing_if = "is_zero")]
        warm_up: u32,
    },
}

/// A schedule with a number out of range.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{section}.schedule.{field} must be {range}, not {value}")]
pub struct RateError {
    /// The section of the task.
    pub section: &'static str,
    /// The key at fault.
    pub field: &'static str,
    /// The admissible range, in words.
    pub range: &'static str,
    /// The number given.
    pub value: f64,
}

impl RateSchedule {
    /// Checks the schedule of `section`.
    ///
    /// # Errors
    /// [`RateError`] naming the key at fault.
    pub fn validate(&self, section: &'static str) -> Result<(), RateError> {
        let check = |field, legal, range, value| {
            if legal { Ok(()) } else { Err(RateError { section, field, range, value }) }
        };
        let count = |field, value: u32| check(field, value > 0, "at least 1", f64::from(value));
        let factor = |value: f64| check("factor", value > 0.0 && value <= 1.0, "above 0 and at most 1", value);
        match *self {
            Self::Constant { warm_up } => count("warm_up", warm_up),
            Self::Step { every, factor: by, .. } => count("every", every).and(factor(by)),
            Self::Exponential { factor: by, .. } => factor(by),
            Self::Cosine { rounds, last, .. } => {
                let last = check("last", (0.0..=1.0).contains(&last), "from 0 to 1", last);
                count("rounds", rounds).and(last)
            }
        }
    }

    /// The factor of the round before which `released` rounds were released: above 0, at most 1, but for the end of a cosine that falls to 0.
    #[must_use]
    pub fn factor(&self, released: u32) -> f64 {
        let (Self::Constant { warm_up }
        | Self::Step { warm_up, .. }
        | Self::Exponential { warm_up, .. }
        | Self::Cosine { warm_up, .. }) = *self;
        if released < warm_up {
            return (f64::from(released) + 1.0) / f64::from(warm_up);
        }
        let behind = released - warm_up;
        match *self {
            Self::Constant { .. } => 1.0,
            // libm's functions are the same on every machine, so that every device comes to the same rate.
            Self::Step { every, factor, .. } => libm::pow(factor, f64::from(behind / every.max(1))),
            Self::Exponential { factor, .. } => libm::pow(factor, f64::from(behind)),
            Self::Cosine { rounds, last, .. } => {
                let way = (f64::from(behind) / f64::from(rounds.max(1))).min(1.0);
                last + (1.0 - last) * (1.0 + libm::cos(PI * way)) / 2.0
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_takes_the_values_that_can_be_computed_by_hand() {
        let by_hand = [
            (RateSchedule::Constant { warm_up: 4 }, vec![(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (900, 1.0)]),
            (
                RateSchedule::Step { every: 3, factor: 0.5, warm_up: 0 },
                vec![(0, 1.0), (2, 1.0), (3, 0.5), (5, 0.5), (6, 0.25)],
            ),
            (RateSchedule::Exponential { factor: 0.9, warm_up: 2 }, vec![(0, 0.5), (1, 1.0), (2, 1.0), (4, 0.81)]),
            (
                RateSchedule::Cosine { rounds: 4, last: 0.2, warm_up: 0 },
                vec![(0, 1.0), (1, 0.6 + 0.4 * 0.5_f64.sqrt()), (2, 0.6), (4, 0.2), (9, 0.2)],
            ),
        ];
        for (schedule, values) in by_hand {
            for (released, expected) in values {
                let factor = schedule.factor(released);
                assert!((factor - expected).abs() < 1e-12, "{schedule:?} at {released}: {factor}, not {expected}");
            }
        }
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        for (schedule, named) in [
            (RateSchedule::Constant { warm_up: 0 }, "plan.schedule.warm_up must be at least 1, not 0"),
            (RateSchedule::Step { every: 0, factor: 0.5, warm_up: 0 }, "plan.schedule.every"),
            (RateSchedule::Step { every: 1, factor: 1.5, warm_up: 0 }, "plan.schedule.factor"),
            (RateSchedule::Exponential { factor: f64::NAN, warm_up: 0 }, "plan.schedule.factor"),
            (RateSchedule::Cosine { rounds: 1, last: -0.1, warm_up: 0 }, "plan.schedule.last"),
        ] {
            assert!(schedule.validate("plan").unwrap_err().to_string().contains(named), "{schedule:?}");
        }
        assert_eq!(RateSchedule::Cosine { rounds: 5, last: 0.0, warm_up: 2 }.validate("plan"), Ok(()));
    }
}
