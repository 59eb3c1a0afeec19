//! Events that cannot be.

use thiserror::Error;

use super::{MixedRelations, Relation};

/// An event whose parts do not fit each other. It can be neither constructed nor read from a file.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidEvent {
    /// More devices in a sample than there are.
    #[error("a cohort or cap of {cohort} devices cannot be drawn from a population of {population}")]
    CohortAbovePopulation {
        /// Devices in the cohort.
        cohort: u64,
        /// Devices there are.
        population: u64,
    },
    /// More rounds for each device than there are.
    #[error("a device cannot be assigned {selected} different rounds out of {rounds}")]
    SelectedAboveRounds {
        /// Rounds of each device.
        selected: u32,
        /// Rounds there are.
        rounds: u32,
    },
    /// A sample of fixed size under a relation in which its size would differ between the worlds.
    #[error(
        "sampling without replacement is stated for \"{needed}\" only, and this mechanism is stated under \"{found}\": \
         state the mechanism under the former, with twice the bound as sensitivity"
    )]
    SampleSizeUnder {
        /// The relation found.
        found: Relation,
        /// The only one for which a fixed size makes sense.
        needed: Relation,
    },
    /// No strategy, or one that is longer than the run.
    #[error("a strategy for {rounds} rounds cannot have {length} columns or coefficients")]
    StrategyLength {
        /// Columns or coefficients given.
        length: usize,
        /// Rounds of the run.
        rounds: u32,
    },
    /// A run too long for its sensitivity to be computed at once.
    #[error("a matrix mechanism of this kind may have at most {limit} {what}, not {given}")]
    StrategyTooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        given: usize,
        /// How much there may be.
        limit: usize,
    },
    /// A coefficient for which there is no theorem.
    #[error("coefficient {index} of the strategy is {value}: it must be {range}")]
    Coefficient {
        /// Its position, from 0.
        index: usize,
        /// Its value.
        value: f64,
        /// What it must be.
        range: &'static str,
    },
    /// Parts under different relations.
    #[error(transparent)]
    MixedRelations(#[from] MixedRelations),
}
