//! Why an operator did not get what was asked for.

use murmur_round::task::{TaskError, TaskHash};
use thiserror::Error;

use crate::store::{OrderState, StoreError};

/// An operator's request that changed nothing.
#[derive(Debug, Error)]
pub enum OrderError {
    /// The file is no task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Nobody created it.
    #[error("no task {task} was created here")]
    Unknown {
        /// The hash asked for.
        task: TaskHash,
    },
    /// The population cannot pay for it, or it fits no population.
    #[error("the task is refused: {reason}")]
    Refused {
        /// Why, in the words of whoever refused it.
        reason: String,
    },
    /// Nothing more happens to it.
    #[error("task {task} is {state}: nothing more happens to it")]
    Over {
        /// The task.
        task: TaskHash,
        /// How it ended.
        state: OrderState,
    },
    /// It is being cancelled.
    #[error("task {task} is being cancelled: it ends after the round under way")]
    Cancelling {
        /// The task.
        task: TaskHash,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server stops, or has stopped working on this population.
    #[error("the coordinator is stopping; ask again when it is back")]
    Stopped,
}
