//! Why a simulation does not run.

use std::{convert::Infallible, path::PathBuf};

use murmur_client::{TrainError, data::DataError};
use murmur_privacy::ledger::LedgerError;
use murmur_round::{coordinator::StartError, device::DeviceError, founding::FoundingError, task::TaskError};
use thiserror::Error;

/// A defect of a scenario, its task or its data, or a refusal of the ledger.
#[derive(Debug, Error)]
pub enum SimError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A scenario that is not TOML, has an unknown key, or lacks one: the text names it.
    #[error("{path}: {message}")]
    Scenario {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A task that cannot be run.
    #[error("{path}: {source}")]
    Task {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TaskError,
    },
    /// A task that does not fit the population.
    #[error("the task does not fit the population: {0}")]
    Schedule(#[from] TaskError),
    /// The data cannot be loaded.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A population that cannot be made from the data.
    #[error("[population]: {0}")]
    Population(String),
    /// The budget refuses the task, or the ledger refuses an entry.
    #[error(transparent)]
    Founding(#[from] FoundingError<Infallible>),
    /// The ledger refuses.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The coordinator cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A virtual device refuses its assignment.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Local training or evaluation cannot be done.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The coordinator failed.
    #[error("the run failed: {0}")]
    Failed(String),
    /// A worker thread ended early.
    #[error("a worker thread ended early")]
    Worker,
    /// Something could not be serialised.
    #[error("the result could not be serialised: {0}")]
    Serialise(String),
}

impl SimError {
    /// Whether the budget refused: exit code 1 rather than 2.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        let refuses = |error: &LedgerError| {
            matches!(error, LedgerError::OverBudget { .. } | LedgerError::NothingAffordable { .. })
        };
        match self {
            Self::Founding(FoundingError::Ledger(error)) | Self::Ledger(error) => refuses(error),
            _ => false,
        }
    }

    /// Wraps an error of the file system.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
