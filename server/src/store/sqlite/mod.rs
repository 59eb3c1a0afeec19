//! A data directory: `murmur.sqlite` for all that is appended, changed or looked up, and `models/` and `pretrained/` for what is
//! large.
//!
//! One process at a time serves from the directory; others may read and write beside it what a [`Reader`] or a
//! registry offers. The database is write-ahead logged and every commit is synced before it returns.

mod backup;
mod database;
mod orders;
mod reader;
mod redeem;
mod registry;
mod schema;

pub use backup::{backup, restore};
pub use reader::Reader;
pub use registry::SqliteRegistry;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use murmur_privacy::{Digest, ledger::Entry};
use murmur_round::{
    checkpoint::{Checkpoint, Manifest},
    participation::{Attendance, DamagedAttendance, KeptSecret},
    task::TaskHash,
};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Order, OrderState, Roll, Store, StoreError, checkpoints::Checkpoints, disk::Disk, pretrained::PretrainedFiles,
};
use crate::failpoint::reached;
use database::{Database, Migrate};

/// A store in one folder, which no second process can open.
#[derive(Debug)]
pub struct SqliteStore {
    database: Database,
    checkpoints: Checkpoints,
    pretrained: PretrainedFiles,
    disk: Disk,
    _lock: File,
}

impl SqliteStore {
    /// Opens the folder, making it when it is not there, and locks it. The operating system lifts the lock when the
    /// process ends, however it ends.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has the folder; [`Foreign`](StoreError::Foreign),
    /// [`Newer`](StoreError::Newer) and [`Older`](StoreError::Older) for what cannot be gone on from.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut disk = Disk::default();
        database::create_folder(&mut disk, folder)?;
        let lock = database::lock(folder)?.ok_or_else(|| StoreError::InUse { folder: folder.to_owned() })?;
        let database = Database::create(&mut disk, folder, Migrate::Locked)?;
        // What an earlier process wrote is built upon from here on: it must be on the medium. Secrets that it removed
        // must not lie in the log.
        database.fold_log();
        for file in database.files() {
            disk.sync_path(&file)?;
        }
        disk.sync_parent(&folder.join(database::FILE))?;
        let checkpoints = Checkpoints::open(&mut disk, folder)?;
        Ok(Self { database, checkpoints, pretrained: PretrainedFiles::of(folder), disk, _lock: lock })
    }

    /// The model file of this digest, whether it exists or not.
    #[must_use]
    pub fn model_path(&self, model: &Digest) -> PathBuf {
        self.checkpoints.model_path(model)
    }

    #[cfg(test)]
    pub(super) fn take_steps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.disk.steps)
    }

    /// Lets the database grow no further, as a full disk would.
    #[cfg(test)]
    pub(super) fn limit_pages(&mut self, pages: u32) {
        self.database.limit_pages(pages);
    }

    /// Commits, which is durable when it returns.
    fn commit<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        reached("commit.before");
        let done = self.database.write(work)?;
        reached("commit.after");
        self.disk.note("commit", Path::new(what));
        Ok(done)
    }
}

/// What became of an entry handed in.
enum Appended {
    Done,
    ThereAlready,
    NotNext,
}

