//! Everything that can be wrong with a table.

use murmur_round::device_id::DeviceId;
use thiserror::Error;

/// A table that holds no usable examples; says where and what to do.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file goes on beyond what this program is ready to load.
    #[error("longer than the limit of {limit} bytes: split it")]
    TooLong {
        /// The limit, decompressed.
        limit: u64,
    },
    /// A line with more or fewer fields than there are names.
    #[error("line {line} has {found} fields, the first line names {expected}")]
    Ragged {
        /// The line, counted from 1.
        line: u64,
        /// Names.
        expected: u64,
        /// Fields.
        found: u64,
    },
    /// A line that is no text.
    #[error("line {line} is not UTF-8")]
    NoText {
        /// The line, counted from 1.
        line: u64,
    },
    /// Anything else that the reader of comma-separated values, or of Parquet, objects to.
    #[error("not a table: {what}")]
    Unreadable {
        /// What it says.
        what: String,
    },
    /// A key names a column that is not there.
    #[error("there is no column {column:?}, which the key {key} names")]
    NoColumn {
        /// The key.
        key: &'static str,
        /// The column.
        column: String,
    },
    /// Two columns of one name.
    #[error("two columns are called {column:?}: give each a name of its own")]
    SameName {
        /// The name.
        column: String,
    },
    /// A column of lists or of columns.
    #[error("column {column:?} holds lists or columns of its own: write each as a column")]
    NestedColumn {
        /// The name.
        column: String,
    },
    /// One column for two purposes.
    #[error("column {column:?} is named twice: a column is a label, a user, a split, categorical or ignored")]
    TwoRoles {
        /// The column.
        column: String,
    },
    /// Nothing is left to learn from.
    #[error("no column is a feature: every one is a label, a user, a split or ignored")]
    NoFeatures,
    /// A category that could not tell anything.
    #[error("categorical column {column:?} needs at least two levels, each written once")]
    Levels {
        /// The column.
        column: String,
    },
    /// A field that does not hold what its column should.
    #[error("line {line}, column {column:?}: {found:?} is not {expected}")]
    Field {
        /// The line, counted from 1; of a Parquet file the row, which is one less.
        line: u64,
        /// The column.
        column: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there; its first 40 characters.
        found: String,
    },
    /// Names, and no rows below them.
    #[error("there is no row below the names")]
    NoRows,
    /// No training rows to take mean and deviation from.
    #[error(
        "{} no training row to standardise by: leave standardise out, or give training rows",
        user.as_ref().map_or_else(|| "there is".to_owned(), |user| format!("user {user} has"))
    )]
    NothingToStandardiseBy {
        /// The user; absent where everybody's rows are asked for.
        user: Option<DeviceId>,
    },
}

impl From<csv::Error> for TableError {
    fn from(error: csv::Error) -> Self {
        let line = error.position().map_or(0, csv::Position::line);
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                Self::Ragged { line, expected: *expected_len, found: *len }
            }
            csv::ErrorKind::Utf8 { .. } => Self::NoText { line },
            _ => Self::Unreadable { what: error.to_string() },
        }
    }
}
