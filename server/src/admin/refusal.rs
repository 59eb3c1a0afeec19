//! Why an operator did not get an answer, and the one place where that becomes a status.

use std::collections::HashMap;

use murmur_proto::{WireError, reason::DOMAIN};
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{seen::SeenError, store::RegistryError, tasks::OrderError};

/// A request of an operator that was not answered. None of these changes anything.
#[derive(Debug, Error)]
pub(crate) enum AdminError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("the population's budget: {what}")]
    Budget { what: String },
    #[error(transparent)]
    Seen(#[from] SeenError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the answer cannot be written: {0}")]
    Encoding(String),
    #[error("the coordinator is stopping; ask again when it is back")]
    Stopped,
}

impl AdminError {
    /// What a status says to machines: its code, and the reason of a google.rpc.ErrorInfo of domain "murmur".
    fn code(&self) -> (Code, &'static str) {
        match self {
            Self::Wire(_) => (Code::InvalidArgument, "MALFORMED"),
            Self::Order(OrderError::Task(_)) => (Code::InvalidArgument, "BAD_TASK"),
            Self::Order(OrderError::Unknown { .. }) => (Code::NotFound, "UNKNOWN_TASK"),
            Self::Order(OrderError::Refused { .. }) => (Code::FailedPrecondition, "TASK_REFUSED"),
            Self::Order(OrderError::Over { .. }) => (Code::FailedPrecondition, "TASK_OVER"),
            Self::Order(OrderError::Cancelling { .. }) => (Code::FailedPrecondition, "TASK_CANCELLING"),
            Self::Budget { .. } => (Code::InvalidArgument, "BAD_BUDGET"),
            Self::Seen(error) => seen(error),
            Self::Registry(RegistryError::UnknownDevice { .. }) => (Code::NotFound, "UNKNOWN_DEVICE"),
            Self::Registry(_) | Self::Order(OrderError::Store(_)) => (Code::Unavailable, "STORE_FAILED"),
            Self::Encoding(_) => (Code::Internal, "ENCODING"),
            Self::Stopped | Self::Order(OrderError::Stopped) => (Code::Unavailable, "STOPPED"),
        }
    }
}

/// What is not there to be seen.
fn seen(error: &SeenError) -> (Code, &'static str) {
    match error {
        SeenError::NoLedger { .. } => (Code::NotFound, "NO_LEDGER"),
        SeenError::NoTask { .. } => (Code::NotFound, "UNKNOWN_TASK"),
        SeenError::NoModel { .. } | SeenError::NoAverage { .. } => (Code::NotFound, "NO_SUCH_MODEL"),
        SeenError::Damaged { .. } | SeenError::Checkpoint(_) => (Code::DataLoss, "DAMAGED_MODEL"),
        SeenError::Ledger(_) => (Code::DataLoss, "DAMAGED_LEDGER"),
        SeenError::Task(_) => (Code::DataLoss, "DAMAGED_TASK"),
        SeenError::Store(_) => (Code::Unavailable, "STORE_FAILED"),
    }
}

impl From<AdminError> for Status {
    fn from(error: AdminError) -> Self {
        let (code, reason) = error.code();
        let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        // Operators run this machine: they hear where things lie on it.
        Self::with_error_details(code, error.to_string(), details)
    }
}
