//! Noise that devices add in shares.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use super::Relation;
use crate::units::{DeltaProbability, OutOfRange, Scale};

/// Noise in shares: what every surviving honest device added before the sum was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistributedNoise {
    /// Standard deviation (for the discrete Gaussian its parameter) of one device's share, in steps.
    pub sigma: Scale,
    /// Largest l2 norm of one device's integer contribution without noise, in steps: enforced, not expected.
    pub bound: Scale,
    /// Coordinates, padding included.
    pub dimension: NonZeroU64,
    /// Honest devices whose share is in the sum in both worlds: those that were realised, or the least number with which
    /// the sum is opened, without the devices that may be dishonest. A device that adds noise only when it contributes does
    /// not protect itself: leave it out.
    pub survivors: NonZeroU32,
    /// Which worlds are compared.
    pub relation: Relation,
}

/// The bound on the l2 norm of an integer vector, in steps, under which conditional stochastic rounding of a vector of norm
/// `clip` (in steps) is accepted with probability at least `1 - rejection` at each attempt. It depends on public numbers alone.
///
/// # Errors
/// [`OutOfRange`] when the bound is beyond the floats.
///
/// # Source
/// Kairouz, Liu and Steinke 2021 (2102.06387), Theorem 1 and Proposition 22: `min(clip + sqrt(d), sqrt(clip^2 + d/4 +
/// sqrt(2 ln(1/rejection)) (clip + sqrt(d)/2)))`.
pub fn rounded_bound(clip: Scale, dimension: NonZeroU64, rejection: DeltaProbability) -> Result<Scale, OutOfRange> {
    let (clip, dimension) = (clip.get(), dimension.get() as f64);
    let always = clip + dimension.sqrt();
    let attempts = (-2.0 * rejection.get().ln()).sqrt();
    let likely = (clip * clip + dimension / 4.0 + attempts * (clip + dimension.sqrt() / 2.0)).sqrt();
    Scale::new(always.min(likely))
}
