//! Why nobody could take part.

use murmur_privacy::correlated::Limits;
use thiserror::Error;

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
    /// More rounds for each device than a block has.
    #[error(
        "participation.rounds_per_device is {rounds_per_device}, but a block has {block_rounds} rounds \
         (participation.block_rounds): no device can take part in a round twice"
    )]
    RoundsPerDeviceAboveBlock {
        /// Rounds of each device in each block.
        rounds_per_device: u32,
        /// Rounds of a block.
        block_rounds: u32,
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
    /// Rounds might wait for ever for somebody whose turn it is.
    #[error(
        "with participation.separation = {} and participation.participations = {} it might be nobody's turn: {least} enrolled \
         devices are needed so that {wanted} can always take part, and there are {population}. Take a smaller cohort or separation, \
         or more participations",
        limits.separation,
        limits.participations
    )]
    TooFewForTurns {
        /// Devices needed.
        least: u64,
        /// Devices that a round needs.
        wanted: u32,
        /// Devices enrolled.
        population: u64,
        /// What is enforced.
        limits: Limits,
    },
}
