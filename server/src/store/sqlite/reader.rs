//! Ledgers, read beside whoever serves from the directory.

use std::path::Path;

use murmur_privacy::ledger::Entry;

use super::database::{Database, Migrate};
use crate::store::{StoreError, disk::Disk};

/// Reads a data directory without locking it: it may be served from at the same time.
#[derive(Debug)]
pub struct Reader {
    database: Database,
}

impl Reader {
    /// Opens the directory.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when nothing was ever kept there, or another of its variants.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(&mut Disk::default(), folder, Migrate::LockFirst)? })
    }

    /// The populations that have a ledger, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn populations(&self) -> Result<Vec<String>, StoreError> {
        self.database.populations()
    }

    /// All entries of a population's ledger as of now; none when it has no ledger yet.
    ///
    /// # Errors
    /// [`StoreError`], notably for an entry that is none.
    pub fn entries(&self, population: &str) -> Result<Vec<Entry>, StoreError> {
        self.database.entries(population)
    }
}
