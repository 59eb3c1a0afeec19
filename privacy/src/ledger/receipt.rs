//! Proof that a spend is durable.

use crate::{digest::Digest, event::DpEvent, noise::Provenance};

/// Pays for exactly one release. Not `Clone`; made only by [`Ledger::persisted`](super::Ledger::persisted) and consumed by
/// [`Sum::release`](crate::update::Sum::release).
#[derive(Debug)]
pub struct Receipt {
    entry: u64,
    head: Digest,
    task: Digest,
    round: u32,
    block: u32,
    place: u32,
    event: DpEvent,
    provenance: Provenance,
}

/// Which release a receipt is for.
pub(super) struct Paid {
    pub(super) task: Digest,
    pub(super) round: u32,
    pub(super) block: u32,
    pub(super) place: u32,
    pub(super) event: DpEvent,
}

impl Receipt {
    pub(super) fn new(entry: u64, head: Digest, paid: Paid, provenance: Provenance) -> Self {
        let Paid { task, round, block, place, event } = paid;
        Self { entry, head, task, round, block, place, event, provenance }
    }

    /// Index of the ledger entry that was charged.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// Digest of that entry.
    #[must_use]
    pub fn head(&self) -> Digest {
        self.head
    }

    /// Digest of the task it was charged to.
    #[must_use]
    pub fn task(&self) -> Digest {
        self.task
    }

    /// Number of the round it pays for.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Number of the task's block, from 0, to which the round belongs; where every round is charged by itself, how many were paid
    /// for before it.
    #[must_use]
    pub fn block(&self) -> u32 {
        self.block
    }

    /// Place of the round in its block, from 0: a place is paid for once, whatever became of it.
    #[must_use]
    pub fn place(&self) -> u32 {
        self.place
    }

    /// What was paid for.
    #[must_use]
    pub fn event(&self) -> &DpEvent {
        &self.event
    }

    /// Whose noise was promised.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }
}
