//! Ledgers, tasks and models, read beside whoever serves from the directory.

use std::path::Path;

use murmur_privacy::{Digest, ledger::Entry};
use murmur_round::{checkpoint::Checkpoint, task::TaskHash};
use rusqlite::{OptionalExtension, params};

use super::database::{Database, Migrate};
use crate::store::{
    StoreError,
    checkpoints::Checkpoints,
    disk::{Disk, read},
    pretrained::PretrainedFiles,
};

/// Reads a data directory without locking it: it may be served from at the same time.
#[derive(Debug)]
pub struct Reader {
    database: Database,
    checkpoints: Checkpoints,
    pretrained: PretrainedFiles,
}

impl Reader {
    /// Opens the directory.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when nothing was ever kept there, or another of its variants.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let database = Database::open(&mut Disk::default(), folder, Migrate::LockFirst)?;
        let (checkpoints, pretrained) = (Checkpoints::of(folder), PretrainedFiles::of(folder));
        Ok(Self { database, checkpoints, pretrained })
    }

    /// The populations that have a ledger, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn populations(&self) -> Result<Vec<String>, StoreError> {
        self.database.populations()
    }

    /// The file of a model, if it is there. Its bytes are as the medium holds them: check the digest, and whether it was released.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn model(&self, model: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        read(&self.checkpoints.model_path(model))
    }

    /// A model with its optimiser state, if both are there. Its bytes are as the medium holds them: check the digest, and whether it was
    /// released.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoint(&self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        self.checkpoints.get(model)
    }

    /// The file of this SHA-256 that a task starts from, if it is there.
    ///
    /// # Errors
    /// [`StoreError`], notably [`Misnamed`](StoreError::Misnamed) for one that was damaged.
    pub fn pretrained(&self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.pretrained.get(sha256)
    }

    /// A task's canonical form, if it was ever kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn task(&self, task: &TaskHash) -> Result<Option<Vec<u8>>, StoreError> {
        const SQL: &str = "SELECT json FROM tasks WHERE hash = ?1";
        self.database
            .read(|connection| connection.query_row(SQL, params![task.as_bytes()], |row| row.get(0)).optional())
    }

    /// All entries of a population's ledger as of now; none when it has no ledger yet.
    ///
    /// # Errors
    /// [`StoreError`], notably for an entry that is none.
    pub fn entries(&self, population: &str) -> Result<Vec<Entry>, StoreError> {
        self.database.entries(population)
    }
}
