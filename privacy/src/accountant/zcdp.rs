//! Zero-concentrated differential privacy of Gaussian mechanisms without sampling.

use super::{Accountant, Refusal, gaussian::zcdp_of, outward};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// zCDP: a Gaussian of multiplier `z` is `1/(2 z^2)`-zCDP, and rho adds up under adaptive composition.
///
/// # Source
/// Bun and Steinke 2016, Proposition 1.6 and Lemma 1.7; conversion as in [`epsilon_of_zcdp`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ZcdpAccountant;

impl Accountant for ZcdpAccountant {
    fn name(&self) -> &'static str {
        "zcdp"
    }

    fn epsilon(&self, event: &DpEvent, delta: DeltaProbability) -> Result<Epsilon, Refusal> {
        Ok(epsilon_of_zcdp(zcdp_of(event, self.name())?, delta))
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
    let near = (-ln_delta / rho).sqrt().ln();
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
