//! The name under which a device is enrolled.

use std::{fmt, str::FromStr};

use ecow::EcoString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest name, in bytes.
pub const DEVICE_ID_LIMIT: usize = 64;

/// An enrolled device's name: 1 to 64 of `A-Z a-z 0-9 . _ -`. Cheap to clone: 16 bytes, which hold
/// names of up to 15 characters themselves and share longer ones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId(EcoString);

/// A text that cannot name a device.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DeviceIdError {
    /// Empty or longer than the limit.
    #[error("a device id has 1 to {DEVICE_ID_LIMIT} characters, this one has {0}")]
    Length(usize),
    /// A character outside the alphabet.
    #[error("a device id holds letters, digits, '.', '_' and '-', not {0:?}")]
    Character(char),
}

impl DeviceId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceId {
    type Err = DeviceIdError;

    fn from_str(text: &str) -> Result<Self, DeviceIdError> {
        if text.is_empty() || text.len() > DEVICE_ID_LIMIT {
            return Err(DeviceIdError::Length(text.chars().count()));
        }
        match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
            Some(character) => Err(DeviceIdError::Character(character)),
            None => Ok(Self(text.into())),
        }
    }
}

impl TryFrom<String> for DeviceId {
    type Error = DeviceIdError;

    fn try_from(text: String) -> Result<Self, DeviceIdError> {
        text.parse()
    }
}

impl From<DeviceId> for String {
    fn from(id: DeviceId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({})", self.0)
    }
}
