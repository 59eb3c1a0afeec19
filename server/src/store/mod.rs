//! What survives a crash: ledgers, models, tasks, the secret of a block of rounds under way, who took part in the rounds of a task that
//! limits turns, and who is enrolled.

mod checkpoints;
#[cfg(test)]
mod contract;
mod disk;
mod error;
mod memory;
mod order;
mod pretrained;
mod registry;
mod shared;
pub mod sqlite;

pub use error::{Cause, StoreError};
pub use memory::MemoryStore;
pub use order::{Order, OrderState};
pub use pretrained::keep_pretrained;
pub use registry::{Admits, Enrolled, Redemption, Registry, RegistryError, Roll, Standing};
pub use shared::SharedStore;
pub use sqlite::{SqliteRegistry, SqliteStore};

use murmur_privacy::{Digest, ledger::Entry};
use murmur_round::{
    checkpoint::{Checkpoint, Manifest, read_manifest},
    participation::{Attendance, KeptSecret},
    task::TaskHash,
};

/// Durable state. A method that returns `Ok` has put its argument where a crash of process or machine does not reach it.
///
/// # Contract
/// - entries and attendances come back in the order in which they were appended, byte for byte, and a crash during an append leaves
///   either the whole of one or nothing;
/// - an entry is appended where it follows the last one of its population, and nowhere else; the very entry that is there
///   already is fine, so that whoever was not told what became of an append may ask again;
/// - a failed call leaves what was there before, or all of what was asked for; the store goes on, and the same call
///   succeeds once its cause is gone;
/// - nobody but whoever runs the coordinator can read an attendance;
/// - a checkpoint is there whole (model and optimiser state) or not at all; storing the same one again is fine;
/// - orders come back in the order in which they were put, each once: putting the order for a task that has one changes nothing;
/// - a task has one secret or none; nobody but whoever runs the coordinator can read it, and one that was removed or replaced is
///   not given out again.
pub trait Store: Send + 'static {
    /// The populations that have a ledger, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    fn populations(&mut self) -> Result<Vec<String>, StoreError>;

    /// All entries of a population's ledger; none when it has no ledger yet.
    ///
    /// # Errors
    /// [`StoreError`], notably for an entry that is none.
    fn entries(&mut self, population: &str) -> Result<Vec<Entry>, StoreError>;

    /// Appends one entry durably.
    ///
    /// # Errors
    /// [`StoreError`], notably [`NotNext`](StoreError::NotNext); whether the entry is there is then unknown.
    fn append(&mut self, population: &str, entry: &Entry) -> Result<(), StoreError>;

    /// Keeps a model and its optimiser state durably under the model's digest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// The checkpoint of this model, if there is one. Its bytes are as the medium holds them: check the digest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn checkpoint(&mut self, model: &Digest) -> Result<Option<Checkpoint>, StoreError>;

    /// Keeps a file that a task starts from durably under its SHA-256, which it returns; again is fine.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_pretrained(&mut self, file: &[u8]) -> Result<Digest, StoreError>;

    /// The file of this SHA-256 that a task starts from, if it is there.
    ///
    /// # Errors
    /// [`StoreError`], notably [`Misnamed`](StoreError::Misnamed) for one that was damaged.
    fn pretrained(&mut self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps the secret of the task's block durably, in the place of one that is there.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_secret(&mut self, task: &TaskHash, secret: &KeptSecret) -> Result<(), StoreError>;

    /// The secret kept for the task, if there is one. Its bytes are as the medium holds them.
    ///
    /// # Errors
    /// [`StoreError`].
    fn secret(&mut self, task: &TaskHash) -> Result<Option<KeptSecret>, StoreError>;

    /// Removes the task's secret durably; none being there is fine.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_secret(&mut self, task: &TaskHash) -> Result<(), StoreError>;

    /// Adds to the task's record of who took part, durably.
    ///
    /// # Errors
    /// [`StoreError`]; the attendance must then be taken for lost.
    fn append_attendance(&mut self, task: &TaskHash, attendance: &Attendance) -> Result<(), StoreError>;

    /// The task's record of who took part; empty when nothing was recorded.
    ///
    /// # Errors
    /// [`StoreError`], notably for a line that is no attendance.
    fn attendance(&mut self, task: &TaskHash) -> Result<Vec<Attendance>, StoreError>;

    /// Keeps a task's canonical form durably under its hash, for people and auditors.
    ///
    /// # Errors
    /// [`StoreError`], notably [`OtherTask`](StoreError::OtherTask).
    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError>;

    /// Keeps durably whom a task is for, in the place of what was kept before.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_roll(&mut self, task: &TaskHash, roll: Roll) -> Result<(), StoreError>;

    /// Whom the task is for, if that was kept.
    ///
    /// # Errors
    /// [`StoreError`].
    fn roll(&mut self, task: &TaskHash) -> Result<Option<Roll>, StoreError>;

    /// What every stored model states, whether it was released or not. A file that is no model of ours states nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn manifests(&mut self) -> Result<Vec<(Digest, Manifest)>, StoreError>;

    /// What a stored model states, and its length in bytes, whether it was released or not; none where there is no such model of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    fn manifest(&mut self, model: &Digest) -> Result<Option<(Manifest, u64)>, StoreError> {
        let file = self.checkpoint(model)?.map(|checkpoint| checkpoint.model);
        Ok(file.and_then(|file| Some((read_manifest(&file).ok()?, file.len() as u64))))
    }

    /// Models whose spends were taken over from outside the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    fn reconciled(&mut self) -> Result<Vec<Digest>, StoreError>;

    /// Keeps durably that this model's spend was taken over; again is fine.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_reconciled(&mut self, model: &Digest) -> Result<(), StoreError>;

    /// Keeps what an operator asked for durably, and the task itself, unless the task was asked for before.
    ///
    /// # Errors
    /// [`StoreError`], notably [`OtherTask`](StoreError::OtherTask).
    fn put_order(&mut self, order: &Order) -> Result<(), StoreError>;

    /// Keeps durably how an order stands.
    ///
    /// # Errors
    /// [`StoreError`], notably [`NoOrder`](StoreError::NoOrder).
    fn set_order(&mut self, task: &TaskHash, state: OrderState, reason: Option<&str>) -> Result<(), StoreError>;

    /// Forgets an order that was refused before anything came of it; none being there is fine. The task itself stays.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_order(&mut self, task: &TaskHash) -> Result<(), StoreError>;

    /// Everything that operators asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    fn orders(&mut self) -> Result<Vec<Order>, StoreError>;
}
