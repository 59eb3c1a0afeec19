//! Zero-concentrated differential privacy of mechanisms without sampling.

use super::{
    Accountant, Refusal,
    gaussian::{everybody, one_gaussian},
    outward,
    rdp::Shares,
};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// zCDP: the Renyi divergence of every order `alpha` is at most `rho alpha`, and rho adds up under adaptive composition.
///
/// # Source
/// Gaussian, tree and matrix mechanism of multiplier `z`: `1/(2 z^2)` (Bun and Steinke 2016, Proposition 1.6, composition
/// Lemma 1.7). Discrete Gaussian of l2 sensitivity `D`: `D^2/(2 sigma^2)` (Canonne, Kamath and Steinke 2020, Theorem 14).
/// Laplace and discrete Laplace, which are `e`-differentially private: `e^2/2` (Bun and Steinke 2016, Proposition 1.4).
/// Distributed discrete Gaussian: Kairouz, Liu and Steinke 2021, Theorem 1. Conversion as in [`epsilon_of_zcdp`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ZcdpAccountant;

impl Accountant for ZcdpAccountant {
    fn name(&self) -> &'static str {
        "zcdp"
    }

    fn epsilon(&self, event: &DpEvent, delta: DeltaProbability) -> Result<Epsilon, Refusal> {
        Ok(epsilon_of_zcdp(rho(event, self.name())?, delta))
    }
}

/// `rho`, infinite when nothing is promised.
pub(super) fn rho(event: &DpEvent, accountant: &'static str) -> Result<f64, Refusal> {
    event.relation()?;
    concentrated(event, accountant)
}

fn concentrated(event: &DpEvent, accountant: &'static str) -> Result<f64, Refusal> {
    let half_square = |ratio: f64| Ok(ratio * ratio / 2.0);
    let event = everybody(event);
    if let Some(mu) = one_gaussian(event) {
        return half_square(mu);
    }
    match event {
        DpEvent::NonPrivate => Ok(f64::INFINITY),
        DpEvent::DiscreteGaussian { sigma, bound, relation, .. } => {
            half_square(relation.sensitivity(bound.get()) / sigma.get())
        }
        DpEvent::Laplace { scale, bound, relation, .. } => half_square(relation.sensitivity(bound.get()) / scale.get()),
        DpEvent::DiscreteLaplace { scale, bound, relation, .. } => {
            half_square(relation.sensitivity(bound.get() as f64) / scale.get())
        }
        DpEvent::DistributedDiscreteGaussian(noise) => {
            Shares::new(noise).map(|shares| shares.rho()).ok_or_else(|| Refusal::new(accountant, event))
        }
        DpEvent::Repeated { count: 0, of } => concentrated(of, accountant).map(|_| 0.0),
        DpEvent::Repeated { count, of } => Ok(f64::from(*count) * concentrated(of, accountant)?),
        DpEvent::Composed { of } => of.iter().try_fold(0.0, |sum, event| Ok(sum + concentrated(event, accountant)?)),
        other => Err(Refusal::new(accountant, other)),
    }
}

/// Epsilon of a `rho`-zCDP mechanism: `min over alpha > 1 of rho alpha + ln(1 - 1/alpha) - ln(delta alpha)/(alpha - 1)`.
///
/// Every `alpha` gives a valid bound, so the search for the best one needs no proof of its own.
///
/// # Source
/// Canonne, Kamath and Steinke 2020, Proposition 12, with the Renyi divergence of order alpha bounded by `rho alpha`.
#[must_use]
pub fn epsilon_of_zcdp(rho: f64, delta: DeltaProbability) -> Epsilon {
    if rho == 0.0 {
        return Epsilon::ZERO;
    }
    if !rho.is_finite() {
        return Epsilon::INFINITE;
    }
    let ln_delta = delta.get().ln();
    let bound = |ln_excess: f64| {
        let excess = ln_excess.exp();
        let order = 1.0 + excess;
        rho * order + (ln_excess - order.ln()) - (ln_delta + order.ln()) / excess
    };
    // The classic optimum 1 + sqrt(ln(1/delta)/rho) is near; a coarse scan around it brackets the minimum.
    // (For the smallest rho the ratio is no float; any order will do.)
    let near = (-ln_delta / rho).sqrt().ln().min(300.0);
    let step = 0.25;
    let best = (-40..=40)
        .map(|offset| near + step * f64::from(offset))
        .min_by(|left, right| bound(*left).total_cmp(&bound(*right)))
        .unwrap_or(near);
    let (mut low, mut high) = (best - step, best + step);
    for _ in 0..100 {
        let third = (high - low) / 3.0;
        if bound(low + third) < bound(high - third) {
            high -= third;
        } else {
            low += third;
        }
    }
    outward(bound(low + (high - low) / 2.0))
}
