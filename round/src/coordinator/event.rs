//! What goes into the coordinator, and what comes out.

use murmur_privacy::{Digest, Grid, Upload, ledger::Entry, units::Clip};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    checkpoint::Checkpoint,
    device_id::DeviceId,
    measure::LocalMetrics,
    participation::{Attendance, KeptSecret},
    task::TaskHash,
    time::Millis,
};

/// Something that happened outside. Its `Debug` shows nothing that one device measured.
#[derive(Debug)]
pub enum Event {
    /// Time passed; due at [`next_deadline`](super::Coordinator::next_deadline).
    Tick,
    /// A device asks for work.
    CheckIn(DeviceId),
    /// A device sent its update. Its bytes were checked against the grid when the [`Upload`] was made.
    Upload {
        /// Who sent it.
        device: DeviceId,
        /// The round it was assigned to.
        round: u32,
        /// The contribution.
        upload: Upload,
        /// What the device measured, in clear: only for a task that asks for it.
        open_metrics: Option<LocalMetrics>,
    },
    /// An assigned device will not answer this round. It counts as zero, like one that is never heard of again.
    Withdraw {
        /// Who withdraws.
        device: DeviceId,
        /// The round it was assigned to.
        round: u32,
    },
    /// The entry of the last [`Effect::Persist`] is durable, and so is everything stored before it.
    Persisted {
        /// Index of the entry.
        entry: u64,
    },
}

/// Something to be done outside, in order.
#[derive(Debug)]
pub enum Effect {
    /// Give a device work.
    Assign {
        /// Who gets it.
        device: DeviceId,
        /// The work.
        assignment: Assignment,
    },
    /// Send a device away for now, or for good.
    TurnAway {
        /// Who asked.
        device: DeviceId,
        /// Why, and when to come back.
        reason: TurnedAway,
    },
    /// Answer an upload or a withdrawal.
    Answer {
        /// Who sent it.
        device: DeviceId,
        /// The round it named.
        round: u32,
        /// What became of it.
        verdict: Verdict,
    },
    /// Make a model file durable under its digest, unpublished.
    Store(Checkpoint),
    /// Keep a block's secret where only the coordinator can read it, in the place of the last one, and hand it in when the
    /// task's coordinator [starts](super::Coordinator::start) again. One that is lost costs the rest of the block.
    Keep(KeptSecret),
    /// The block of the kept secret is over: destroy it.
    Forget,
    /// Add to the durable record of who took part, where only the coordinator can read it, and hand the whole record in, in order, when
    /// the task's coordinator [starts](super::Coordinator::start) again. A record with a gap costs the rest of its block.
    Record(Attendance),
    /// Make a ledger entry durable, then hand in [`Event::Persisted`]. Stored checkpoints, kept secrets and recorded attendances must
    /// be durable before it.
    Persist(Entry),
    /// The model of this digest may be read by devices and people from now on.
    Publish {
        /// The round that released it; `None` for the initial model.
        round: Option<u32>,
        /// Its digest.
        model: Digest,
    },
    /// The task is over.
    Finished(Outcome),
}

/// What a device is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Hash of the task that says how.
    pub task: TaskHash,
    /// Number of the round.
    pub round: u32,
    /// Position of the round in its task: rounds paid for, or given up, before it. By positions a device knows its turns; numbers of
    /// abandoned rounds are left out in them.
    pub position: u32,
    /// Digest of the model to start from.
    pub model: Digest,
    /// Grid on which the update is to be encoded.
    pub grid: Grid,
    /// The round's clip: the task's own unless that is adaptive.
    pub clip: Clip,
    /// The round's pull towards the model to start from (FedProx), where that is adaptive.
    pub mu: Option<f32>,
}

/// Why a device got no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// No round is open, or the device is not part of it, or it is not its turn. Under sampling the first two are not told apart.
    ComeBack {
        /// When to ask again.
        after: Millis,
    },
    /// It was never enrolled.
    NotEnrolled,
    /// The task is over.
    Finished,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Counted, once; also the answer to the same upload sent again.
    Accepted,
    /// Not counted.
    Refused(Refusal),
}

/// Why an upload was not counted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The round is not open (any more).
    #[error("the round is closed")]
    RoundClosed,
    /// The device has no assignment in this round.
    #[error("the device was not assigned to this round")]
    NotAssigned,
    /// The upload lies on another grid than the round's.
    #[error("the upload lies on another grid than the round's")]
    WrongGrid,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All rounds of the schedule were paid for.
    Completed,
    /// The next round would have passed the task's reservation.
    BudgetExhausted,
    /// The driver asked for fewer rounds.
    StoppedEarly,
    /// The coordinator could not go on; the model of the last paid round is kept.
    Failed(String),
}
