//! Renyi divergence of noise that devices add in shares.

use super::release::between_integers;
use crate::event::DistributedNoise;

/// How many terms of the distance `tau` are added one by one.
const EXACT_TERMS: u32 = 1 << 16;

/// Discrete Gaussian noise in shares: in units of the standard deviation of their sum.
///
/// # Source
/// Kairouz, Liu and Steinke 2021 (2102.06387), Theorem 1 and Proposition 14, for shares of `sigma >= 1/2`: with `n` shares,
/// `tau = 10 sum_(k=1)^(n-1) e^(-2 pi^2 sigma^2 k/(k+1))`, l2 and l1 the sensitivities over `sqrt(n) sigma`, `d` coordinates,
/// the divergence is at most `min(alpha l2^2 / 2 + tau d, alpha (l2^2 + 2 l1 tau + tau^2 d) / 2, alpha (l2 + sqrt(d) tau)^2 / 2)`.
pub(in crate::accountant) struct Shares {
    l2: f64,
    l1: f64,
    tau: f64,
    dimension: f64,
}

impl Shares {
    /// `None` where the theorem does not hold: shares of a sigma below half a step.
    pub(in crate::accountant) fn new(noise: &DistributedNoise) -> Option<Self> {
        let sigma = noise.sigma.get();
        if sigma < 0.5 {
            return None;
        }
        let shares = noise.survivors.get();
        let exponent = -2.0 * std::f64::consts::PI.powi(2) * sigma * sigma;
        let term = |k: u32| (exponent * (f64::from(k) / f64::from(k + 1))).exp();
        let exact = (shares - 1).min(EXACT_TERMS);
        // Terms fall, so the last one added bounds all that follow.
        let rest = f64::from(shares - 1 - exact) * term(exact);
        let tau = 10.0 * ((1..=exact).map(term).sum::<f64>() + rest);
        let spread = f64::from(shares).sqrt() * sigma;
        let (l2, l1) = sensitivities(noise);
        Some(Self { l2: l2 / spread, l1: l1 / spread, tau, dimension: noise.dimension.get() as f64 })
    }

    /// `rho` of the part of the theorem that is concentrated differential privacy.
    pub(in crate::accountant) fn rho(&self) -> f64 {
        let Self { l2, l1, tau, dimension } = self;
        let by_both = l2 * l2 + 2.0 * l1 * tau + tau * tau * dimension;
        let by_l2 = (l2 + dimension.sqrt() * tau).powi(2);
        by_both.min(by_l2) / 2.0
    }

    pub(super) fn divergence(&self, order: f64) -> f64 {
        (order * self.rho()).min(order * self.l2 * self.l2 / 2.0 + self.tau * self.dimension)
    }
}

/// Skellam noise in shares, whose sum is Skellam noise.
///
/// # Source
/// Agarwal, Kairouz and Liu 2021 (2110.04995), the multi-dimensional Skellam mechanism: for integer orders, with variance `v` of the sum,
/// `alpha l2^2 / (2 v) + min(((2 alpha - 1) l2^2 + 6 l1) / (4 v^2), 3 l1 / (2 v))`, all in steps.
pub(super) struct Skellam {
    l2: f64,
    l1: f64,
    variance: f64,
}

impl Skellam {
    pub(super) fn new(noise: &DistributedNoise) -> Self {
        let (l2, l1) = sensitivities(noise);
        Self { l2, l1, variance: f64::from(noise.survivors.get()) * noise.sigma.get().powi(2) }
    }

    pub(super) fn divergence(&self, order: f64) -> f64 {
        let Self { l2, l1, variance } = self;
        between_integers(order, |order| {
            let gaussian = order * l2 * l2 / (2.0 * variance);
            let by_both = ((2.0 * order - 1.0) * l2 * l2 + 6.0 * l1) / (4.0 * variance * variance);
            gaussian + by_both.min(1.5 * l1 / variance)
        })
    }
}

/// l2 and l1 sensitivity. One contribution is a vector of integers: its l1 norm is at most `sqrt(d)` times the l2 norm, and
/// at most its square.
fn sensitivities(noise: &DistributedNoise) -> (f64, f64) {
    let bound = noise.bound.get();
    let l1 = bound * (noise.dimension.get() as f64).sqrt().min(bound);
    (noise.relation.sensitivity(bound), noise.relation.sensitivity(l1))
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use super::*;
    use crate::{event::Relation, units::Scale};

    fn noise(sigma: f64, dimension: u64, survivors: u32) -> DistributedNoise {
        DistributedNoise {
            sigma: Scale::new(sigma).unwrap(),
            bound: Scale::new(1.0).unwrap(),
            dimension: NonZeroU64::new(dimension).unwrap(),
            survivors: NonZeroU32::new(survivors).unwrap(),
            relation: Relation::ZeroOut,
        }
    }

    fn close(found: f64, by_hand: f64) {
        assert!((found / by_hand - 1.0).abs() < 1e-12, "{found} {by_hand}");
    }

    #[test]
    fn each_part_of_the_skellam_bound_is_taken_where_it_is_the_smaller() {
        // Variance 1: 7/2 + min((13 + 6)/4, 3/2). Variance 4: 7/8 + min((13 + 6)/64, 3/8).
        close(Skellam::new(&noise(1.0, 1, 1)).divergence(7.0), 5.0);
        close(Skellam::new(&noise(1.0, 1, 4)).divergence(7.0), 0.875 + 19.0 / 64.0);
        // Twice the shift under replace-one: 14 + min((52 + 12)/4, 3).
        let replaced = DistributedNoise { relation: Relation::ReplaceOne, ..noise(1.0, 1, 1) };
        close(Skellam::new(&replaced).divergence(7.0), 17.0);
    }

    #[test]
    fn each_part_of_the_discrete_gaussian_bound_is_taken_where_it_is_the_smaller() {
        // Two shares of half a step: tau = 10 e^(-pi^2/4), l2 = l1 = sqrt(2) in 100 coordinates.
        let shares = Shares::new(&noise(0.5, 100, 2)).unwrap();
        let tau = 10.0 * (-std::f64::consts::PI.powi(2) / 4.0).exp();
        close(shares.divergence(10.0), 10.0 + 100.0 * tau);
        close(shares.divergence(2.0), 2.0 + 2.0 * 2_f64.sqrt() * tau + 100.0 * tau * tau);
        close(shares.rho(), shares.divergence(2.0) / 2.0);
        assert!(Shares::new(&noise(0.499, 100, 2)).is_none(), "no theorem below half a step");
    }

    #[test]
    fn many_shares_are_summed_up_and_never_below_the_whole_sum() {
        // One share is a discrete Gaussian; of very many the sum's tail is bounded by its largest term.
        assert_eq!(Shares::new(&noise(0.5, 1, 1)).unwrap().tau, 0.0);
        let terms = EXACT_TERMS + 1000;
        let tau = Shares::new(&noise(0.6, 1, terms)).unwrap().tau;
        let exponent = -2.0 * std::f64::consts::PI.powi(2) * 0.36;
        let all: f64 = (1..terms).map(|k| (exponent * f64::from(k) / f64::from(k + 1)).exp()).sum();
        assert!(tau >= 10.0 * all * (1.0 - 1e-12) && tau < 10.0 * all * 1.001, "{tau} {all}");
    }
}
