//! Why an `[evaluation]` section is none.

use thiserror::Error;

use super::{CANDIDATE_LIMIT, MODEL_LIMIT};
use crate::plan::PlanError;

/// An `[evaluation]` section that no device could follow, or that says something without a meaning.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EvaluationError {
    /// No part of anything.
    #[error(
        "evaluation.held_out must be above 0 and at most 1, not {held_out}: the part of a device's examples on which it measures"
    )]
    HeldOut {
        /// The number given.
        held_out: f64,
    },
    /// Everything is held out, and a candidate trains.
    #[error(
        "evaluation.held_out is 1, which leaves the candidate {candidate:?} nothing to train on: hold out less, or remove its plan"
    )]
    NothingToTrainOn {
        /// The candidate.
        candidate: String,
    },
    /// None, or too many.
    #[error("evaluation.candidates has {found} of them; it must have 1 to {most}", most = CANDIDATE_LIMIT)]
    Count {
        /// How many there are.
        found: usize,
    },
    /// A name that could not stand in a table.
    #[error(
        "evaluation.candidates: {name:?} is no name; it must have 1 to 64 characters, no control characters, and no space at its ends"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Two of one name.
    #[error("evaluation.candidates: two are called {name:?}: give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
    /// Too many files.
    #[error(
        "evaluation.candidates begin with {found} models of their own; there may be {most}, since every device fetches and keeps them: make \
         two tasks of it", most = MODEL_LIMIT
    )]
    Models {
        /// How many there are.
        found: usize,
    },
    /// No path.
    #[error("evaluation.candidates, {candidate:?}: model.file must be the path of a file, of 1 to 255 bytes")]
    File {
        /// The candidate's name.
        candidate: String,
    },
    /// A candidate that cannot be trained.
    #[error("evaluation.candidates, {candidate:?}: {cause}")]
    Plan {
        /// Its name.
        candidate: String,
        /// What is wrong with its plan.
        cause: PlanError,
    },
    /// A plan that is another one in other rounds.
    #[error(
        "evaluation.candidates, {candidate:?}: plan.{key} changes from round to round, and the rounds of an evaluation measure one thing: \
         remove it"
    )]
    Changing {
        /// The candidate's name.
        candidate: String,
        /// The key.
        key: &'static str,
    },
    /// A key of `[privacy]` about updates.
    #[error("privacy.{key} does not go with [evaluation]: {why}")]
    Privacy {
        /// The key.
        key: &'static str,
        /// What it would need.
        why: &'static str,
    },
    /// A part of a model, where nothing of it is trained.
    #[error(
        "pretrained.freeze and pretrained.lora do not go with [evaluation], which sends nothing of a model: remove them, and devices get the \
         whole of it"
    )]
    Partial,
    /// Nothing said about how far losses reach.
    #[error(
        "privacy.metrics is missing: with [evaluation] it is {{ loss_bound = B }}, what devices measure having the whole budget"
    )]
    NoMetrics,
    /// A task that trains says nothing about what metrics may use of its budget.
    #[error("privacy.metrics.share is missing: only what is measured for an [evaluation] has the whole budget")]
    NoShare,
}
