//! What a run, a search, a ledger or several runs come to, as one HTML file that needs nothing beside itself.
//!
//! A report follows from what lies in a folder, and from nothing else: the same folder gives the same bytes, whenever and wherever.

mod candidates;
mod cohort;
mod comparison;
mod figure;
mod frontier;
mod ledger;
mod number;
mod page;
mod quality;
mod run;
mod search;
mod signal;
mod spending;
mod statement;
mod time;

pub use comparison::{Comparison, compare};
pub use ledger::ledger;
pub use run::run;
pub use search::search;

use murmur_privacy::{accountant::PricesError, units::OutOfRange};
use thiserror::Error;

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The drawing library refuses.
    #[error("a picture of the report cannot be drawn: {0}")]
    Drawing(String),
    /// What the ledger reserved has no price any more.
    #[error(transparent)]
    Price(#[from] PricesError),
    /// A number that is none of its quantity.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// A part that cannot be written as text.
    #[error("a part of the report could not be serialised: {0}")]
    Serialise(String),
}
