//! The Gaussian mechanism without sampling, exactly; trees and matrix mechanisms are Gaussian too.

use super::{Accountant, Refusal, normal::ln_phi, outward, sensitivity};
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
        Ok(epsilon_of_mu(mu_squared(event, self.name())?.sqrt(), delta))
    }
}

/// `mu^2` of composed Gaussians: `sum (sensitivity / sigma)^2`. Infinite when nothing is promised.
pub(super) fn mu_squared(event: &DpEvent, accountant: &'static str) -> Result<f64, Refusal> {
    event.relation()?;
    squared(event, accountant)
}

fn squared(event: &DpEvent, accountant: &'static str) -> Result<f64, Refusal> {
    let event = everybody(event);
    if let Some(mu) = one_gaussian(event) {
        return Ok(mu * mu);
    }
    match event {
        DpEvent::NonPrivate => Ok(f64::INFINITY),
        DpEvent::Repeated { count: 0, of } => squared(of, accountant).map(|_| 0.0),
        DpEvent::Repeated { count, of } => Ok(f64::from(*count) * squared(of, accountant)?),
        DpEvent::Composed { of } => of.iter().try_fold(0.0, |sum, event| Ok(sum + squared(event, accountant)?)),
        other => Err(Refusal::new(accountant, other)),
    }
}

/// `mu = sensitivity / sigma`, rounded up, of an event that is one Gaussian release without sampling, be it of a vector or of a
/// whole run; `None` for every other event.
///
/// # Source
/// A tree in which a device is in one leaf: its contribution is in `height` nodes, so the release of all nodes is a Gaussian of
/// sensitivity `sqrt(height)` times the bound, and trees add up as compositions do (Kairouz and others 2021, Appendix D). A matrix
/// mechanism: Denisov and others 2022, Theorem 2.1, with the sensitivity from [`sensitivity::of`].
pub(crate) fn one_gaussian(event: &DpEvent) -> Option<f64> {
    match event {
        DpEvent::Gaussian { sigma, bound, relation } => Some(relation.sensitivity(bound.get()) / sigma.get()),
        DpEvent::TreeAggregation { sigma, bound, leaves, trees, relation } => {
            let nodes = f64::from(height(leaves.get())) * f64::from(trees.get());
            Some(relation.sensitivity(bound.get()) / sigma.get() * nodes.sqrt())
        }
        DpEvent::MatrixFactorisation(run) => {
            Some(run.relation().sensitivity(run.bound().get()) / run.sigma().get() * sensitivity::of(run))
        }
        _ => None,
    }
}

/// Nodes over one leaf, itself included, of a tree with this many leaves: `ceil(log2(leaves + 1))`.
fn height(leaves: u32) -> u32 {
    u32::BITS - leaves.leading_zeros()
}

/// The event without a claim about sampling that changes nothing: where nobody is left out, or nothing is promised anyway.
pub(super) fn everybody(event: &DpEvent) -> &DpEvent {
    let (of, all) = match event {
        DpEvent::PoissonSampled { rate, of } => (of.as_ref(), rate.get() == 1.0),
        DpEvent::TruncatedPoisson(sampled) => (sampled.of(), false),
        DpEvent::SampledWithoutReplacement(sampled) => (sampled.of(), sampled.cohort() == sampled.population()),
        DpEvent::Allocation(allocation) => (allocation.of(), false),
        other => return other,
    };
    match everybody(of) {
        DpEvent::NonPrivate => &DpEvent::NonPrivate,
        of if all => of,
        _ => event,
    }
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
