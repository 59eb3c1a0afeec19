//! Every refusal of a request, and the one place where it becomes a status.

use std::collections::HashMap;

use murmur_privacy::{Digest, update::UploadError};
use murmur_proto::{WireError, chunk::ChunkError, reason::DOMAIN, v1::ErrorReason};
use murmur_round::device_id::DeviceId;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{identity::Refusal, store::RegistryError};

/// A request that did not reach the coordinator. None of these changes anything.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Identity(#[from] Refusal),
    #[error("this coordinator is served without TLS and certifies nobody")]
    NoAuthority,
    #[error("an upload has one header, and it comes first")]
    SecondHeader,
    #[error("device {device} is not one of those that this task is for")]
    UnknownDevice { device: DeviceId },
    #[error("this coordinator does not run task {found}")]
    WrongTask { found: Digest },
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
            Self::Identity(refusal) => identity(refusal),
            Self::NoAuthority => (Code::FailedPrecondition, ErrorReason::NoAuthority),
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

/// Who somebody is not.
fn identity(refusal: &Refusal) -> (Code, ErrorReason) {
    match refusal {
        Refusal::NoCertificate => (Code::Unauthenticated, ErrorReason::NoCertificate),
        Refusal::NotADevice { .. } => (Code::Unauthenticated, ErrorReason::NotADevice),
        Refusal::Expired { .. } => (Code::Unauthenticated, ErrorReason::CertificateExpired),
        Refusal::UnknownDevice { .. } => (Code::PermissionDenied, ErrorReason::UnknownDevice),
        Refusal::Revoked { .. } => (Code::PermissionDenied, ErrorReason::Revoked),
        Refusal::Superseded { .. } => (Code::PermissionDenied, ErrorReason::Superseded),
        Refusal::OtherDevice { .. } => (Code::PermissionDenied, ErrorReason::OtherDevice),
        Refusal::Request { .. } => (Code::InvalidArgument, ErrorReason::BadCertificateRequest),
        Refusal::Registry(RegistryError::UnknownDevice { .. }) => (Code::PermissionDenied, ErrorReason::UnknownDevice),
        Refusal::Registry(RegistryError::Revoked { .. }) => (Code::PermissionDenied, ErrorReason::Revoked),
        Refusal::Registry(RegistryError::UnknownToken) => (Code::PermissionDenied, ErrorReason::UnknownToken),
        Refusal::Registry(RegistryError::TokenExpired { .. }) => (Code::PermissionDenied, ErrorReason::TokenExpired),
        Refusal::Registry(RegistryError::TokenUsed) => (Code::PermissionDenied, ErrorReason::TokenUsed),
        Refusal::Registry(RegistryError::OtherDevice { .. }) => (Code::PermissionDenied, ErrorReason::OtherDevice),
        Refusal::Registry(RegistryError::Store(_)) | Refusal::Authority(_) => {
            (Code::Unavailable, ErrorReason::StoreFailed)
        }
    }
}

impl From<RequestError> for Status {
    fn from(error: RequestError) -> Self {
        let (code, reason) = error.code();
        tracing::debug!(reason = reason.label(), "request refused");
        // Where things lie on this machine is for whoever runs it.
        let message = if reason == ErrorReason::StoreFailed {
            tracing::error!("a request failed: {error}");
            "the coordinator could not look that up; come back later".to_owned()
        } else {
            error.to_string()
        };
        let details = ErrorDetails::with_error_info(reason.label(), DOMAIN, HashMap::new());
        Self::with_error_details(code, message, details)
    }
}
