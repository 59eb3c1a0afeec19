//! Who takes part in a round, and what that lets us claim.
//!
//! One type does both: what selects the cohort is what wraps the mechanism's event, so a claim about sampling cannot be
//! made for a selection that did not happen.

mod allocation;
mod attendance;
mod block;
mod coin;
mod error;
mod register;
mod selection;
mod turn;

pub use attendance::{Attendance, DamagedAttendance};
pub(crate) use block::BlockSecret;
pub use block::{DamagedSecret, KeptSecret};
pub use error::ParticipationError;
pub(crate) use register::Register;
pub use selection::Selection;
pub use turn::{NotYourTurn, Turn, TurnRule};

use std::num::NonZeroU32;

use murmur_privacy::{DpEvent, correlated::Limits, event::Allocation, units::SamplingRate};
use serde::{Deserialize, Serialize};

use crate::time::Millis;

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
    /// Each enrolled device is secretly assigned `rounds_per_device` different rounds of each block of `block_rounds`, uniformly
    /// and independently of all others, before the block's first round. It contributes in those where it is there, and zero
    /// in those where it is not: it is never assigned another round instead.
    ///
    /// # Guarantee
    /// A block is one event, [`DpEvent::Allocation`], charged whole before its first release. What it rests on: the
    /// assignment is a pseudo-random function of a secret drawn for the block and of the device's id, over the whole
    /// enrolled population, present or not; a block that was begun is never assigned anew (a coordinator that lost its secret gives
    /// the rest of the block up); no device displaces another; and no count of a round is published.
    Allocation {
        /// Rounds of a block. The task's rounds are a multiple of it.
        block_rounds: u32,
        /// Rounds of each device in each block, at most `block_rounds`.
        rounds_per_device: u32,
        /// How long a round stays open, in seconds.
        window_seconds: u32,
        /// Reports to be expected from publicly known availability before a round opens.
        minimum_reports: u32,
    },
    /// `cohort` devices of the enrolled population (of those whose turn it may be), chosen at random for each round. Charged whole:
    /// no amplification.
    Fixed {
        /// Number of devices.
        cohort: u32,
        /// How long a round stays open, in seconds.
        window_seconds: u32,
        /// Reports to be expected from publicly known availability before a round opens.
        minimum_reports: u32,
        /// Least distance, in rounds, between two rounds of one device: 1 for any. With correlated noise, and only with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        separation: Option<u32>,
        /// Most rounds of one device in each block of rounds (where the noise is no tree: in the whole run). With correlated noise,
        /// and only with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participations: Option<u32>,
    },
    /// The first `cohort` devices that check in (and whose turn it may be). Charged whole: availability is no secret coin.
    CheckIn {
        /// Number of devices.
        cohort: u32,
        /// How long a round stays open, in seconds.
        window_seconds: u32,
        /// Reports to be expected from publicly known availability before a round opens.
        minimum_reports: u32,
        /// Least distance, in rounds, between two rounds of one device: 1 for any. With correlated noise, and only with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        separation: Option<u32>,
        /// Most rounds of one device in each block of rounds (where the noise is no tree: in the whole run). With correlated noise,
        /// and only with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participations: Option<u32>,
    },
}

