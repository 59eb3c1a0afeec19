//! What can go wrong between a device and its coordinator.

use std::{
    error::Error,
    io,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use murmur_privacy::{
    Digest,
    local::ledger::LocalLedgerError,
    noise::EntropyError,
    units::{DeltaProbability, Epsilon},
};
use murmur_proto::{WireError, chunk::ChunkError, reason::DOMAIN, v1::ErrorReason};
use murmur_round::{
    checkpoint::CheckpointError, device::DeviceError, device_id::DeviceId, evaluation::CandidateModelError,
    pretrained::PretrainedFileError, task::TaskError,
};
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::data::ExampleError;

/// One call that failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// The coordinator refused, or could not be reached.
    #[error("{}{}", .0.message(), cause(.0))]
    Status(Status),
    /// No connection in which both sides are who they should be: trying again changes nothing.
    #[error("no trusted connection to the coordinator: {0}")]
    Tls(rustls::Error),
    /// The connection could not even be tried.
    #[error("no connection can be made: {0}")]
    Endpoint(String),
    /// An answer that means nothing.
    #[error("the coordinator's answer makes no sense: {0}")]
    Wire(WireError),
    /// A file in pieces that do not fit.
    #[error("the file did not arrive whole: {0}")]
    Chunk(ChunkError),
    /// Other bytes than were asked for.
    #[error("the {what} that came is {found}, {expected} was asked for")]
    Digest {
        /// Task or model.
        what: &'static str,
        /// Digest asked for.
        expected: Digest,
        /// Digest of what came.
        found: Digest,
    },
    /// The task's bytes are no task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The file that the task starts from is not what the task needs.
    #[error(transparent)]
    Pretrained(#[from] PretrainedFileError),
    /// What a candidate of an evaluation begins with is not what the task says.
    #[error(transparent)]
    CandidateModel(Box<CandidateModelError>),
    /// The model's bytes are no model of the task.
    #[error(transparent)]
    Model(#[from] CheckpointError),
}

impl From<CandidateModelError> for CallError {
    fn from(error: CandidateModelError) -> Self {
        Self::CandidateModel(Box::new(error))
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        match status.source().and_then(tls) {
            Some(error) => Self::Tls(error.clone()),
            None => Self::Status(status),
        }
    }
}

impl From<tonic::transport::Error> for CallError {
    fn from(error: tonic::transport::Error) -> Self {
        match tls(&error) {
            Some(error) => Self::Tls(error.clone()),
            None => Self::Endpoint(innermost(&error)),
        }
    }
}

/// What TLS said, if that lies under an error.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an IO error was made from is not what it calls its source.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn innermost(error: &dyn Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        (text, source) = (error.to_string(), error.source());
    }
    text
}

impl From<WireError> for CallError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl From<ChunkError> for CallError {
    fn from(error: ChunkError) -> Self {
        Self::Chunk(error)
    }
}

/// What lies under a status that this side made up because the connection failed.
fn cause(status: &Status) -> String {
    let mut text = String::new();
    let mut source = status.source();
    while let Some(error) = source {
        text = format!(": {error}");
        source = error.source();
    }
    text
}

impl CallError {
    /// Whether the coordinator says that the round is over, or that it was another process that assigned it.
    pub(super) fn is_late(&self) -> bool {
        let Self::Status(status) = self else { return false };
        let info = status.get_details_error_info();
        info.is_some_and(|info| info.domain == DOMAIN && LATE.iter().any(|late| late.label() == info.reason))
    }

    /// How long the coordinator asks to be left alone before the call is made again.
    pub(super) fn pause(&self) -> Option<Duration> {
        let Self::Status(status) = self else { return None };
        status.get_details_retry_info()?.retry_delay
    }

    /// Whether the same call may succeed later: the coordinator says so, or was not reached.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        let Self::Status(status) = self else { return false };
        // A status with a source was made on this side, from a broken connection.
        matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted)
            || status.source().is_some()
    }
}

/// Reasons for which a round is over for a device that has its update ready.
const LATE: [ErrorReason; 3] = [ErrorReason::RoundClosed, ErrorReason::AssignmentExpired, ErrorReason::ForgedToken];

