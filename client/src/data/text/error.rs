//! Everything that can be wrong with JSON lines of text.

use murmur_round::device_id::{DeviceId, DeviceIdError};
use thiserror::Error;

/// Lines that hold no usable text; says where and what to do.
#[derive(Debug, Error)]
pub enum TextError {
    /// The file goes on beyond what this program is ready to load.
    #[error("longer than the limit of {limit} bytes: split it")]
    TooLong {
        /// The limit, decompressed.
        limit: u64,
    },
    /// A line that is no JSON object.
    #[error("line {line} is not a JSON object: {cause}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What the parser says.
        cause: serde_json::Error,
    },
    /// A field that a line should have.
    #[error("line {line} has no field {field:?}")]
    NoField {
        /// The line, counted from 1.
        line: usize,
        /// The field.
        field: String,
    },
    /// None of the fields that could hold the text.
    #[error(
        "line {line} has none of the fields {fields:?}: describe the lines in a .toml with path, user, text and train"
    )]
    NoTextField {
        /// The line, counted from 1.
        line: usize,
        /// The fields.
        fields: Vec<String>,
    },
    /// A field of another type.
    #[error("line {line}: the field {field:?} is not {expected}")]
    Type {
        /// The line, counted from 1.
        line: usize,
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The character that stands before every text is part of one.
    #[error("line {line} holds the character U+0002, which marks where a text begins: remove it")]
    Start {
        /// The line, counted from 1.
        line: usize,
    },
    /// A user cannot be enrolled under any name that is made of this one.
    #[error("line {line}: user {user:?}: {cause}")]
    Name {
        /// The line, counted from 1.
        line: usize,
        /// The name as it is written.
        user: String,
        /// What is wrong with it.
        cause: DeviceIdError,
    },
    /// Two users would be one device.
    #[error("users {first:?} and {second:?} would both be the device {name}: rename one")]
    SameName {
        /// One, as it is written.
        first: String,
        /// The other.
        second: String,
        /// The device.
        name: DeviceId,
    },
    /// Shares that are none.
    #[error("train must be above 0, test at least 0, and both together at most 1, not {train} and {test}")]
    Shares {
        /// Share to train on.
        train: f64,
        /// Share to test on.
        test: f64,
    },
    /// No line, or only users who wrote too little.
    #[error("no user has as many texts as least_texts asks for")]
    Nobody,
}
