//! What a medium can do to us.

use std::{io, path::PathBuf};

use murmur_privacy::{Digest, ledger::LedgerError};
use murmur_round::participation::DamagedAttendance;
use thiserror::Error;

/// A failure of the store; names the file.
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
    /// Another server has the folder.
    #[error("{}: another murmur-server is using this data directory", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A complete line of a ledger is no entry, or one of another such file no record as it was written.
    #[error("{}:{line}: not a line as it was written: the file was damaged or edited", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
    },
    /// An earlier append failed.
    #[error("{}: an earlier write failed, so what the file holds is unknown; restart the server", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// A file of the same name with other contents.
    #[error("{}: exists with other contents; the file was damaged or edited", path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint whose name is not its contents'.
    #[error("the model has digest {found}, not the {expected} it is named by")]
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
