//! One population's ledger among the coordinators of its tasks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use murmur_privacy::{
    Digest, Ledger, Provenance, Receipt,
    ledger::{Entry, LedgerError, TaskAccount},
};

use crate::founding::Founding;

/// A population's ledger, from which several tasks pay. A clone is another handle on the same ledger.
///
/// # Guarantee
/// Entries form one chain, whichever coordinator proposes them. The ledger has at most one entry in flight: whoever drives
/// the coordinators of a population carries out every [`Effect`](crate::coordinator::Effect) of one of them before the
/// next of them takes in an event. One that does not is told so by [`LedgerError`], and nothing is spent twice.
#[derive(Clone, Debug)]
pub struct SharedLedger(Arc<Mutex<Ledger>>);

impl From<Ledger> for SharedLedger {
    fn from(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }
}

impl SharedLedger {
    /// The ledger, for as long as the guard lives. No coordinator may take in an event meanwhile.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Every method of a ledger either proposes a whole entry or changes nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Ledger::provenance`].
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.lock().provenance()
    }

    /// Digest of the last entry.
    #[must_use]
    pub fn head(&self) -> Digest {
        self.lock().head()
    }

    /// A task's account as of now.
    ///
    /// # Errors
    /// [`LedgerError::UnknownTask`].
    pub fn account(&self, task: &Digest) -> Result<TaskAccount, LedgerError> {
        self.lock().account(task).cloned()
    }

    /// What the task's rounds are paid from.
    ///
    /// # Errors
    /// [`LedgerError::UnknownTask`].
    pub fn founding(&self, task: &Digest) -> Result<Founding, LedgerError> {
        let ledger = self.lock();
        let reservation = ledger.account(task)?.reservation().clone();
        Ok(Founding { opening: ledger.opening().clone(), reservation })
    }

    /// Rounds of the task that were paid for, or given up.
    pub(crate) fn rounds_spent(&self, task: &Digest) -> u32 {
        self.lock().account(task).map_or(0, TaskAccount::rounds_spent)
    }

    pub(crate) fn open_round(&self, task: Digest, round: u32) -> Result<Entry, LedgerError> {
        self.lock().open_round(task, round)
    }

    pub(crate) fn spend(&self, task: Digest, round: u32) -> Result<Entry, LedgerError> {
        self.lock().spend(task, round)
    }

    pub(crate) fn release(&self, task: Digest, round: u32, model: Digest) -> Result<Entry, LedgerError> {
        self.lock().release(task, round, model)
    }

    pub(crate) fn abandon(&self, task: Digest, round: u32) -> Result<Entry, LedgerError> {
        self.lock().abandon(task, round)
    }

    pub(crate) fn forfeit(&self, task: Digest) -> Result<Entry, LedgerError> {
        self.lock().forfeit(task)
    }

    pub(crate) fn persisted(&self, index: u64) -> Result<Option<Receipt>, LedgerError> {
        self.lock().persisted(index)
    }
}
