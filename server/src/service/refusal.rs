//! Every refusal of a request, and the one place where it becomes a status.

use std::collections::HashMap;

use murmur_privacy::{Digest, update::UploadError};
use murmur_proto::{WireError, chunk::ChunkError, reason::DOMAIN, v1::ErrorReason};
use murmur_round::device_id::DeviceId;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A request that did not reach the coordinator. None of these changes anything.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("an upload has one header, and it comes first")]
    SecondHeader,
    #[error("device {device} is not enrolled")]
    UnknownDevice { device: DeviceId },
    #[error("this coordinator runs task {expected}, not {found}")]
    WrongTask { expected: Digest, found: Digest },
    #[error("no released model {model} is to be had; a device that was too late checks in again")]
    NoSuchModel { model: Digest },
    #[error("an upload of this task has {expected} bytes, {found} were declared")]
    WrongLength { expected: usize, found: u64 },
    #[error(transparent)]
    Chunk(ChunkError),
    #[error(transparent)]
    Upload(UploadError),
    #[error("the coordinator is stopping; come back later")]
    Stopped,
    #[error("the stream broke off: {0}")]
    Stream(Status),
}

impl From<Status> for RequestError {
    fn from(error: Status) -> Self {
        Self::Stream(error)
    }
}

impl RequestError {
    /// What a status says to machines.
    fn code(&self) -> (Code, ErrorReason) {
        match self {
            Self::Wire(_) | Self::SecondHeader => (Code::InvalidArgument, ErrorReason::Malformed),
            Self::UnknownDevice { .. } => (Code::PermissionDenied, ErrorReason::UnknownDevice),
            Self::WrongTask { .. } => (Code::FailedPrecondition, ErrorReason::WrongTask),
            Self::NoSuchModel { .. } => (Code::NotFound, ErrorReason::NoSuchModel),
            Self::WrongLength { .. } => (Code::InvalidArgument, ErrorReason::WrongLength),
            Self::Chunk(ChunkError::Missing) => (Code::InvalidArgument, ErrorReason::Malformed),
            Self::Chunk(ChunkError::Size { .. }) => (Code::InvalidArgument, ErrorReason::ChunkSize),
            Self::Chunk(ChunkError::Offset { .. }) => (Code::OutOfRange, ErrorReason::WrongOffset),
            Self::Chunk(ChunkError::Crc { .. }) => (Code::DataLoss, ErrorReason::WrongCrc),
            Self::Chunk(ChunkError::TooLong { .. }) => (Code::InvalidArgument, ErrorReason::TooLong),
            Self::Chunk(ChunkError::TooShort { .. }) => (Code::InvalidArgument, ErrorReason::TooShort),
            Self::Upload(UploadError::Packing(_)) => (Code::InvalidArgument, ErrorReason::MalformedUpload),
            Self::Upload(UploadError::NormExceeded { .. } | UploadError::MeasureExceeded { .. }) => {
                (Code::InvalidArgument, ErrorReason::NormExceeded)
            }
            Self::Stopped => (Code::Unavailable, ErrorReason::Stopped),
            Self::Stream(status) => (status.code(), ErrorReason::Malformed),
        }
    }
}

impl From<RequestError> for Status {
    fn from(error: RequestError) -> Self {
        let (code, reason) = error.code();
        tracing::debug!(reason = reason.label(), "request refused");
        let details = ErrorDetails::with_error_info(reason.label(), DOMAIN, HashMap::new());
        Self::with_error_details(code, error.to_string(), details)
    }
}
