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
pub(super) fn epsilon_of_mu(mu: f64, delta: DeltaProbability) -> Epsilon {
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

/// Upper bound on `ln delta(epsilon)`.
///
/// For small `mu` the two terms almost cancel, and what is left of their difference may be float error. So the larger
/// is raised and the smaller lowered by more than that error before they are subtracted: an error of `1e-15` in the
/// argument `x` of `ln_phi` moves it by `1e-15 x^2`, and its own is about `1e-15 |ln_phi|`, which is below `1e-15 (1 + x^2)`.
fn ln_delta(mu: f64, epsilon: f64) -> f64 {
    let point = epsilon / mu;
    let (first, second) = (ln_phi(mu / 2.0 - point), epsilon + ln_phi(-mu / 2.0 - point));
    let reach = mu / 2.0 + point;
    let error = 4e-15 * (1.0 + reach * reach);
    first + error + (-(second - first - error).min(0.0).exp()).ln_1p()
}
