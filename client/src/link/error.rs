//! What can go wrong between a device and its coordinator.

use std::error::Error as _;

use murmur_privacy::Digest;
use murmur_proto::{WireError, chunk::ChunkError};
use murmur_round::{checkpoint::CheckpointError, device::DeviceError, device_id::DeviceId, task::TaskError};
use thiserror::Error;
use tonic::{Code, Status};

use crate::data::ExampleError;

/// One call that failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// The coordinator refused, or could not be reached.
    #[error("{}{}", .0.message(), cause(.0))]
    Status(Status),
    /// An answer that means nothing.
    #[error("the coordinator's answer makes no sense: {0}")]
    Wire(WireError),
    /// A model in pieces that do not fit.
    #[error("the model did not arrive whole: {0}")]
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
    /// The model's bytes are no model of the task.
    #[error(transparent)]
    Model(#[from] CheckpointError),
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
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
    /// Whether the same call may succeed later: the coordinator says so, or was not reached.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        let Self::Status(status) = self else { return false };
        // A status with a source was made on this side, from a broken connection.
        matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted)
            || status.source().is_some()
    }
}

/// Why a device stopped taking part before the task was over.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The coordinator could not be asked for work.
    #[error("asking the coordinator for work failed: {0}")]
    CheckIn(CallError),
    /// The coordinator does not know this device.
    #[error("device {0} is not enrolled with this coordinator")]
    NotEnrolled(DeviceId),
    /// The coordinator asks for something that this device refuses.
    #[error("this device refuses: {0}")]
    Refused(DeviceError),
    /// The device's data are not what the task learns from.
    #[error("the device's data do not fit the task: {0}")]
    Examples(ExampleError),
    /// The task's model cannot be trained here.
    #[error("training is not possible: {0}")]
    Training(String),
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
