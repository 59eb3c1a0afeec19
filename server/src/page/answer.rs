//! How the page is answered, and what it is told where there is nothing to be shown.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use thiserror::Error;

use crate::seen::SeenError;

/// What every answer but the page, its assets and files is.
pub(super) const JSON: &str = "application/json";

/// A request of the page that was not answered.
#[derive(Debug, Error)]
pub(super) enum PageError {
    #[error(transparent)]
    Seen(#[from] SeenError),
    #[error("the page has no {name:?}")]
    NoAsset { name: String },
    #[error("{text:?} is no SHA-256")]
    NoDigest { text: String },
    #[error("the answer cannot be written: {0}")]
    Encoding(String),
    #[error("the coordinator is stopping")]
    Stopped,
}

impl From<serde_json::Error> for PageError {
    fn from(error: serde_json::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoAsset { .. } => StatusCode::NOT_FOUND,
            Self::NoDigest { .. } => StatusCode::BAD_REQUEST,
            Self::Encoding(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Self::Seen(error) => match error {
                SeenError::NoLedger { .. }
                | SeenError::NoTask { .. }
                | SeenError::NoModel { .. }
                | SeenError::NoAverage { .. } => StatusCode::NOT_FOUND,
                SeenError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
                SeenError::Damaged { .. } | SeenError::Checkpoint(_) | SeenError::Ledger(_) | SeenError::Task(_) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        // Operators run this machine: they hear where things lie on it.
        let text = serde_json::json!({ "error": self.to_string() }).to_string();
        (self.status(), [(header::CONTENT_TYPE, JSON)], text).into_response()
    }
}

/// An answer in JSON.
pub(super) fn json(value: &impl Serialize) -> Result<Response, PageError> {
    Ok(([(header::CONTENT_TYPE, JSON)], serde_json::to_string(value)?).into_response())
}

/// Durable reads are nothing for the threads that everybody else's requests wait for.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PageError> + Send + 'static,
) -> Result<T, PageError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| PageError::Stopped)?
}