impl Participation {
    /// Checks the section by itself.
    ///
    /// # Errors
    /// [`ParticipationError`] naming the key at fault.
    pub fn validate(&self) -> Result<(), ParticipationError> {
        if self.window_seconds() == 0 {
            return Err(ParticipationError::Zero { field: "window_seconds" });
        }
        match self {
            Self::Fixed { separation: Some(0), .. } | Self::CheckIn { separation: Some(0), .. } => {
                Err(ParticipationError::Zero { field: "separation" })
            }
            Self::Fixed { participations: Some(0), .. } | Self::CheckIn { participations: Some(0), .. } => {
                Err(ParticipationError::Zero { field: "participations" })
            }
            Self::Fixed { cohort: 0, .. } | Self::CheckIn { cohort: 0, .. } => {
                Err(ParticipationError::Zero { field: "cohort" })
            }
            Self::Allocation { block_rounds: 0, .. } => Err(ParticipationError::Zero { field: "block_rounds" }),
            Self::Allocation { rounds_per_device: 0, .. } => {
                Err(ParticipationError::Zero { field: "rounds_per_device" })
            }
            Self::Allocation { block_rounds, rounds_per_device, .. } if rounds_per_device > block_rounds => {
                Err(ParticipationError::RoundsPerDeviceAboveBlock {
                    rounds_per_device: *rounds_per_device,
                    block_rounds: *block_rounds,
                })
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

    /// Checks that rounds can open whoever took part before, among so many enrolled devices of which each takes its turn by `rule`.
    ///
    /// Before a round at most `cohort (b - 1)` devices wait for their separation `b` to pass. Of a block of `n` rounds at most
    /// `cohort (n - 1)` participations are behind; a device that has used all its `k` up and does not wait has had `k` of them, one that
    /// waits at least one. So at most `cohort ((b - 1)(1 - 1/k) + (n - 1)/k)` devices may not take part; where `k` is as many as the separation
    /// allows anyway, whoever has used them up waits.
    ///
    /// # Errors
    /// [`ParticipationError::TooFewForTurns`] naming how many devices are needed.
    pub fn validate_turns(&self, rule: &TurnRule, population: u64) -> Result<(), ParticipationError> {
        let (Self::Fixed { cohort, .. } | Self::CheckIn { cohort, .. }) = *self else { return Ok(()) };
        let Limits { participations, separation } = rule.limits;
        let [cohort, most, waiting, behind] =
            [cohort, participations.get(), separation.get() - 1, rule.block_rounds.get() - 1].map(u128::from);
        let by_separation_alone = rule.block_rounds.get().div_ceil(separation.get()) <= participations.get();
        let blocked = if by_separation_alone {
            cohort * waiting
        } else {
            (cohort * (waiting * (most - 1) + behind)).div_ceil(most)
        };
        let wanted = self.minimum_reports().max(1);
        let least = blocked + u128::from(wanted);
        if u128::from(population) >= least {
            return Ok(());
        }
        let least = u64::try_from(least).unwrap_or(u64::MAX);
        Err(ParticipationError::TooFewForTurns { least, wanted, population, limits: rule.limits })
    }

    /// What one round costs, or under random allocation one block of rounds: the mechanism's event, amplified only where the
    /// coordinator decides in secret who takes part when.
    ///
    /// # Source
    /// Poisson sampling: Mironov, Talwar and Zhang 2019. Random allocation: Feldman and Shenfeld 2025 (2502.08202). For
    /// the other two no theorem for our relation is at hand
    /// (sampling without replacement is replace-one), so they are charged as if every device took part; a mechanism with correlated
    /// noise is itself the event of a block, charged for the limits that the coordinator enforces.
    #[must_use]
    pub fn cost(&self, mechanism: DpEvent) -> DpEvent {
        match self {
            Self::Poisson { rate, .. } => mechanism.poisson_sampled(*rate),
            Self::Allocation { rounds_per_device, .. } => {
                let rounds = self.block_rounds();
                let each = NonZeroU32::new(*rounds_per_device).unwrap_or(NonZeroU32::MIN).min(rounds);
                let block = Allocation::new(rounds, each, mechanism.clone());
                // Never, since no more than all rounds are selected. Taking part in all of them costs the most.
                block.map_or_else(|_| mechanism.repeated(rounds.get()), DpEvent::Allocation)
            }
            Self::Fixed { .. } | Self::CheckIn { .. } => mechanism,
        }
    }

    /// What the coordinator enforces for every device, where the task states it.
    #[must_use]
    pub fn limits(&self) -> Option<Limits> {
        match *self {
            Self::Fixed { separation, participations, .. } | Self::CheckIn { separation, participations, .. } => {
                let [separation, participations] = [separation?, participations?].map(NonZeroU32::new);
                Some(Limits { participations: participations?, separation: separation? })
            }
            Self::Poisson { .. } | Self::Allocation { .. } => None,
        }
    }

    /// Whether a device's turns are limited at all, be it only by one of two numbers that belong together.
    pub(crate) fn names_a_limit(&self) -> bool {
        match self {
            Self::Fixed { separation, participations, .. } | Self::CheckIn { separation, participations, .. } => {
                separation.is_some() || participations.is_some()
            }
            Self::Poisson { .. } | Self::Allocation { .. } => false,
        }
    }

    /// Rounds over which the secret assignment of devices hangs together: 1 but for allocation.
    #[must_use]
    pub fn block_rounds(&self) -> NonZeroU32 {
        match self {
            Self::Allocation { block_rounds, .. } => NonZeroU32::new(*block_rounds).unwrap_or(NonZeroU32::MIN),
            Self::Poisson { .. } | Self::Fixed { .. } | Self::CheckIn { .. } => NonZeroU32::MIN,
        }
    }

    /// How long a round stays open, in seconds.
    #[must_use]
    pub fn window_seconds(&self) -> u32 {
        match self {
            Self::Poisson { window_seconds, .. }
            | Self::Allocation { window_seconds, .. }
            | Self::Fixed { window_seconds, .. }
            | Self::CheckIn { window_seconds, .. } => *window_seconds,
        }
    }

    /// How soon a device that gets no work asks again: a tenth of the window (50 ms to 30 s), so that it is back in time for
    /// a round that opens in the meantime.
    #[must_use]
    pub fn come_back(&self) -> Millis {
        Millis((Millis::from_seconds(self.window_seconds()).0 / 10).clamp(50, 30_000))
    }

    /// Reports to be expected before a round opens.
    #[must_use]
    pub fn minimum_reports(&self) -> u32 {
        match self {
            Self::Poisson { minimum_reports, .. }
            | Self::Allocation { minimum_reports, .. }
            | Self::Fixed { minimum_reports, .. }
            | Self::CheckIn { minimum_reports, .. } => *minimum_reports,
        }
    }

    /// Whether who takes part is a secret on which the claim rests.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Poisson { .. } | Self::Allocation { .. })
    }

    /// Probability with which a given enrolled device takes part in a round, where that is part of the claim.
    #[must_use]
    pub fn sampling_rate(&self) -> Option<SamplingRate> {
        match self {
            Self::Poisson { rate, .. } => Some(*rate),
            Self::Allocation { .. } => SamplingRate::new(self.share()).ok(),
            Self::Fixed { .. } | Self::CheckIn { .. } => None,
        }
    }

    /// The share of the rounds in which an enrolled device takes part, where that is decided for each device by itself.
    fn share(&self) -> f64 {
        match self {
            Self::Poisson { rate, .. } => rate.get(),
            Self::Allocation { rounds_per_device, .. } => {
                let rounds = self.block_rounds().get();
                f64::from((*rounds_per_device).min(rounds)) / f64::from(rounds)
            }
            Self::Fixed { .. } | Self::CheckIn { .. } => 1.0,
        }
    }

    /// The constant by which a round's sum is divided: the mean cohort over the enrolled population, never the number
    /// that answered.
    #[must_use]
    pub fn expected_cohort(&self, population: u64) -> f64 {
        match self {
            Self::Poisson { .. } | Self::Allocation { .. } => self.share() * population as f64,
            Self::Fixed { cohort, .. } | Self::CheckIn { cohort, .. } => f64::from(*cohort),
        }
    }

    /// Reports to be expected when `available` of `population` enrolled devices are reachable. Where turns are limited both count
    /// devices whose turn it may be.
    #[must_use]
    pub fn expected_reports(&self, available: u64, population: u64) -> f64 {
        match self {
            Self::Poisson { .. } | Self::Allocation { .. } => self.share() * available as f64,
            Self::Fixed { cohort, .. } => {
                let population = population.max(1) as f64;
                f64::from(*cohort).min(population) * available as f64 / population
            }
            Self::CheckIn { cohort, .. } => f64::from(*cohort).min(available as f64),
        }
    }

    /// A number of devices that a round exceeds with probability below 2^-64: what the ring must hold. Never a cap.
    ///
    /// # Source
    /// Bernstein's inequality for a sum of independent coins (under allocation too devices are independent of one another in
    /// each round): `P(X >= m + t) <= exp(-t^2 / (2 (m + t/3)))`.
    #[must_use]
    pub fn cohort_quantile(&self, population: u64) -> u64 {
        match self {
            Self::Poisson { .. } | Self::Allocation { .. } => {
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
            Self::Allocation { block_rounds, rounds_per_device, .. } => format!(
                "random allocation: before each block of {block_rounds} rounds the coordinator assigns each enrolled device \
                 {rounds_per_device} of them, in secret, uniformly and independently of all others, and never anew"
            ),
            Self::Fixed { cohort, .. } => {
                format!(
                    "none claimed: the coordinator draws {cohort} random devices a round, charged as if all{}",
                    self.turns()
                )
            }
            Self::CheckIn { cohort, .. } => {
                format!(
                    "none claimed: the coordinator takes the first {cohort} to check in, charged as if all{}",
                    self.turns()
                )
            }
        }
    }

    fn turns(&self) -> String {
        let Some(Limits { participations, separation }) = self.limits() else { return String::new() };
        format!(
            "; the coordinator lets each device take part in at most {participations} rounds of a block of correlated noise, any \
             two of its rounds at least {separation} apart, and devices refuse more"
        )
    }
}
