//! Every refusal of a request, and the one place where it becomes a status.

use std::{collections::HashMap, time::Duration};

use murmur_privacy::{Digest, update::UploadError};
use murmur_proto::{WireError, chunk::ChunkError, reason::DOMAIN, v1::ErrorReason, version::TooOld};
use murmur_round::device_id::DeviceId;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::foreign::named;
use crate::{identity::Refusal, store::RegistryError};

/// When something that is under way will be over.
const SOON: Duration = Duration::from_millis(200);
/// When something may have changed.
const LATER: Duration = Duration::from_secs(1);
/// When the app on a device may have been updated.
const UPDATED: Duration = Duration::from_secs(24 * 60 * 60);

/// A request that did not reach the coordinator. None of these changes anything.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Identity(#[from] Refusal),
    #[error("this coordinator is served without TLS and certifies nobody")]
    NoAuthority,
    #[error(transparent)]
    TooOld(#[from] TooOld),
    #[error("an upload is sent under one token, which comes first")]
    SecondToken,
    #[error("this token was not made by this process of the coordinator: check in again")]
    ForgedToken,
    #[error("this token was made for another device")]
    OthersToken,
    #[error("this token is for round {assigned}, not for round {found}")]
    WrongRound { assigned: u32, found: u32 },
    #[error("the assignment has expired with its round's window: check in again")]
    AssignmentExpired,
    #[error("the upload was announced again since this token was made: only the last one counts")]
    ReplayedToken,
    #[error("no such upload is announced (any more): announce it again")]
    NoSuchUpload,
    #[error("the whole upload is there and being checked: ask again soon")]
    BeingChecked,
    #[error("the request came too slowly and was given up")]
    TooSlow,
    #[error("as many bytes are on their way in as the coordinator takes at a time: come back later")]
    NoRoom,
    #[error("this device asks too often: wait for {} ms", after.as_millis())]
    TooOften { after: Duration },
    #[error("the round is closed: check in again in {} ms", after.as_millis())]
    RoundClosed { after: Duration },
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
    /// Refused by the transport, which has said why.
    #[error("{}", .0.message())]
    Transport(Status),
}

impl From<Status> for RequestError {
    fn from(error: Status) -> Self {
        Self::Transport(named(error))
    }
}

impl RequestError {
    /// When the same call, or another beginning, may fare better; in an answer it is RetryInfo.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RoundClosed { after } | Self::TooOften { after } => Some(*after),
            Self::BeingChecked | Self::NoSuchUpload => Some(SOON),
            Self::ForgedToken | Self::AssignmentExpired | Self::TooSlow | Self::NoRoom | Self::Stopped => Some(LATER),
            Self::TooOld(_) => Some(UPDATED),
            _ => None,
        }
    }

    /// What a status says to machines.
    fn code(&self) -> (Code, ErrorReason) {
        match self {
            Self::Wire(_) | Self::SecondToken => (Code::InvalidArgument, ErrorReason::Malformed),
            Self::Identity(refusal) => identity(refusal),
            Self::NoAuthority => (Code::FailedPrecondition, ErrorReason::NoAuthority),
            Self::TooOld(_) => (Code::FailedPrecondition, ErrorReason::DeviceTooOld),
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
            Self::ForgedToken => (Code::FailedPrecondition, ErrorReason::ForgedToken),
            Self::OthersToken => (Code::PermissionDenied, ErrorReason::OtherDevice),
            Self::WrongRound { .. } => (Code::FailedPrecondition, ErrorReason::WrongRound),
            Self::AssignmentExpired => (Code::FailedPrecondition, ErrorReason::AssignmentExpired),
            Self::ReplayedToken => (Code::FailedPrecondition, ErrorReason::ReplayedToken),
            Self::RoundClosed { .. } => (Code::FailedPrecondition, ErrorReason::RoundClosed),
            // All of these pass: the device is to try again, from its announcement on.
            Self::NoSuchUpload => (Code::Aborted, ErrorReason::NoSuchUpload),
            Self::BeingChecked => (Code::Aborted, ErrorReason::BeingChecked),
            Self::TooSlow => (Code::Aborted, ErrorReason::TooSlow),
            Self::NoRoom => (Code::ResourceExhausted, ErrorReason::NoRoom),
            Self::TooOften { .. } => (Code::ResourceExhausted, ErrorReason::TooOften),
            Self::Transport(status) => (status.code(), ErrorReason::Malformed),
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
        // It has its reason already.
        if let RequestError::Transport(status) = error {
            return status;
        }
        let (code, reason) = error.code();
        tracing::debug!(reason = reason.label(), "request refused");
        // Where things lie on this machine is for whoever runs it.
        let message = if reason == ErrorReason::StoreFailed {
            tracing::error!("a request failed: {error}");
            "the coordinator could not look that up; come back later".to_owned()
        } else {
            error.to_string()
        };
        status(code, reason, message, error.retry_after())
    }
}

/// A status with its reason for machines, and when to try again where that helps.
pub(super) fn status(code: Code, reason: ErrorReason, message: String, retry_after: Option<Duration>) -> Status {
    let mut details = ErrorDetails::with_error_info(reason.label(), DOMAIN, HashMap::new());
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(code, message, details)
}
