//! What goes into a device, and what comes out.

use std::sync::Arc;

use murmur_privacy::{
    Delta, Digest, Upload,
    local::ledger::{LocalEntry, LocalLedgerError},
};
use thiserror::Error;

use crate::{
    coordinator::{Assignment, TurnedAway, Verdict},
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    params::Params,
    participation::{NotYourTurn, Turn},
    plan::{LocalPlan, ShuffleSeed},
    task::{Task, TaskError, TaskHash},
};

/// Something that happened outside.
pub enum DeviceEvent {
    /// Time passed; due at [`next_deadline`](super::Device::next_deadline).
    Tick,
    /// The coordinator gave work.
    Assigned(Assignment),
    /// The coordinator sent the device away.
    TurnedAway(TurnedAway),
    /// The task asked for, by the driver's cache or from the coordinator.
    Task(Arc<Task>),
    /// The model asked for.
    Model(Arc<Params>),
    /// The layers of the device's own that were asked for: as [`DeviceEffect::KeepOwn`] kept them last for this task, or as the task begins
    /// with them ([`Beginning::own`](crate::beginning::Beginning::own)).
    Own(Params),
    /// Local training is done.
    Trained {
        /// What it came to.
        delta: Delta,
        /// How well the model that it began with does on the device's examples; absent where nobody asked, or there are none.
        metrics: Option<LocalMetrics>,
    },
    /// The candidates of the last [`DeviceEffect::Measure`] are measured, in their order; nothing where there are no examples.
    Measured(Option<Vec<LocalMetrics>>),
    /// What [`DeviceEffect::Keep`] named is durable: first the sealed bytes, then this entry.
    Kept {
        /// Index of the entry.
        entry: u64,
    },
    /// The bytes that were sealed for the round before; absent when they are lost.
    Recalled(Option<Vec<u8>>),
    /// The coordinator answered the upload.
    Answered(Verdict),
    /// A request failed for good (after the link's own retries), or local work could not be done.
    Failed,
}

/// Something to be done outside.
pub enum DeviceEffect {
    /// Ask the coordinator for work.
    CheckIn,
    /// Get the task of this hash. The driver checks the hash of what it got.
    FetchTask(TaskHash),
    /// Get the model of this digest: a released one, or what a candidate begins with. The driver checks the digest of what it got.
    FetchModel(Digest),
    /// Get the layers that are the device's own in this task.
    RecallOwn {
        /// The task.
        task: TaskHash,
    },
    /// Keep the layers that are the device's own in this task, in the place of earlier ones. They never leave the device. No promise rests on
    /// them: a device that lost them begins them anew.
    KeepOwn {
        /// The task.
        task: TaskHash,
        /// The layers.
        own: Params,
    },
    /// Train locally.
    Train {
        /// Where to start: with the device's own layers, where the task has such.
        params: Arc<Params>,
        /// How.
        plan: LocalPlan,
        /// In which order.
        seed: ShuffleSeed,
        /// Whether to measure the model first.
        measure: bool,
    },
    /// Measure the candidates of an evaluation locally that begin with one model. Of several models, one after the other is asked for.
    Measure {
        /// The model.
        params: Arc<Params>,
        /// What is made of it, and on what it is measured.
        plan: EvaluationPlan,
        /// In which order examples are held out and trained on.
        seed: ShuffleSeed,
    },
    /// Keep this record of the device's turns in the task, in the place of an earlier one, and make it durable before what follows; it
    /// is handed in when the device [is restored](super::Device::restored).
    Remember {
        /// The task.
        task: TaskHash,
        /// Its last turn, the one that follows included.
        turn: Turn,
    },
    /// Make the sealed bytes durable, then the entry of the device's own ledger that pays for sending them; then hand in
    /// [`DeviceEvent::Kept`]. If that fails the device ends: it no longer knows what it has spent.
    Keep {
        /// The task.
        task: TaskHash,
        /// The round.
        round: u32,
        /// What will be sent for this round, if anything ever is.
        sealed: Vec<u8>,
        /// The charge.
        entry: LocalEntry,
    },
    /// Read the bytes that were kept for a round that was charged before.
    Recall {
        /// The task.
        task: TaskHash,
        /// The round.
        round: u32,
    },
    /// Send the update. A retry sends the same one again.
    Send {
        /// The round it belongs to.
        round: u32,
        /// The update.
        upload: Upload,
        /// What the device measured, in clear: only for a task that asks for it.
        open_metrics: Option<LocalMetrics>,
    },
    /// Tell the coordinator that nothing will come.
    Withdraw {
        /// The round it belongs to.
        round: u32,
    },
}

/// What a device refuses, whatever its coordinator says.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DeviceError {
    /// The grid would let more of the update through than the task's clip.
    #[error("the assignment's grid bounds an update by {bound}, the task's clip is {clip}")]
    GridAboveClip {
        /// Bound of the grid, in units of the parameters.
        bound: f64,
        /// Clip of the task.
        clip: f64,
    },
    /// Another clip than the task's, which has a fixed one.
    #[error("the assignment's clip is {found}, the task's is {clip} and does not adapt")]
    OtherClip {
        /// Clip of the assignment.
        found: f64,
        /// Clip of the task.
        clip: f64,
    },
    /// The grid has no place for what the task measures, or the task has no such local randomiser.
    #[error("the assignment does not fit the task")]
    Encoding(#[source] TaskError),
    /// The grid or the model is for another number of parameters than the task's model.
    #[error("the task's model has {expected} parameters, the assignment is for {found}")]
    Dimension {
        /// Parameters of the task's model.
        expected: usize,
        /// Parameters of the grid or the model handed in.
        found: usize,
    },
    /// The device's own trainer measured fewer or more than it was asked to.
    #[error("the task has {expected} candidates, and the device's trainer measured {found}")]
    Candidates {
        /// Candidates of the task.
        expected: usize,
        /// Measured.
        found: usize,
    },
    /// The task promises that a device takes part less often, or not so soon again.
    #[error(transparent)]
    NotYourTurn(#[from] NotYourTurn),
    /// The task has devices randomise their own updates, and nobody said what this one may spend on that.
    #[error(
        "the task has devices randomise their own updates ([privacy.local]), and this device has no lifetime budget for that: give it one"
    )]
    NoLocalBudget,
    /// The device's own ledger refuses.
    #[error("the device's own budget: {0}")]
    LocalLedger(LocalLedgerError),
    /// An answer to a question that was not asked.
    #[error("the device did not expect this event now")]
    Unexpected,
}

impl From<LocalLedgerError> for DeviceError {
    fn from(error: LocalLedgerError) -> Self {
        Self::LocalLedger(error)
    }
}

impl DeviceError {
    /// Whether the device will take part in the task no more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::NoLocalBudget | Self::LocalLedger(LocalLedgerError::OverBudget { .. }))
    }

    /// Whether it concerns one round only, and the device asks again: its record may be ahead of the coordinator's when an update got
    /// lost on the way.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::NotYourTurn(_))
    }
}
