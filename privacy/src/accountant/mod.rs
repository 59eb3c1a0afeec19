//! From events to epsilon. An accountant refuses an event for which it has no theorem, and rounds toward more loss.

mod calibrate;
mod gaussian;
mod normal;
mod pld;
mod prices;
mod rdp;
mod refusal;
mod sensitivity;
mod zcdp;

pub use calibrate::{Calibrated, Calibration, CalibrationError, calibrate_sigma};
pub use gaussian::ExactGaussian;
pub use pld::{Bounds, LossSchedule, PldAccountant};
pub use prices::{Prices, PricesError, Quote, tightest};
pub use rdp::{RdpAccountant, RdpCurve, STANDARD_ORDERS};
pub use refusal::Refusal;
pub use zcdp::{ZcdpAccountant, epsilon_of_zcdp};

pub(crate) use gaussian::one_gaussian;
pub(crate) use sensitivity::of_toeplitz as toeplitz_sensitivity;

use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// Interprets events, each under the relation that it states.
///
/// # Contract (held by the suite in `accountant/contract.rs`)
/// - An event without a theorem is refused, also when it hides inside another or is repeated zero times; so is one whose parts
///   are stated under different relations.
/// - `epsilon` is an upper bound: rounded toward more loss, non-increasing in delta, non-decreasing in repetitions.
/// - Not private at all is not a refusal: its epsilon is infinite.
pub trait Accountant {
    /// Short name, as printed beside every epsilon.
    fn name(&self) -> &'static str;

    /// An epsilon for which `event` is `(epsilon, delta)`-differentially private.
    ///
    /// # Errors
    /// [`Refusal`] naming the event for which there is no theorem here.
    fn epsilon(&self, event: &DpEvent, delta: DeltaProbability) -> Result<Epsilon, Refusal>;
}

/// Slack for the accountants' own float arithmetic, far above the error of a few thousand additions and far below
/// any digit that is printed: results are multiplied by `1 + 2^-34`.
const OUTWARD: f64 = 1.0 + 1.0 / (1_u64 << 34) as f64;

/// `value`, rounded toward more loss; never below zero.
fn outward(value: f64) -> Epsilon {
    // NaN would mean a defect in the arithmetic: it promises nothing. (`f64::max` would make it zero.)
    let raised = if value <= 0.0 { 0.0 } else { value * OUTWARD };
    Epsilon::new(raised).unwrap_or(Epsilon::INFINITE)
}

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;