/// Keys and certificates of a device that cannot be read or kept.
#[derive(Debug, Error)]
pub enum StateError {
    /// The operating system failed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// A file that is not there.
    #[error("{}: no such file", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// A file that holds something else.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No device is enrolled in the folder.
    #[error("{}: no device is enrolled here; `murmur-client enroll --state {}` does that", folder.display(), folder.display())]
    NotEnrolled {
        /// The folder.
        folder: PathBuf,
    },
    /// A device is enrolled in the folder already.
    #[error("{}: device {device} is enrolled here; choose another folder, or --again with a token for this device", folder.display())]
    Enrolled {
        /// The folder.
        folder: PathBuf,
        /// The device.
        device: DeviceId,
    },
    /// Another process is this device.
    #[error("{}: another murmur-client is using this folder", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// An identity is not shown in clear.
    #[error("an enrolled device talks to https:// addresses only")]
    NotSecure,
    /// No key could be made.
    #[error("a key could not be made: {what}")]
    Key {
        /// What happened.
        what: String,
    },
}

/// Why a device cannot remember what it did, or does not go on from it.
#[derive(Debug, Error)]
pub enum MemoryError {
    /// A file could not be read or kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The device's own ledger is broken.
    #[error(transparent)]
    Ledger(#[from] LocalLedgerError),
    /// A lifetime budget is fixed once.
    #[error(
        "{}: this device's lifetime budget was fixed at local epsilon {epsilon}, delta {}: leave it out, or name the same",
        path.display(),
        delta.map_or_else(|| "none".to_owned(), |delta| delta.get().to_string())
    )]
    OtherBudget {
        /// The ledger.
        path: PathBuf,
        /// What it was opened with.
        epsilon: Epsilon,
        /// What it was opened with.
        delta: Option<DeltaProbability>,
    },
    /// A charge without a ledger.
    #[error("this device has no ledger of its own")]
    NoLedger,
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Why a device did not become known.
#[derive(Debug, Error)]
pub enum EnrolError {
    /// Keys and certificates could not be read or kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The coordinator refused, or could not be reached.
    #[error("enrolling failed: {0}")]
    Call(CallError),
    /// The coordinator made it somebody else.
    #[error("device {expected} was to be enrolled again, and the coordinator says that it is {found}")]
    OtherDevice {
        /// Who it was.
        expected: DeviceId,
        /// Who it would be.
        found: DeviceId,
    },
}

impl From<CallError> for EnrolError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// Why a device stopped taking part before the task was over.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The coordinator could not be asked for work.
    #[error("asking the coordinator for work failed: {0}")]
    CheckIn(CallError),
    /// The coordinator could not be asked for work, in clear.
    #[error(
        "asking the coordinator for work in clear failed: {0}; one that is served with TLS wants an enrolled device"
    )]
    InClear(CallError),
    /// The coordinator does not know this device.
    #[error("device {0} is not enrolled with this coordinator, or was enrolled after its task had begun")]
    NotEnrolled(DeviceId),
    /// The certificate has ceased to hold.
    #[error(
        "the certificate of device {device} held until {}: ask for a token for this device and enrol it --again",
        humantime::format_rfc3339_seconds(*until)
    )]
    Expired {
        /// The device.
        device: DeviceId,
        /// When it ceased to hold.
        until: SystemTime,
    },
    /// Keys and certificates could not be read or kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// What the device did could not be read or kept.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// No connection can be made with the device's keys and certificates.
    #[error("the device's identity cannot be used: {0}")]
    Identity(CallError),
    /// The coordinator asks for something that this device refuses.
    #[error("this device refuses: {0}")]
    Refused(DeviceError),
    /// The device's data are not what the task learns from.
    #[error("the device's data do not fit the task: {0}")]
    Examples(ExampleError),
    /// The task's model cannot be trained here.
    #[error("training is not possible: {0}")]
    Training(String),
    /// The trainer knows nothing of parts.
    #[error(
        "task {task} trains a part of a model only (pretrained.freeze or pretrained.lora), and this app's Trainer trains whole ones: \
         implement Trainer::adapt, or leave the task to others"
    )]
    WholeModelsOnly {
        /// The task's name.
        task: String,
    },
    /// One failure after another.
    #[error("{0} failures in a row; the last one: {1}")]
    Failures(u32, CallError),
}

impl From<DeviceError> for LinkError {
    fn from(error: DeviceError) -> Self {
        Self::Refused(error)
    }
}

impl From<ExampleError> for LinkError {
    fn from(error: ExampleError) -> Self {
        Self::Examples(error)
    }
}
