//! The least noise that a budget affords.

use thiserror::Error;

use super::{Refusal, tightest};
use crate::{
    event::DpEvent,
    mechanism::SIGMA_LIMIT,
    units::{DeltaProbability, Epsilon},
};

/// No noise level meets the target.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CalibrationError {
    /// No theorem for the schedule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Even the largest noise that can be drawn is not enough, or nothing is asked for.
    #[error("no noise of at most 2^44 steps meets epsilon {target}")]
    Unreachable {
        /// The target.
        target: Epsilon,
    },
}

/// The smallest whole number of steps `sigma` for which `schedule(sigma)` costs at most `target`, by the tightest sound
/// accountant. Since sigma is an integer it is found exactly, and the value returned is one that was itself priced.
///
/// `schedule` must cost less as sigma grows.
///
/// # Errors
/// [`CalibrationError`] when the accountants refuse the schedule or no sigma up to 2^44 is enough.
pub fn calibrate_sigma(
    target: Epsilon,
    delta: DeltaProbability,
    schedule: impl Fn(u64) -> DpEvent,
) -> Result<u64, CalibrationError> {
    let affords = |sigma: u64| Ok::<_, Refusal>(tightest(&schedule(sigma), delta)?.epsilon <= target);
    let mut high = 1;
    while !affords(high)? {
        high *= 2;
        if high > SIGMA_LIMIT {
            return Err(CalibrationError::Unreachable { target });
        }
    }
    let mut low = high / 2;
    // Invariant: `high` affords, `low` does not (or is 0).
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if affords(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}
