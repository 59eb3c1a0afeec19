//! What a local randomiser says against somebody who wants to rebuild an update and knows little about it.

use serde::Serialize;

use super::{
    LocalError,
    direction::checked,
    parameters::stretched,
    tail::{Angle, Tail},
};
use crate::units::{Epsilon, OutOfRange};

/// A bound on the probability that an update's direction is rebuilt. It is a statement about an adversary of limited prior
/// knowledge and one use of a randomiser, and it is not differential privacy: to anybody who knows more it promises nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReconstructionBound {
    /// What one use costs.
    pub epsilon: Epsilon,
    /// Logarithm of how much denser than uniform the adversary's prior is, at most.
    pub rho0: f64,
    /// Dimensions of the direction, or of the projection of it, that the adversary is after.
    pub dimension: usize,
    /// Distance between unit vectors up to which an estimate counts as a success.
    pub distance: f64,
    /// The bound.
    pub probability: f64,
    /// Its logarithm before it is cut off at one.
    pub ln_probability: f64,
}

/// `min(1, e^(epsilon + rho0) P(<U, v> >= 1 - distance^2 / 2))` for `U` uniform on the sphere of `dimension` at least 2.
///
/// # Guarantee
/// Let a device's data give the update `x`, let the adversary's prior of `f(x) = A x / |A x|` (for any projection `A` to `dimension` numbers)
/// have density at most `e^rho0` relative to uniform, and let what was sent be epsilon-locally private without delta. Then,
/// given what was sent, every estimate lies within `distance` of `f(x)` with at most this probability.
///
/// # Source
/// For every output `z` and updates `x`, `y`: `p(z | x) <= e^epsilon p(z | y)`, so the posterior `p(z | x) prior(x) / E p(z | Y)` is at most
/// `e^epsilon prior(x)`, for sets of updates too. The updates with `f(x)` in a cap have prior at most `e^rho0` times the cap's
/// share. The threat, reconstruction by somebody whose prior is diffuse, is that of Bhowmick and others 2018
/// (1812.00984); this bound is derived here.
///
/// # Errors
/// [`LocalError`] for fewer than two dimensions, a `rho0` that is negative or infinite, or a distance outside of `(0, sqrt(2)]`.
pub fn reconstruction_bound(
    epsilon: Epsilon,
    rho0: f64,
    dimension: usize,
    distance: f64,
) -> Result<ReconstructionBound, LocalError> {
    checked(dimension)?;
    if !(rho0 >= 0.0 && rho0.is_finite()) {
        return Err(OutOfRange { quantity: "rho0", range: "zero or more and finite", value: rho0 }.into());
    }
    if !(distance > 0.0 && distance <= std::f64::consts::SQRT_2) {
        return Err(
            OutOfRange { quantity: "the distance", range: "above 0 and at most sqrt(2)", value: distance }.into()
        );
    }
    let tail = Tail::of_direction(dimension, Angle::of_chord(distance));
    // Float error of the share's logarithm grows with the dimension: it is a few units in the last place of the sine, so often.
    let error = dimension as f64 * 4.0 * f64::EPSILON;
    let ln_probability = stretched(epsilon.get() + rho0).get() + tail.ln_mass + tail.ln_mass.abs() * 1e-12 + error;
    let probability = ln_probability.exp().next_up().min(1.0);
    Ok(ReconstructionBound { epsilon, rho0, dimension, distance, probability, ln_probability })
}

impl std::fmt::Display for ReconstructionBound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { epsilon, rho0, dimension, distance, probability, .. } = self;
        write!(
            f,
            "a direction in {dimension} dimensions is rebuilt to within {distance} with probability {probability:.6e} at most, by whoever \
             knows no more than a prior of density e^{rho0} relative to uniform, after one use at local epsilon {epsilon}; \
             this is a bound on reconstruction, not differential privacy"
        )
    }
}
