//! Why there is no answer.

use std::path::PathBuf;

use murmur_privacy::{
    accountant::{CalibrationError, Refusal},
    event::InvalidEvent,
    grid::GridError,
    ledger::LedgerError,
    units::OutOfRange,
};
use thiserror::Error;

use crate::report::ReportError;

/// No answer, or a refusal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// The accountant has no theorem.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing meets the target.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A number that is none of its quantity.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// An event that cannot be.
    #[error(transparent)]
    Event(#[from] InvalidEvent),
    /// No grid for so many parameters at this clip.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A delta that permits publishing somebody's data outright.
    #[error(
        "delta is {delta:e}, and must be below {limit:e}: at 1/{population} and above, publishing one device's data in full would pass"
    )]
    DeltaTooLarge {
        /// The delta given.
        delta: f64,
        /// Devices.
        population: u64,
        /// One over their number.
        limit: f64,
    },
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A ledger whose chain is broken, or whose entries break a rule.
    #[error("{}: entry {entry}, on line {}: {cause}", path.display(), entry + 1)]
    Ledger {
        /// The file.
        path: PathBuf,
        /// Index of the first entry that cannot follow the ones before it.
        entry: u64,
        /// Why.
        cause: LedgerError,
    },
    /// The report could not be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The plot could not be drawn.
    #[error("the plot cannot be drawn: {0}")]
    Plot(String),
}

impl BudgetError {
    /// Whether this is a refusal (exit code 1) rather than an error (exit code 2).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Calibration(CalibrationError::Refused(_) | CalibrationError::OutOfReach { .. })
                | Self::Ledger { .. }
        )
    }
}
