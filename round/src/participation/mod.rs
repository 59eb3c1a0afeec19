//! Who takes part in a round, and what that lets us claim.
//!
//! One type does both: what selects the cohort is what wraps the mechanism's event, so a claim about sampling cannot be
//! made for a selection that did not happen.

mod coin;
mod selection;

pub use selection::Selection;

use murmur_privacy::{DpEvent, units::SamplingRate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The `[participation]` section of a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Participation {
    /// Each enrolled device is included by an independent secret coin, fixed when the round opens.
    ///
    /// # Guarantee
    /// The round's event is amplified: [`DpEvent::PoissonSampled`]. What it rests on: the coin is a pseudo-random
    /// function of a secret drawn for the round and of the device's id, over the whole enrolled population, present or
    /// not; no device displaces another (the round closes by its clock, or when every included device has answered);
    /// and no count of the round is published.
    Poisson {
        /// Probability of inclusion.
        rate: SamplingRate,
        /// How long a round stays open, in seconds.
        window_seconds: u32,
        /// Reports to be expected from publicly known availability before the coins are drawn.
        minimum_reports: u32,
    },
    /// `cohort` devices of the enrolled population, chosen at random for each round. Charged whole: no amplification.
    Fixed {
        /// Number of devices.
        cohort: u32,
        /// How long a round stays open, in seconds.
        window_seconds: u32,
        /// Reports to be expected from publicly known availability before a round opens.
        minimum_reports: u32,
    },
    /// The first `cohort` devices that check in. Charged whole: availability is no secret coin.
    CheckIn {
        /// Number of devices.
        cohort: u32,
        /// How long a round stays open, in seconds.
        window_seconds: u32,
        /// Reports to be expected from publicly known availability before a round opens.
        minimum_reports: u32,
    },
}

/// A `[participation]` section that no round could follow.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ParticipationError {
    /// A count or length of zero.
    #[error("participation.{field} must be at least 1")]
    Zero {
        /// The key at fault.
        field: &'static str,
    },
    /// More devices wanted than are enrolled.
    #[error("participation.cohort is {cohort}, but only {population} devices are enrolled")]
    CohortAbovePopulation {
        /// Devices wanted.
        cohort: u32,
        /// Devices enrolled.
        population: u64,
    },
    /// Even with every enrolled device available no round would open.
    #[error(
        "participation.minimum_reports is {minimum}, but {population} enrolled devices give {expected:.1} reports on \
         average: no round could ever open"
    )]
    NeverOpens {
        /// Reports wanted.
        minimum: u32,
        /// Reports expected with everybody available.
        expected: f64,
        /// Devices enrolled.
        population: u64,
    },
}

impl Participation {
    /// Checks the section by itself.
    ///
    /// # Errors
    /// [`ParticipationError::Zero`] naming the key at fault.
    pub fn validate(&self) -> Result<(), ParticipationError> {
        if self.window_seconds() == 0 {
            return Err(ParticipationError::Zero { field: "window_seconds" });
        }
        match self {
            Self::Fixed { cohort: 0, .. } | Self::CheckIn { cohort: 0, .. } => {
                Err(ParticipationError::Zero { field: "cohort" })
            }
            _ => Ok(()),
        }
    }

    /// Checks the section against the number of enrolled devices.
    ///
    /// # Errors
    /// [`ParticipationError`] when the cohort cannot exist or no round could ever open.
    pub fn validate_for(&self, population: u64) -> Result<(), ParticipationError> {
        if let Self::Fixed { cohort, .. } | Self::CheckIn { cohort, .. } = *self
            && u64::from(cohort) > population
        {
            return Err(ParticipationError::CohortAbovePopulation { cohort, population });
        }
        let (expected, minimum) = (self.expected_reports(population, population), self.minimum_reports());
        if expected < f64::from(minimum) {
            return Err(ParticipationError::NeverOpens { minimum, expected, population });
        }
        Ok(())
    }

    /// What one round costs: the mechanism's event, amplified only under Poisson sampling.
    ///
    /// # Source
    /// Poisson sampling: Mironov, Talwar and Zhang 2019. For the other two no theorem for our relation is at hand
    /// (sampling without replacement is replace-one), so they are charged as if every device took part.
    #[must_use]
    pub fn cost(&self, mechanism: DpEvent) -> DpEvent {
        match self {
            Self::Poisson { rate, .. } => mechanism.poisson_sampled(*rate),
            Self::Fixed { .. } | Self::CheckIn { .. } => mechanism,
        }
    }

    /// How long a round stays open, in seconds.
    #[must_use]
    pub fn window_seconds(&self) -> u32 {
        match self {
            Self::Poisson { window_seconds, .. }
            | Self::Fixed { window_seconds, .. }
            | Self::CheckIn { window_seconds, .. } => *window_seconds,
        }
    }

    /// Reports to be expected before a round opens.
    #[must_use]
    pub fn minimum_reports(&self) -> u32 {
        match self {
            Self::Poisson { minimum_reports, .. }
            | Self::Fixed { minimum_reports, .. }
            | Self::CheckIn { minimum_reports, .. } => *minimum_reports,
        }
    }

    /// Probability with which a given enrolled device takes part in a round, where that is part of the claim.
    #[must_use]
    pub fn sampling_rate(&self) -> Option<SamplingRate> {
        match self {
            Self::Poisson { rate, .. } => Some(*rate),
            Self::Fixed { .. } | Self::CheckIn { .. } => None,
        }
    }

    /// The constant by which a round's sum is divided: the mean cohort over the enrolled population, never the number
    /// that answered.
    #[must_use]
    pub fn expected_cohort(&self, population: u64) -> f64 {
        match self {
            Self::Poisson { rate, .. } => rate.get() * population as f64,
            Self::Fixed { cohort, .. } | Self::CheckIn { cohort, .. } => f64::from(*cohort),
        }
    }

    /// Reports to be expected when `available` of `population` enrolled devices are reachable.
    #[must_use]
    pub fn expected_reports(&self, available: u64, population: u64) -> f64 {
        match self {
            Self::Poisson { rate, .. } => rate.get() * available as f64,
            Self::Fixed { cohort, .. } => f64::from(*cohort) * available as f64 / population.max(1) as f64,
            Self::CheckIn { cohort, .. } => f64::from(*cohort).min(available as f64),
        }
    }

    /// A number of devices that a round exceeds with probability below 2^-64: what the ring must hold. Never a cap.
    ///
    /// # Source
    /// Bernstein's inequality for a sum of independent coins: `P(X >= m + t) <= exp(-t^2 / (2 (m + t/3)))`.
    #[must_use]
    pub fn cohort_quantile(&self, population: u64) -> u64 {
        match self {
            Self::Poisson { .. } => {
                let mean = self.expected_cohort(population);
                let exponent = 64.0 * std::f64::consts::LN_2;
                let excess = exponent / 3.0 + (exponent * exponent / 9.0 + 2.0 * exponent * mean).sqrt();
                ((mean + excess).ceil() as u64).min(population)
            }
            Self::Fixed { cohort, .. } | Self::CheckIn { cohort, .. } => u64::from(*cohort),
        }
    }

    /// How the claim about sampling reads beside an epsilon.
    #[must_use]
    pub fn assumption(&self) -> String {
        match self {
            Self::Poisson { rate, .. } => format!(
                "Poisson: the coordinator includes each enrolled device by an independent secret coin of probability {rate}"
            ),
            Self::Fixed { cohort, .. } => format!("none claimed: {cohort} random devices a round, charged as if all"),
            Self::CheckIn { cohort, .. } => format!("none claimed: first {cohort} to check in, charged as if all"),
        }
    }
}
