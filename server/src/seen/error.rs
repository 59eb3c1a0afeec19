//! Why there is nothing to be seen.

use murmur_privacy::{Digest, ledger::LedgerError};
use murmur_round::{
    checkpoint::CheckpointError,
    task::{TaskError, TaskHash},
};
use thiserror::Error;

use crate::store::StoreError;

/// Something that operators asked to see, and that is not there or cannot be read.
#[derive(Debug, Error)]
pub(crate) enum SeenError {
    /// Nothing was spent.
    #[error("population {population:?} has no ledger: none of its tasks has begun")]
    NoLedger { population: String },
    /// Nobody created it.
    #[error("no task {task} was created here")]
    NoTask { task: TaskHash },
    /// It was not released here; whether it is stored is nobody's business.
    #[error("no model {model} was released here")]
    NoModel { model: Digest },
    /// There is none.
    #[error("task {task} keeps no average of its models, or has released none yet")]
    NoAverage { task: TaskHash },
    /// The file is not the one that was released.
    #[error("the file of model {model} has digest {found}: it was damaged or edited")]
    Damaged { model: Digest, found: Digest },
    /// A stored model is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A stored task is none.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A stored ledger breaks a rule.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
