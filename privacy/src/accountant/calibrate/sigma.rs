//! The least integer noise that a budget affords.

use super::{Calibration, CalibrationError, axis::STEPS};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

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
    // Every noise meets an infinite target, the least one too.
    if !target.is_finite() {
        return Ok(1);
    }
    let calibration = Calibration::tightest(target, delta);
    // Whole numbers up to the limit are floats exactly.
    match calibration.found(&STEPS, 1.0, |sigma| Some(sigma as u64), |sigma| schedule(*sigma)) {
        Ok(found) => Ok(found.parameter),
        Err(CalibrationError::OutOfReach { target, .. }) => Err(CalibrationError::Unreachable { target }),
        Err(error) => Err(error),
    }
}
