//! A fleet between two rounds: what is written down of it, and what it starts again with.

use std::collections::{BTreeMap, HashMap};

use murmur_privacy::ledger::Entry;
use murmur_round::{
    checkpoint::Checkpoint,
    coordinator::Stored,
    participation::{Attendance, KeptSecret, Turn},
    task::TaskHash,
    time::Time,
};

use super::{local::LocalBudgets, own::OwnLayers};
use crate::SimError;

/// What a coordinator asked to be kept, beside its ledger and its model.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) secret: Option<Vec<u8>>,
    pub(super) attendance: Vec<String>,
}

/// Where devices stand between two rounds, when none has work.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) now: Time,
    pub(super) queue: Vec<(u64, u64)>,
    pub(super) turns: HashMap<u64, BTreeMap<TaskHash, Turn>>,
}

/// A fleet between two rounds, to be written down.
pub(super) struct State<'a> {
    pub(super) entropy: u128,
    pub(super) queue: Vec<(u64, u64)>,
    pub(super) turns: &'a HashMap<u64, BTreeMap<TaskHash, Turn>>,
    pub(super) local: &'a Option<LocalBudgets>,
    pub(super) own: &'a Option<OwnLayers>,
    pub(super) now: Time,
    pub(super) entries: &'a [Entry],
    pub(super) model: &'a Option<Checkpoint>,
    pub(super) kept: &'a Kept,
}

/// What a coordinator starts again with.
pub(super) fn stored(checkpoint: Checkpoint, kept: &Kept) -> Result<Stored, SimError> {
    let damaged = |error: &dyn std::fmt::Display| SimError::Failed(error.to_string());
    let attendance = kept.attendance.iter().map(|line| Attendance::from_line(line).map_err(|error| damaged(&error)));
    Ok(Stored {
        checkpoint: Some(checkpoint),
        secret: kept.secret.clone().map(KeptSecret::new),
        attendance: attendance.collect::<Result<_, _>>()?,
        // There is a model already.
        pretrained: None,
    })
}
