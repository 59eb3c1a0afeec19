//! Why a device stops taking part.

use murmur_privacy::Digest;
use murmur_proto::{WireError, chunk::ChunkError};
use murmur_round::{checkpoint::CheckpointError, task::TaskError};
use thiserror::Error;
use tonic::{Code, Status};

use crate::TrainError;

/// A defect of the link, of the coordinator's answers, or of the device's own data.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The address is no URL.
    #[error("{url:?} is no server address; write http://127.0.0.1:PORT")]
    Address {
        /// What was given.
        url: String,
    },
    /// Without identity nobody may talk over a network.
    #[error(
        "{host} is not a loopback address: until devices and coordinators can prove who they are, murmur-client talks to \
         127.0.0.1, ::1 or localhost only"
    )]
    NotLoopback {
        /// The host given.
        host: String,
    },
    /// The coordinator did not answer, or refused.
    #[error("the coordinator answered {:?}: {}", .0.code(), .0.message())]
    Status(Box<Status>),
    /// An answer with a field missing or malformed.
    #[error("the coordinator's answer is malformed: {0}")]
    Wire(#[from] WireError),
    /// A model that arrived damaged.
    #[error("the model arrived damaged: {0}")]
    Chunk(#[from] ChunkError),
    /// A file that is not the one it was called.
    #[error("the coordinator sent {what} {found} in place of {expected}")]
    WrongDigest {
        /// `task` or `model`.
        what: &'static str,
        /// Digest asked for.
        expected: Digest,
        /// Digest of what came.
        found: Digest,
    },
    /// The task is none this device can follow.
    #[error("the coordinator's task: {0}")]
    Task(#[from] TaskError),
    /// The model file is no model of the task.
    #[error("the coordinator's model: {0}")]
    Model(#[from] CheckpointError),
    /// The device's data do not fit the task's model.
    #[error("this device's data do not fit the task: {0}")]
    Train(#[from] TrainError),
    /// The training thread was lost.
    #[error("local training was interrupted")]
    Interrupted,
    /// The coordinator does not know this device.
    #[error("the device is not enrolled with this coordinator")]
    NotEnrolled,
}

impl From<Status> for LinkError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl LinkError {
    /// Whether trying the same call again may help (protocol.md, section 1). A file damaged on the way may be whole the
    /// next time.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Status(status) => {
                matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted)
            }
            Self::Chunk(_) => true,
            _ => false,
        }
    }
}
