//! What a ledger says of released models: nothing is read from elsewhere, so that nothing unreleased can be among them.

use std::collections::BTreeMap;

use murmur_privacy::{
    Digest,
    ledger::{Entry, Record},
};
use murmur_round::task::TaskHash;
use serde::Serialize;

/// A model that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Release {
    /// SHA-256 of its file.
    pub model_sha256: Digest,
    /// Its task.
    pub task: TaskHash,
    /// The round that released it.
    pub round: u32,
    /// The ledger entry that paid for it.
    pub paid_by: u64,
}

/// The released models of a ledger, in the order of their release.
#[must_use]
pub fn releases(entries: &[Entry]) -> Vec<Release> {
    let (mut paid, mut released) = (BTreeMap::new(), Vec::new());
    for entry in entries {
        match entry.record {
            Record::Spent { task, round, .. } => drop(paid.insert((task, round), entry.index)),
            Record::Released { task, round, model } => {
                // A ledger knows no release without its spend before it.
                let paid_by = paid.get(&(task, round)).copied().unwrap_or(entry.index);
                released.push(Release { model_sha256: model, task, round, paid_by });
            }
            _ => {}
        }
    }
    released
}
