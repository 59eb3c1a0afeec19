//! A Gaussian against a mixture of two: what every Poisson-sampled Gaussian release comes down to.

use std::f64::consts::PI;

use super::density::Density;

/// `P = (1 - q) N(0, 1) + q N(mu, 1)` against `Q = N(0, 1)`, or the reverse, times `share`.
///
/// # Source
/// Zhu, Dong and Wang 2022 (2106.08567), Theorem 11: the pair dominates a Poisson-sampled Gaussian of `mu = sensitivity / sigma`
/// in the direction of removal, the reversed one in that of addition.
#[derive(Clone, Copy, Debug)]
pub(super) struct GaussianMixture {
    /// `q`.
    pub(super) rate: f64,
    /// Sensitivity over sigma.
    pub(super) mu: f64,
    /// Whether the pair is `(Q, P)`: the device was added, not removed.
    pub(super) reversed: bool,
    /// Only the outcomes that are likelier with the device than without.
    pub(super) half: bool,
    /// Factor of all masses.
    pub(super) share: f64,
    /// How far, in standard deviations, the integrals reach.
    pub(super) reach: f64,
}

impl GaussianMixture {
    /// Where both are equally likely.
    pub(super) fn middle(&self) -> f64 {
        self.mu / 2.0
    }

    /// `ln (P / Q)` at `x`, increasing in `x`.
    fn ln_ratio(&self, x: f64) -> f64 {
        let exponent = self.mu * (x - self.mu / 2.0);
        if self.rate == 1.0 { exponent } else { ln_mixed(self.rate, exponent) }
    }

    /// Where `ln_ratio` is `value`; minus infinity where it is always larger.
    fn inverse(&self, value: f64) -> f64 {
        let exponent = if self.rate == 1.0 {
            value
        } else if value < 600.0 {
            let ratio = value.exp_m1() / self.rate;
            if ratio <= -1.0 {
                return f64::NEG_INFINITY;
            }
            ratio.ln_1p()
        } else {
            value - self.rate.ln()
        };
        exponent / self.mu + self.mu / 2.0
    }
}

/// `ln (1 - w + w e^t)`, without loss where it is near 0 and without overflow.
pub(super) fn ln_mixed(weight: f64, exponent: f64) -> f64 {
    if exponent < 600.0 { (weight * exponent.exp_m1()).ln_1p() } else { exponent + weight.ln() }
}

/// The standard normal density's logarithm.
pub(super) fn ln_normal(x: f64) -> f64 {
    -x * x / 2.0 - (2.0 * PI).ln() / 2.0
}

impl Density for GaussianMixture {
    fn range(&self) -> (f64, f64) {
        let least = if self.rate == 1.0 { self.mu } else { 0.0 };
        match (self.reversed, self.half) {
            (false, false) => (least - self.reach, self.mu + self.reach),
            (false, true) => (self.middle(), self.mu + self.reach),
            (true, false) => (-self.reach, self.reach),
            (true, true) => (-self.reach.max(self.middle()), -self.middle()),
        }
    }

    fn centre(&self) -> f64 {
        let centre = if !self.reversed && self.rate > 0.5 { self.mu } else { 0.0 };
        let (start, end) = self.range();
        centre.clamp(start, end)
    }

    fn loss(&self, x: f64) -> f64 {
        if self.reversed { -self.ln_ratio(-x) } else { self.ln_ratio(x) }
    }

    fn position(&self, loss: f64) -> f64 {
        if self.reversed { -self.inverse(-loss) } else { self.inverse(loss) }
    }

    fn mass_per_unit(&self, x: f64, loss: f64) -> f64 {
        // P = (P / Q) Q; reversed, Q itself.
        self.share * if self.reversed { ln_normal(x).exp() } else { (ln_normal(x) + loss).exp() }
    }

    fn roughness(&self, x: f64) -> f64 {
        1.0 + x.abs() + 2.0 * self.mu
    }

    fn outside(&self) -> f64 {
        // Two Gaussian tails, each at most e^(-reach^2 / 2) / 2; every component's own mean is at least `reach` away.
        self.share * (-self.reach * self.reach / 2.0).exp()
    }
}
