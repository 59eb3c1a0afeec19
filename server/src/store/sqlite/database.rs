//! The connection: how it is opened, what it promises, and how its failures are named.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use murmur_privacy::ledger::Entry;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};

use super::schema::{APPLICATION, MIGRATIONS, VERSION};
use crate::store::{
    StoreError,
    disk::{Disk, at},
};

/// The database's name in its folder.
pub(super) const FILE: &str = "murmur.sqlite";
/// Held for as long as a process serves from the folder.
const LOCK: &str = ".lock";
/// How long a write waits for those of other processes.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the log waits for those who read in it, before it is left to the next time.
const FOLDING: Duration = Duration::from_millis(500);

/// Who may bring an older database to today's version: nobody beside a server that still works on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Migrate {
    /// The folder's lock is held by whoever opens.
    Locked,
    /// The lock must be taken for it.
    LockFirst,
}

/// One connection. Its writes are whole and durable, or did not happen.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    connection: Connection,
}

/// Makes the data directory and its name durable.
pub(super) fn create_folder(disk: &mut Disk, folder: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    disk.sync_parent(folder)
}

/// The folder's lock, unless another process has it.
pub(super) fn lock(folder: &Path) -> Result<Option<File>, StoreError> {
    let path = folder.join(LOCK);
    let lock = File::options().write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(at(&path)(error)),
    }
}

impl Database {
    /// Opens the database of a folder, making it when it is not there; nobody but its owner can ever read it.
    pub(super) fn create(disk: &mut Disk, folder: &Path, migrate: Migrate) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        if !path.exists() {
            refuse_older(folder)?;
            let mut options = File::options();
            options.write(true).create(true).truncate(false);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&path).map_err(at(&path))?;
        }
        Self::open(disk, folder, migrate)
    }

    /// Opens the database of a folder.
    pub(super) fn open(disk: &mut Disk, folder: &Path, migrate: Migrate) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(StoreError::Absent { folder: folder.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| named(&path, error))?;
        let mut database = Self { path, connection };
        database.connection.busy_timeout(PATIENCE).map_err(|error| named(&database.path, error))?;
        database.migrate(disk, folder, migrate)?;
        database.read(configure)?;
        Ok(database)
    }

    fn migrate(&mut self, disk: &mut Disk, folder: &Path, migrate: Migrate) -> Result<(), StoreError> {
        let (application, found, empty) = self.read(|connection| {
            // Of one moment: another process may be making the database just now.
            let moment = connection.unchecked_transaction()?;
            let (application, found) = versions(&moment)?;
            Ok((application, found, application == 0 && found == 0 && is_empty(&moment)?))
        })?;
        if application != APPLICATION && !empty {
            return Err(StoreError::Foreign { path: self.path.clone() });
        }
        if found > VERSION {
            return Err(StoreError::Newer { path: self.path.clone(), found, known: VERSION });
        }
        if found == VERSION {
            return Ok(());
        }
        let _lock = match migrate {
            Migrate::LockFirst if found > 0 => {
                Some(lock(folder)?.ok_or_else(|| StoreError::InUse { folder: folder.to_owned() })?)
            }
            Migrate::LockFirst | Migrate::Locked => None,
        };
        self.write(|transaction| {
            // Another process may have been here in the meantime.
            let (_, found) = versions(transaction)?;
            for (step, version) in MIGRATIONS.iter().zip(1..).skip(found as usize) {
                transaction.execute_batch(step)?;
                transaction.pragma_update(None, "user_version", version)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION)
        })?;
        disk.sync_parent(&self.path)
    }

    /// Reads. Several statements see the same state only within one transaction.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        work(&self.connection).map_err(|error| named(&self.path, error))
    }

    /// Writes, all or nothing, and durably. The lock on writing is taken before anything is read.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = &self.path;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| named(path, error))?;
        let done = work(&transaction).map_err(|error| named(path, error))?;
        transaction.commit().map_err(|error| named(path, error))?;
        Ok(done)
    }

    /// The populations that have a ledger, by name.
    pub(super) fn populations(&self) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT name FROM populations WHERE number IN (SELECT population FROM entries) ORDER BY name";
        self.read(|connection| connection.prepare(SQL)?.query_map([], |row| row.get(0))?.collect())
    }

    /// All entries of a population's ledger.
    pub(super) fn entries(&self, population: &str) -> Result<Vec<Entry>, StoreError> {
        const SQL: &str = "SELECT position, line FROM entries
             WHERE population = (SELECT number FROM populations WHERE name = ?1) ORDER BY position";
        let rows: Vec<(i64, String)> = self.read(|connection| {
            let mut statement = connection.prepare(SQL)?;
            let rows = statement.query_map(params![population], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })?;
        let malformed = |index| StoreError::Malformed { population: population.to_owned(), index };
        let entry = |(index, (position, line)): (u64, (i64, String))| {
            if position.cast_unsigned() != index {
                return Err(malformed(index));
            }
            Entry::from_line(index, &line).map_err(|_| malformed(index))
        };
        (0..).zip(rows).map(entry).collect()
    }

    /// Moves the write-ahead log into the database and empties it, so that what was deleted is nowhere. Readers, or a full disk,
    /// may keep it from that for now; then the next time does it.
    pub(super) fn fold_log(&self) {
        let folded = self.read(|connection| {
            connection.busy_timeout(FOLDING)?;
            let kept = connection.query_row("PRAGMA wal_checkpoint (TRUNCATE)", [], |row| row.get::<_, bool>(0));
            connection.busy_timeout(PATIENCE)?;
            kept
        });
        match folded {
            Ok(false) => {}
            Ok(true) => tracing::debug!(database = %self.path.display(), "the log is being read and was not emptied"),
            Err(error) => tracing::warn!("the log was not emptied: {error}"),
        }
    }

    /// The database's files, some of which may not be there.
    pub(super) fn files(&self) -> [PathBuf; 2] {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        [self.path.clone(), log.into()]
    }

    #[cfg(test)]
    pub(super) fn limit_pages(&mut self, pages: u32) {
        let _: u32 = self
            .connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get(0))
            .expect("a limit");
    }
}

