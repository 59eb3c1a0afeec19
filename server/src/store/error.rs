//! What a medium can do to us.

use std::{error::Error, io, path::PathBuf};

use murmur_privacy::{Digest, ledger::LedgerError};
use murmur_round::{participation::DamagedAttendance, task::TaskHash};
use thiserror::Error;

/// What lies under a failure of a medium: of the operating system, or of the library that keeps the database.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A failure of the store; names the file. None of them leaves anything half done: the same call may be made again, and
/// succeeds once the cause is gone.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The operating system failed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// There is no room for what was to be written.
    #[error("{}: no room is left: {cause}; make room and start again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: Cause,
    },
    /// Other processes wrote for so long that our turn never came.
    #[error("{}: other processes kept it locked for {seconds} s", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What is stored is not what was written.
    #[error("{}: damaged: {cause}; restore a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Cause,
    },
    /// The database failed in another way.
    #[error("{}: {cause}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What happened.
        cause: Cause,
    },
    /// No data directory.
    #[error("{}: no murmur-server keeps its data here; `murmur-server init --data-dir {}` makes it ready", folder.display(), folder.display())]
    Absent {
        /// The folder.
        folder: PathBuf,
    },
    /// A database that is somebody else's.
    #[error("{}: not a database of murmur-server", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A database of a later version.
    #[error("{}: written by a later murmur-server (version {found}, this one knows {known}); use that one", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The latest version known here.
        known: u32,
    },
    /// A ledger of the time before the database, whose budget would be forgotten.
    #[error(
        "{}: a ledger of an older murmur-server, which this one does not read; starting without it would spend its budget \
         again, so choose another data directory",
        path.display()
    )]
    Older {
        /// The ledger.
        path: PathBuf,
    },
    /// Another server has the folder.
    #[error("{}: another murmur-server is using this data directory", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A stored entry that is none.
    #[error("entry {index} of population {population:?} is no ledger entry: the ledger was damaged or edited")]
    Malformed {
        /// Whose ledger.
        population: String,
        /// Number of the entry, from 0.
        index: u64,
    },
    /// An entry that does not follow the last one.
    #[error("entry {index} does not follow what population {population:?} has: somebody else wrote to its ledger")]
    NotNext {
        /// Whose ledger.
        population: String,
        /// Number of the entry, from 0.
        index: u64,
    },
    /// A file of the same name with other contents.
    #[error("{}: exists with other contents; the file was damaged or edited", path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
    },
    /// Another task under this hash.
    #[error("task {task} is stored with other contents: the database was damaged or edited")]
    OtherTask {
        /// The hash.
        task: TaskHash,
    },
    /// Nobody asked for this task.
    #[error("no task {task} was created here")]
    NoOrder {
        /// The hash.
        task: TaskHash,
    },
    /// A model, or a file that a task starts from, whose name is not its contents'.
    #[error("the file has digest {found}, not the {expected} it is named by")]
    Misnamed {
        /// Its name.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
    /// An entry that cannot be written.
    #[error(transparent)]
    Entry(#[from] LedgerError),
    /// An attendance that cannot be written, or read.
    #[error(transparent)]
    Attendance(#[from] DamagedAttendance),
    /// A failure that a test asked for, or one of a store outside this crate.
    #[error("{0}")]
    Other(String),
}