fn append(transaction: &Transaction<'_>, population: &str, entry: &Entry, line: &str) -> rusqlite::Result<Appended> {
    let population = schema::population(transaction, population)?;
    let position = entry.index.cast_signed();
    let mut statement = transaction.prepare_cached(
        "SELECT position, digest, line FROM entries WHERE population = ?1 AND position >= ?2 - 1 ORDER BY position LIMIT 2",
    )?;
    let near: Vec<(i64, [u8; 32], String)> = statement
        .query_map(params![population, position], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    if near.iter().any(|(at, _, there)| *at == position && there == line) {
        return Ok(Appended::ThereAlready);
    }
    // Nothing at its place, and what it builds upon right before it.
    let follows = match near.as_slice() {
        [] => position == 0 && entry.previous == Digest::ZERO,
        [(at, digest, _)] => *at == position - 1 && entry.previous.as_bytes() == digest,
        _ => false,
    };
    if !follows {
        return Ok(Appended::NotNext);
    }
    transaction
        .prepare_cached("INSERT INTO entries (population, position, digest, line) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![population, position, entry.digest.as_bytes(), line])?;
    Ok(Appended::Done)
}

impl Store for SqliteStore {
    fn populations(&mut self) -> Result<Vec<String>, StoreError> {
        self.database.populations()
    }

    fn entries(&mut self, population: &str) -> Result<Vec<Entry>, StoreError> {
        self.database.entries(population)
    }

    fn append(&mut self, population: &str, entry: &Entry) -> Result<(), StoreError> {
        let line = entry.to_line()?;
        match self.commit("entry", |transaction| append(transaction, population, entry, &line))? {
            Appended::Done => Ok(()),
            // Whoever put it there may have died before it was synced.
            Appended::ThereAlready => self.database.files().iter().try_for_each(|file| self.disk.sync_path(file)),
            Appended::NotNext => Err(StoreError::NotNext { population: population.to_owned(), index: entry.index }),
        }
    }

    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.checkpoints.put(&mut self.disk, checkpoint)
    }

    fn checkpoint(&mut self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        self.checkpoints.get(model)
    }

    fn put_pretrained(&mut self, file: &[u8]) -> Result<Digest, StoreError> {
        self.pretrained.put(&mut self.disk, file)
    }

    fn pretrained(&mut self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.pretrained.get(sha256)
    }

    fn put_secret(&mut self, task: &TaskHash, secret: &KeptSecret) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO secrets (task, secret) VALUES (?1, ?2)
             ON CONFLICT (task) DO UPDATE SET secret = excluded.secret";
        let row = params![task.as_bytes(), secret.expose()];
        self.commit("secret", |transaction| transaction.execute(SQL, row))?;
        Ok(())
    }

    fn secret(&mut self, task: &TaskHash) -> Result<Option<KeptSecret>, StoreError> {
        const SQL: &str = "SELECT secret FROM secrets WHERE task = ?1";
        let row = params![task.as_bytes()];
        let found = self.database.read(|connection| connection.query_row(SQL, row, |row| row.get(0)).optional())?;
        Ok(found.map(KeptSecret::new))
    }

    fn remove_secret(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        let row = params![task.as_bytes()];
        self.commit("no secret", |transaction| transaction.execute("DELETE FROM secrets WHERE task = ?1", row))?;
        reached("forget.deleted");
        self.database.fold_log();
        Ok(())
    }

    fn append_attendance(&mut self, task: &TaskHash, attendance: &Attendance) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO attendances (task, number, line)
             SELECT ?1, coalesce(max(number) + 1, 0), ?2 FROM attendances WHERE task = ?1";
        let line = attendance.to_line()?;
        let row = params![task.as_bytes(), line];
        self.commit("attendance", |transaction| transaction.execute(SQL, row))?;
        Ok(())
    }

    fn attendance(&mut self, task: &TaskHash) -> Result<Vec<Attendance>, StoreError> {
        const SQL: &str = "SELECT number, line FROM attendances WHERE task = ?1 ORDER BY number";
        let rows: Vec<(i64, String)> = self.database.read(|connection| {
            let mut statement = connection.prepare(SQL)?;
            let rows = statement.query_map(params![task.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })?;
        let read = |(expected, (number, line)): (i64, (i64, String))| match Attendance::from_line(&line) {
            Ok(attendance) if number == expected => Ok(attendance),
            // Edited, or one before it is gone.
            _ => Err(DamagedAttendance.into()),
        };
        (0..).zip(rows).map(read).collect()
    }

    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError> {
        let same = self.commit("task", |transaction| {
            let row = params![hash.as_bytes(), json];
            transaction.execute("INSERT INTO tasks (hash, json) VALUES (?1, ?2) ON CONFLICT DO NOTHING", row)?;
            transaction.query_row("SELECT json = ?2 FROM tasks WHERE hash = ?1", row, |row| row.get(0))
        })?;
        if same { Ok(()) } else { Err(StoreError::OtherTask { task: *hash }) }
    }

    fn put_roll(&mut self, task: &TaskHash, roll: Roll) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO rolls (task, enrolled, revoked) VALUES (?1, ?2, ?3)
             ON CONFLICT (task) DO UPDATE SET enrolled = excluded.enrolled, revoked = excluded.revoked";
        let row = params![task.as_bytes(), registry::number(roll.enrolled), registry::number(roll.revoked)];
        self.commit("roll", |transaction| transaction.execute(SQL, row))?;
        Ok(())
    }

    fn roll(&mut self, task: &TaskHash) -> Result<Option<Roll>, StoreError> {
        const SQL: &str = "SELECT enrolled, revoked FROM rolls WHERE task = ?1";
        let row = params![task.as_bytes()];
        let found: Option<(i64, i64)> = self
            .database
            .read(|connection| connection.query_row(SQL, row, |row| Ok((row.get(0)?, row.get(1)?))).optional())?;
        let roll = |(enrolled, revoked): (i64, i64)| Roll {
            enrolled: enrolled.cast_unsigned(),
            revoked: revoked.cast_unsigned(),
        };
        Ok(found.map(roll))
    }

    fn manifests(&mut self) -> Result<Vec<(Digest, Manifest)>, StoreError> {
        self.checkpoints.manifests()
    }

    fn manifest(&mut self, model: &Digest) -> Result<Option<(Manifest, u64)>, StoreError> {
        self.checkpoints.manifest(model)
    }

    fn reconciled(&mut self) -> Result<Vec<Digest>, StoreError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare("SELECT model FROM reconciled ORDER BY model")?;
            statement.query_map([], |row| Ok(Digest::new(row.get(0)?)))?.collect()
        })
    }

    fn put_reconciled(&mut self, model: &Digest) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO reconciled (model) VALUES (?1) ON CONFLICT DO NOTHING";
        self.commit("reconciled", |transaction| transaction.execute(SQL, params![model.as_bytes()]))?;
        Ok(())
    }

    fn put_order(&mut self, order: &Order) -> Result<(), StoreError> {
        let same = self.commit("order", |transaction| orders::put(transaction, order))?;
        if same { Ok(()) } else { Err(StoreError::OtherTask { task: order.task }) }
    }

    fn set_order(&mut self, task: &TaskHash, state: OrderState, reason: Option<&str>) -> Result<(), StoreError> {
        match self.commit("order's state", |transaction| orders::set(transaction, task, state, reason))? {
            0 => Err(StoreError::NoOrder { task: *task }),
            _ => Ok(()),
        }
    }

    fn remove_order(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        let row = params![task.as_bytes()];
        self.commit("no order", |transaction| transaction.execute("DELETE FROM orders WHERE task = ?1", row))?;
        Ok(())
    }

    fn orders(&mut self) -> Result<Vec<Order>, StoreError> {
        self.database.read(orders::all)
    }
}

#[cfg(test)]
mod tests;
