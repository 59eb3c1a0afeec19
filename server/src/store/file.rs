//! A folder: `<population>/ledger.jsonl`, `models/<digest>.safetensors`, `tasks/<hash>.json`; and, which only their owner can read,
//! `tasks/<hash>.secret` while a block of rounds is under way, and `tasks/<hash>.attendance.jsonl` of a task that limits turns.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use murmur_privacy::{Digest, ledger::Entry};
use murmur_round::{
    checkpoint::Checkpoint,
    participation::{Attendance, KeptSecret},
    task::TaskHash,
};

use super::{
    Store, StoreError,
    disk::{Disk, at, read},
    line_file::LineFile,
};

/// Held for as long as the store lives; a population's name cannot start with a dot.
const LOCK: &str = ".lock";

/// A store in one folder, which no second process can open.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
    ledgers: BTreeMap<String, LineFile<Entry>>,
    attendances: BTreeMap<TaskHash, LineFile<Attendance>>,
    disk: Disk,
    _lock: File,
}

impl FileStore {
    /// Opens the folder, making it when it is not there, and locks it. The operating system lifts the lock when the
    /// process ends, however it ends.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has the folder.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let path = folder.join(LOCK);
        let lock = File::options().write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { folder: folder.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        let mut disk = Disk::default();
        disk.sync_parent(folder)?;
        for name in ["models", "tasks"] {
            disk.create_folder(&folder.join(name))?;
        }
        let (ledgers, attendances) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { folder: folder.to_owned(), ledgers, attendances, disk, _lock: lock })
    }

    /// The model file of this digest, whether it exists or not.
    #[must_use]
    pub fn model_path(&self, model: &Digest) -> PathBuf {
        self.folder.join("models").join(format!("{model}.safetensors"))
    }

    fn optimizer_path(&self, model: &Digest) -> PathBuf {
        self.folder.join("models").join(format!("{model}.optimizer.safetensors"))
    }

    fn secret_path(&self, task: &TaskHash) -> PathBuf {
        self.folder.join("tasks").join(format!("{task}.secret"))
    }

    fn attendance_path(&self, task: &TaskHash) -> PathBuf {
        self.folder.join("tasks").join(format!("{task}.attendance.jsonl"))
    }

    fn attended(&mut self, task: &TaskHash) -> Result<(&mut Disk, &mut LineFile<Attendance>), StoreError> {
        let path = self.attendance_path(task);
        if !self.attendances.contains_key(task) {
            let attendance = LineFile::open(&mut self.disk, &path)?;
            self.attendances.insert(*task, attendance);
        }
        let attendance = self.attendances.get_mut(task).ok_or(StoreError::Broken { path })?;
        Ok((&mut self.disk, attendance))
    }

    fn ledger_path(&self, population: &str) -> PathBuf {
        self.folder.join(population).join("ledger.jsonl")
    }

    fn opened(&mut self, population: &str) -> Result<(&mut Disk, &mut LineFile<Entry>), StoreError> {
        let path = self.ledger_path(population);
        if !self.ledgers.contains_key(population) {
            self.disk.create_folder(&self.folder.join(population))?;
            let ledger = LineFile::open(&mut self.disk, &path)?;
            self.ledgers.insert(population.to_owned(), ledger);
        }
        let ledger = self.ledgers.get_mut(population).ok_or(StoreError::Broken { path })?;
        Ok((&mut self.disk, ledger))
    }

    #[cfg(test)]
    pub(super) fn take_steps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.disk.steps)
    }
}

impl Store for FileStore {
    fn entries(&mut self, population: &str) -> Result<Vec<Entry>, StoreError> {
        if !self.ledgers.contains_key(population) && !self.ledger_path(population).exists() {
            return Ok(Vec::new());
        }
        let (_, ledger) = self.opened(population)?;
        Ok(ledger.lines().to_vec())
    }

    fn append(&mut self, population: &str, entry: &Entry) -> Result<(), StoreError> {
        let (disk, ledger) = self.opened(population)?;
        ledger.append(disk, entry)
    }

    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let (expected, found) = (checkpoint.digest, Digest::of(&checkpoint.model));
        if expected != found {
            return Err(StoreError::Misnamed { expected, found });
        }
        // The model last: where its file is, the optimiser's is too.
        let (optimizer, model) = (self.optimizer_path(&expected), self.model_path(&expected));
        self.disk.put(&optimizer, &checkpoint.optimizer)?;
        self.disk.put(&model, &checkpoint.model)
    }

    fn checkpoint(&mut self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        let files = (read(&self.model_path(model))?, read(&self.optimizer_path(model))?);
        Ok(match files {
            (Some(bytes), Some(optimizer)) => Some(Checkpoint { model: bytes, digest: *model, optimizer }),
            _ => None,
        })
    }

    fn put_secret(&mut self, task: &TaskHash, secret: &KeptSecret) -> Result<(), StoreError> {
        self.disk.replace_secret(&self.secret_path(task), secret.expose())
    }

    fn secret(&mut self, task: &TaskHash) -> Result<Option<KeptSecret>, StoreError> {
        Ok(read(&self.secret_path(task))?.map(KeptSecret::new))
    }

    fn remove_secret(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.disk.remove(&self.secret_path(task))
    }

    fn append_attendance(&mut self, task: &TaskHash, attendance: &Attendance) -> Result<(), StoreError> {
        let (disk, file) = self.attended(task)?;
        file.append(disk, attendance)
    }

    fn attendance(&mut self, task: &TaskHash) -> Result<Vec<Attendance>, StoreError> {
        if !self.attendances.contains_key(task) && !self.attendance_path(task).exists() {
            return Ok(Vec::new());
        }
        let (_, file) = self.attended(task)?;
        Ok(file.lines().to_vec())
    }

    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError> {
        self.disk.put(&self.folder.join("tasks").join(format!("{hash}.json")), json)
    }
}
