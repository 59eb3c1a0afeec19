//! Correlations that cannot be.

use thiserror::Error;

/// Numbers from which no correlated mechanism can be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorrelationError {
    /// None, or more than there may be.
    #[error("the {what} of a correlated mechanism must be 1 to {limit}, not {given}")]
    Count {
        /// What there is too much or too little of.
        what: &'static str,
        /// How much there is.
        given: u32,
        /// How much there may be.
        limit: u32,
    },
    /// More bands than rounds.
    #[error("{bands} bands do not fit into a block of {rounds} rounds")]
    BandsAboveRounds {
        /// Coefficients of the strategy.
        bands: u32,
        /// Rounds of the block.
        rounds: u32,
    },
    /// Participations of one device whose noise overlaps.
    #[error(
        "{bands} bands need a separation of at least {bands} rounds, not {separation}: within a device's separation the bands \
         of two of its rounds would overlap. Take fewer bands or a larger separation"
    )]
    BandsAboveSeparation {
        /// Coefficients of the strategy.
        bands: u32,
        /// Least distance between two rounds of a device.
        separation: u32,
    },
    /// A distance that no two rounds of a block have.
    #[error("a separation of {separation} rounds does not fit into a block of {rounds} rounds")]
    SeparationAboveRounds {
        /// Least distance between two rounds of a device.
        separation: u32,
        /// Rounds of the block.
        rounds: u32,
    },
    /// A tree that the run breaks off.
    #[error(
        "{rounds} rounds are no whole number of trees of {leaves} leaves: make the rounds a multiple of the leaves"
    )]
    PartialTree {
        /// Rounds of a tree.
        leaves: u32,
        /// Rounds of the run.
        rounds: u32,
    },
    /// More than one leaf of a tree for a device.
    #[error("in each tree a device takes part at most once, not {participations} times: participations must be 1")]
    OncePerTree {
        /// Rounds of a device in a block.
        participations: u32,
    },
    /// Written-out coefficients for which there is no theorem.
    #[error("the {what} at place {index} is {numerator}/65536: it must be {range}")]
    Coefficient {
        /// What it is.
        what: &'static str,
        /// Its position, from 0.
        index: usize,
        /// Its value in units of `2^-16`.
        numerator: u32,
        /// What it must be.
        range: &'static str,
    },
}