/// What a connection promises; journal and application belong to the file, the rest has to be said each time.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    for (name, value) in [
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        // What is deleted is overwritten.
        ("secure_delete", "ON"),
        // A sync reaches the medium on Apple's systems too.
        ("fullfsync", "ON"),
        ("checkpoint_fullfsync", "ON"),
        ("trusted_schema", "OFF"),
    ] {
        connection.pragma(None, name, value, |_| Ok(()))?;
    }
    Ok(())
}

/// Whether a file is a sound database of ours, of today's version or an earlier one.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| named(path, error))?;
    let (application, found) = versions(&connection).map_err(|error| named(path, error))?;
    if application != APPLICATION {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    let said: String =
        connection.query_row("PRAGMA integrity_check (1)", [], |row| row.get(0)).map_err(|error| named(path, error))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: path.to_owned(), cause: said.into() }) }
}

fn versions(connection: &Connection) -> rusqlite::Result<(i32, u32)> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((pragma("application_id")?, pragma("user_version")?.cast_unsigned()))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// A directory of the time before the database has a ledger in a file: going on without it would forget what was spent.
fn refuse_older(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path().join("ledger.jsonl");
        if path.exists() {
            return Err(StoreError::Older { path });
        }
    }
    Ok(())
}

/// Names the database in an error.
fn named(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    // The file that connections share is made longer when they open: that fails for want of room.
    if error.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
        return StoreError::Full { path, cause: error.into() };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { path, cause: error.into() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy { path, seconds: PATIENCE.as_secs() }
        }
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, cause: error.into() },
        _ => match error.sqlite_extended_error_code() {
            Some(code) => StoreError::Database { path, cause: format!("{error} (SQLite code {code})").into() },
            None => StoreError::Database { path, cause: error.into() },
        },
    }
}
