//! Poisson sampling under replace-one: the device is in the sample, or not, in both worlds.

use super::{
    density::Density,
    mixture::{ln_mixed, ln_normal},
};

/// `P = (1 - q) N(0, 1) + q N(mu, 1)` against `Q = (1 - q) N(0, 1) + q N(-mu, 1)`, times `share`. The reverse is its mirror image.
///
/// # Guarantee
/// It dominates every `P_a = (1 - q) N(0, I) + q N(a, I)` against `Q_b` with `|a|, |b| <= mu`: a Gaussian release of a Poisson
/// sample in which one device's contribution is replaced by another.
///
/// Proof. For `alpha >= 1` and the best test set `S`, the hockey stick is `q N_a(S) - c N_0(S) - alpha q N_b(S)` with
/// `c = (alpha - 1)(1 - q)`. A further coordinate makes `|a| = mu` (leaving it out again is post-processing); let `a` be along
/// `x`, and `b = (b_1, b')`. Then `S = {b' x' < h(x)}` with `h(x) = ln(q e^(mu x - mu^2/2) - c) - b_1 x + const`, whose slope is at
/// least `mu - b_1 >= 0`. Let `s(x)` be the probability that `x' ~ N(0, I)` is in `S` given `x`: on the line, the test `s` has the
/// values `N_a(S)` and `N_0(S)` at `N(mu, 1)` and `N(0, 1)`. At `N(-mu, 1)` it has at most `N_b(S)`: moving `x` from `-mu` to `b_1` raises
/// `h` by at least `(mu - b_1)(mu + b_1) >= |b'|^2`, which is what moving `x'` from 0 to `b'` costs. So `s` does at least as well
/// against the pair on the line. For `alpha < 1` exchange the worlds.
///
/// # Source
/// Own proof, above; the pair is also that of Schuchardt et al. 2024 (2403.04867) and of dp_accounting 0.6.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplacedGaussian {
    /// `q`, below 1.
    pub(super) rate: f64,
    /// Bound of one contribution over sigma.
    pub(super) mu: f64,
    /// Factor of all masses.
    pub(super) share: f64,
    /// How far, in standard deviations, the integrals reach.
    pub(super) reach: f64,
}

impl ReplacedGaussian {
    /// `ln (((1 - q) N_0 + q N_mu) / N_0)`.
    fn ln_ratio(&self, x: f64) -> f64 {
        ln_mixed(self.rate, self.mu * (x - self.mu / 2.0))
    }

    /// For a loss that is not negative: with `u = e^(mu x)` and `k = q e^(-mu^2/2)`, the larger root of
    /// `k u^2 - (1 - q)(e^l - 1) u - k e^l = 0`.
    fn positive(&self, loss: f64) -> f64 {
        if loss > 600.0 {
            return f64::INFINITY;
        }
        let (half, power) = ((1.0 - self.rate) / self.rate * loss.exp_m1() / 2.0, -self.mu * self.mu);
        // u e^(-mu^2 / 2) = half + sqrt(half^2 + e^(l - mu^2)).
        let root = half + (half * half + (loss + power).exp()).sqrt();
        (root.ln() - power / 2.0) / self.mu
    }
}

impl Density for ReplacedGaussian {
    fn range(&self) -> (f64, f64) {
        (-self.reach, self.mu + self.reach)
    }

    fn centre(&self) -> f64 {
        if self.rate > 0.5 { self.mu } else { 0.0 }
    }

    fn loss(&self, x: f64) -> f64 {
        self.ln_ratio(x) - self.ln_ratio(-x)
    }

    fn position(&self, loss: f64) -> f64 {
        if loss < 0.0 { -self.positive(-loss) } else { self.positive(loss) }
    }

    fn mass_per_unit(&self, x: f64, _: f64) -> f64 {
        self.share * (ln_normal(x) + self.ln_ratio(x)).exp()
    }

    fn roughness(&self, x: f64) -> f64 {
        1.0 + x.abs() + 3.0 * self.mu
    }

    fn outside(&self) -> f64 {
        self.share * (-self.reach * self.reach / 2.0).exp()
    }
}
