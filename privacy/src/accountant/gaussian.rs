//! The Gaussian mechanism without sampling, exactly.

use super::{Accountant, Refusal, normal::ln_phi, outward};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// Exact privacy of composed Gaussian mechanisms.
///
/// # Guarantee
/// The smallest epsilon for the given delta, up to rounding toward more loss.
///
/// # Source
/// Balle and Wang 2018, Theorem 8: `delta(eps) = Phi(mu/2 - eps/mu) - e^eps Phi(-mu/2 - eps/mu)` with
/// `mu = sensitivity / sigma`; Dong, Roth and Su 2022, Corollary 3.3: composition (adaptive too) is the Gaussian mechanism
/// with `mu^2` summed.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactGaussian;

impl Accountant for ExactGaussian {
    fn name(&self) -> &'static str {
        "exact-gaussian"
    }

    fn epsilon(&self, event: &DpEvent, delta: DeltaProbability) -> Result<Epsilon, Refusal> {
        Ok(epsilon_of_mu((2.0 * zcdp_of(event, self.name())?).sqrt(), delta))
    }
}

/// `rho` of composed Gaussians: `sum (sensitivity / sigma)^2 / 2`, which is also `mu^2 / 2`. Infinite when nothing is
/// promised.
pub(super) fn zcdp_of(event: &DpEvent, accountant: &'static str) -> Result<f64, Refusal> {
    Ok(match event {
        DpEvent::NonPrivate => f64::INFINITY,
        DpEvent::Gaussian { sigma, sensitivity } => {
            let mu = sensitivity.get() / sigma.get();
            mu * mu / 2.0
        }
        // Everybody is included: no sampling took place.
        DpEvent::PoissonSampled { rate, of } if rate.get() == 1.0 => zcdp_of(of, accountant)?,
        DpEvent::PoissonSampled { .. } => return Err(Refusal::new(accountant, event)),
        DpEvent::Repeated { count: 0, of } => zcdp_of(of, accountant).map(|_| 0.0)?,
        DpEvent::Repeated { count, of } => f64::from(*count) * zcdp_of(of, accountant)?,
        DpEvent::Composed { of } => {
            let parts: Result<Vec<f64>, Refusal> = of.iter().map(|event| zcdp_of(event, accountant)).collect();
            parts?.into_iter().sum()
        }
    })
}

/// Smallest epsilon of a `mu`-Gaussian mechanism at `delta`, by bisection; the safe end is returned.
fn epsilon_of_mu(mu: f64, delta: DeltaProbability) -> Epsilon {
    if mu == 0.0 {
        return Epsilon::ZERO;
    }
    if !mu.is_finite() {
        return Epsilon::INFINITE;
    }
    let suffices = |epsilon: f64| ln_delta(mu, epsilon) <= delta.get().ln();
    if suffices(0.0) {
        return Epsilon::ZERO;
    }
    let mut high = mu.max(1e-300);
    while !suffices(high) {
        high *= 2.0;
        if high.is_infinite() {
            return Epsilon::INFINITE;
        }
    }
    let mut low = 0.0;
    // Each step halves the interval: 200 reach neighbouring floats.
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if suffices(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    outward(high)
}

/// `ln delta(epsilon)`; minus infinity where the difference vanishes.
fn ln_delta(mu: f64, epsilon: f64) -> f64 {
    let first = ln_phi(mu / 2.0 - epsilon / mu);
    let second = epsilon + ln_phi(-mu / 2.0 - epsilon / mu);
    first + (-(second - first).min(0.0).exp()).ln_1p()
}
