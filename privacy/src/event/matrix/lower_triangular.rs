//! Any other strategy, column by column.

use serde::{Deserialize, Serialize};

use crate::event::InvalidEvent;

/// Columns of a strategy given column by column, whose sensitivity takes a dynamic programme.
const COLUMNS_LIMIT: usize = 1 << 14;
/// Entries of all columns together.
const ENTRIES_LIMIT: usize = 1 << 20;

/// A lower-triangular matrix, column by column from the diagonal downwards; zeros at the end of a column may be left out, so
/// that a banded matrix is as small as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLowerTriangular")]
pub struct LowerTriangular {
    columns: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLowerTriangular {
    columns: Vec<Vec<f64>>,
}

impl LowerTriangular {
    /// One column for each round. All entries are finite, and none is on the diagonal that is zero.
    ///
    /// # Errors
    /// [`InvalidEvent`] for columns that do not fit below the diagonal, or that are too large to be worked with.
    pub fn new(columns: Vec<Vec<f64>>) -> Result<Self, InvalidEvent> {
        let rounds = columns.len();
        let entries = columns.iter().fold(0_usize, |sum, column| sum.saturating_add(column.len()));
        for (what, given, limit) in [("columns", rounds, COLUMNS_LIMIT), ("entries", entries, ENTRIES_LIMIT)] {
            if given > limit {
                return Err(InvalidEvent::StrategyTooLarge { what, given, limit });
            }
        }
        for (index, column) in columns.iter().enumerate() {
            if column.is_empty() || column.len() > rounds - index {
                let rounds = u32::try_from(rounds - index).unwrap_or(u32::MAX);
                return Err(InvalidEvent::StrategyLength { length: column.len(), rounds });
            }
            let finite = column.iter().copied().find(|value| !value.is_finite());
            let wrong = finite.or_else(|| column.first().copied().filter(|diagonal| *diagonal == 0.0));
            if let Some(value) = wrong {
                let range = "finite, and not zero on the diagonal";
                return Err(InvalidEvent::Coefficient { index, value, range });
            }
        }
        if columns.is_empty() {
            return Err(InvalidEvent::StrategyLength { length: 0, rounds: 0 });
        }
        Ok(Self { columns })
    }

    /// Column `i` from row `i` downwards.
    #[must_use]
    pub fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }
}

impl TryFrom<RawLowerTriangular> for LowerTriangular {
    type Error = InvalidEvent;

    fn try_from(raw: RawLowerTriangular) -> Result<Self, InvalidEvent> {
        Self::new(raw.columns)
    }
}
