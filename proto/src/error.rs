//! What a stranger can get wrong in a message.

use murmur_privacy::{Digest, grid::GridError};
use murmur_round::device_id::{DeviceId, DeviceIdError};
use thiserror::Error;

/// A message that means nothing in the domain; names the field at fault.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WireError {
    /// A message or one of a choice is not there.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// Not 32 bytes.
    #[error("{field} is a SHA-256 digest of 32 bytes, {found} were given")]
    Digest {
        /// The field.
        field: &'static str,
        /// Bytes given.
        found: usize,
    },
    /// Not a population's name.
    #[error("population: {0:?} is no name of a population")]
    Population(String),
    /// Nothing, or more than anybody needs.
    #[error("{field} has 1 to {limit} bytes, {found} were given")]
    Length {
        /// The field.
        field: &'static str,
        /// Bytes admitted.
        limit: usize,
        /// Bytes given.
        found: usize,
    },
    /// Not a device's name.
    #[error("device_id: {0}")]
    DeviceId(DeviceIdError),
    /// A number that is no clip.
    #[error("assignment.clip is {clip}; it must be a positive finite number")]
    NoClip {
        /// The number given.
        clip: f64,
    },
    /// A number that is no pull.
    #[error("assignment.mu is {mu}; it must be 0 or a positive finite number")]
    NoPull {
        /// The number given.
        mu: f32,
    },
    /// Numbers that are no grid.
    #[error("grid: {0}")]
    Grid(GridError),
    /// A number outside the range of its quantity.
    #[error("{field} is {value}, which is out of range")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The number given.
        value: i128,
    },
    /// A value of an enumeration that this version does not know, or must never be sent.
    #[error("{field} has the unknown value {value}")]
    Unknown {
        /// The field.
        field: &'static str,
        /// The number given.
        value: i32,
    },
}

impl From<DeviceIdError> for WireError {
    fn from(error: DeviceIdError) -> Self {
        Self::DeviceId(error)
    }
}

impl From<GridError> for WireError {
    fn from(error: GridError) -> Self {
        Self::Grid(error)
    }
}

/// Reads a digest of 32 bytes.
///
/// # Errors
/// [`WireError::Digest`] naming `field`.
pub fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, WireError> {
    match <[u8; 32]>::try_from(bytes) {
        Ok(digest) => Ok(Digest::new(digest)),
        Err(_) => Err(WireError::Digest { field, found: bytes.len() }),
    }
}

/// Reads a device's name.
///
/// # Errors
/// [`WireError::DeviceId`].
pub fn device_id(text: &str) -> Result<DeviceId, WireError> {
    Ok(text.parse()?)
}

/// A digest as it travels.
#[must_use]
pub fn digest_bytes(digest: &Digest) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(digest.as_bytes())
}
