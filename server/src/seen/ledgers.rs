//! Ledgers, and whether they are sound.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use murmur_privacy::{Digest, Ledger, ledger::Entry};

use super::{Seen, SeenError, locked};
use crate::{
    moment::Moment,
    store::{Store, StoreError},
};

/// How long what was found about a ledger is good enough for a page, in times that finding it took. Whoever asks for the verdict itself
/// gets a new one.
const REST: u32 = 20;
/// At least so long.
const LEAST_REST: Duration = Duration::from_secs(1);

/// A ledger as it was read from the medium, and what replaying it found.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Its entries.
    pub(crate) entries: Vec<Entry>,
    /// Whether the chain holds and every rule was kept; else what is wrong, in words.
    pub(crate) sound: Result<(), String>,
    /// When that was found.
    pub(crate) at: Moment,
    good_until: Instant,
}

impl Checked {
    /// Digest of the last entry.
    pub(crate) fn head(&self) -> Digest {
        self.entries.last().map_or(Digest::ZERO, |entry| entry.digest)
    }
}

impl<S: Store> Seen<S> {
    /// A population's ledger.
    pub(crate) fn entries(&self, population: &str) -> Result<Vec<Entry>, SeenError> {
        let entries = self.0.tasks.store().entries(population)?;
        if entries.is_empty() { Err(SeenError::NoLedger { population: population.to_owned() }) } else { Ok(entries) }
    }

    /// Replays a population's ledger from the medium: its chain, and every rule that it must keep.
    pub(crate) fn verified(&self, population: &str) -> Result<Ledger, SeenError> {
        Ok(Ledger::replay(self.entries(population)?)?)
    }

    /// As [`verified`](Self::verified), with what was wrong as something to be shown, and not much more often than it is worth: it may be
    /// a little older than the ledger.
    pub(crate) fn checked(&self, population: &str) -> Result<Arc<Checked>, SeenError> {
        // Held meanwhile: whoever else asks waits for the same answer.
        let mut all = locked(&self.0.checked);
        if let Some(checked) = all.get(population)
            && Instant::now() < checked.good_until
        {
            return Ok(checked.clone());
        }
        let begun = Instant::now();
        let (entries, sound) = match self.entries(population) {
            Ok(entries) => (entries.clone(), Ledger::replay(entries).map(drop).map_err(|error| error.to_string())),
            // An entry that is none: there is nothing to be shown but that.
            Err(SeenError::Store(error @ StoreError::Malformed { .. })) => (Vec::new(), Err(error.to_string())),
            Err(error) => return Err(error),
        };
        let good_until = Instant::now() + (begun.elapsed() * REST).max(LEAST_REST);
        let checked = Arc::new(Checked { entries, sound, at: Moment::now(), good_until });
        all.insert(population.to_owned(), checked.clone());
        Ok(checked)
    }
}
