//! Why a task cannot be served (any more).

use std::{io, net::SocketAddr};

use murmur_privacy::{Digest, ledger::LedgerError, noise::EntropyError};
use murmur_round::{
    coordinator::StartError, evaluation::CandidateModelError, founding::FoundingError, task::TaskError,
};
use thiserror::Error;

use crate::{rollback::Behind, store::StoreError};

/// Anything that ends a server, other than the end of its task.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The task does not fit the enrolled devices, or cannot be written.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The stored ledger breaks a rule of ledgers.
    #[error("the ledger of population {population:?}: {cause}")]
    Ledger {
        /// Whose ledger.
        population: String,
        /// What is wrong.
        cause: LedgerError,
    },
    /// The ledger does not admit the task.
    #[error(transparent)]
    Founding(#[from] FoundingError<StoreError>),
    /// The reservation was made for other rounds than this program would run.
    #[error("task {task} was reserved with another round event or number of rounds than this program derives from it")]
    OtherSchedule {
        /// Hash of the task.
        task: Digest,
    },
    /// The task runs for a list of devices that is not the register's.
    #[error(
        "task {task} was started for a list of devices (--devices FILE), not for those enrolled in its population: go on with \
         that list, or create another task"
    )]
    NoRoll {
        /// Hash of the task.
        task: Digest,
    },
    /// In clear, to other machines.
    #[error(
        "{address} is reached from other machines, where devices must prove who they are: without TLS only loopback is served"
    )]
    NotLoopback {
        /// Where it would have listened.
        address: SocketAddr,
    },
    /// What is stored, enrolled and handed in does not belong together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What a candidate of an evaluation begins with is not at hand, or is another file.
    #[error(transparent)]
    CandidateModel(Box<CandidateModelError>),
    /// The store failed. Whatever was in flight is not released.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The coordinator asked for a model that nobody stored.
    #[error("model {model} is to be published, but it was never stored")]
    ModelMissing {
        /// Digest of the model.
        model: Digest,
    },
    /// The transport failed.
    #[error("serving devices failed")]
    Transport(#[from] tonic::transport::Error),
    /// The ledger is behind what was released.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// The description of the services cannot be served.
    #[error("reflection: {0}")]
    Reflection(String),
    /// The operating system has no randomness to give.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// No thread for the coordinator, or another failure of the operating system.
    #[error("the operating system refused: {0}")]
    Io(io::Error),
    /// The coordinator's thread panicked. What was not durable is lost, and nothing else.
    #[error("the coordinator's thread panicked")]
    Panicked,
}

impl From<io::Error> for ServerError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl ServerError {
    /// Whether this is the ledger saying no to a task that asks too much, rather than something being broken.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        let Self::Founding(FoundingError::Ledger(error)) = self else { return false };
        matches!(error, LedgerError::OverBudget { .. } | LedgerError::NothingAffordable { .. })
    }
}

impl From<CandidateModelError> for ServerError {
    fn from(error: CandidateModelError) -> Self {
        Self::CandidateModel(Box::new(error))
    }
}
