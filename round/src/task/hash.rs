//! The name of a task.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// SHA-256 of a task's canonical form. Two tasks with the same hash are the same task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskHash([u8; 32]);

/// A text that is no task hash.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a task hash is 64 hexadecimal digits")]
pub struct TaskHashError;

impl TaskHash {
    /// Wraps a digest.
    #[must_use]
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for TaskHash {
    type Err = TaskHashError;

    fn from_str(text: &str) -> Result<Self, TaskHashError> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| TaskHashError)?;
        Ok(Self(digest))
    }
}

impl TryFrom<String> for TaskHash {
    type Error = TaskHashError;

    fn try_from(text: String) -> Result<Self, TaskHashError> {
        text.parse()
    }
}

impl From<TaskHash> for String {
    fn from(hash: TaskHash) -> Self {
        hex::encode(hash.0)
    }
}

impl fmt::Display for TaskHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TaskHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskHash({self})")
    }
}
