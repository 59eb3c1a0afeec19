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
    event: DpEvent,
    provenance: Provenance,
}

impl Receipt {
    pub(super) fn new(
        entry: u64,
        head: Digest,
        task: Digest,
        round: u32,
        event: DpEvent,
        provenance: Provenance,
    ) -> Self {
        Self { entry, head, task, round, event, provenance }
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
