//! Laws on the integers that are a Gaussian but for terms of order `1 / sigma^2`: discrete Gaussian and Skellam.
//!
//! Below [`DIRECT`] a sample is found among the thresholds `T(m) = P(|X| >= m)`, held to 63 bits. From there on a quick look
//! computes `sigma w - w k(w) / (24 sigma)`, with `w` the quantile of `|N(0, 1)|` and `k` of the law (`k(w) = 1` for the discrete
//! Gaussian, `4 - w^2` for Skellam), and is sure where the nearest half-integer is further away than the error. What is left
//! is decided by [`fourier::tail`].
//!
//! **The error is below `2^(l-2) / sigma^3` for fractions `v` of an octave `l <= 31`.** Let `N = m - 1/2`, `t = N / sigma`,
//! `z = sigma^2`, `f` the normal density, and `H(t) = P(|N(0, 1)| >= t) - t f(t) k(t) / (12 z)`.
//!
//! *First, `|T(m) - H(t)| <= R(t) = (0.0315 + 0.0252 t + 0.0047 t^2) / z^2`.* By Fourier's formula for a symmetric law with
//! characteristic function `c`, `1 - T(m)` is the integral of `c(x) sin(N x) / sin(x / 2)` over `-pi < x < pi`, over `2 pi`.
//! - Discrete Gaussian: by Poisson's formula that is the integral over all `x` with `exp(-z x^2 / 2)` for `c`, divided by
//!   `1 + 2 sum exp(-2 pi^2 z j^2)`. For `|x| <= pi`, `(x/2) / sin(x/2) = 1 + x^2/24 + r` with `0 <= r <= 0.00164 x^4`, as its series
//!   has positive coefficients only. The first two terms integrate to `1 - H`, the third to at most `0.00164 * 4 / (pi z^2)`.
//! - Skellam: `c(x) = exp(-2 z sin^2(x/2))`. With `s = 2 sin(x/2)` the integral becomes that of
//!   `(2 / pi) exp(-z s^2 / 2) (1 / s) sin(2 N asin(s/2)) / sqrt(1 - s^2/4)` over `0 < s < 2`. For `s <= 1/2`,
//!   `2 asin(s/2) = s + d` with `s^3/24 <= d <= 1.03 s^3/24` and `d - s^3/24 <= 0.0049 s^5`, and
//!   `1 / sqrt(1 - s^2/4) = 1 + s^2/8 + r` with `0 <= r <= 0.0248 s^4`. So the last two factors are
//!   `sin(N s) + (N s^3/24) cos(N s) + (s^2/8) sin(N s)`, but for `0.00093 N^2 s^6 + 0.0105 N s^5 + 0.0248 s^4` at most. The three
//!   terms integrate to `1 - H`, the others to at most `R`.
//!
//! Both leave out what lies beyond (`|x| > pi`, `s > 1/2`, the sum over `j`): less than `8 N exp(-z / 8)`, which for
//! `sigma >= 512` and `t <= 7` is nothing beside the rounding of `R`'s constants.
//!
//! *Second, let `P(|N(0, 1)| >= w) = v`, `d = w k(w) / (24 z)` and `b = 2^(l-2) / z^2`; then `T(m) > v` when `t <= w - d - b`, and
//! `T(m) < v` when `t >= w - d + b`.* Taylor's formula around `w` gives `|H(w - d) - v| <= 1.01 f(w) B / z^2` with
//! `B = (w (w k)^2 + 2 |w k| max |(x k)' - x^2 k|) / 576` over `x <= w`, and `B <= 0.05 * 2^l`. On `0 <= t <= 6.6`, where all these `w`
//! lie, `-H' >= 1.99 f` and `-H' > R'`, so `H - R` and `H + R` fall, as does `T`. So it is enough that
//! `1.99 f(w - d + b) b > R + |H(w - d) - v|`. The hazard `2 f(w) / v` of `|N(0, 1)|` is at least 0.797 and at least `w`, so
//! `f(w) >= 2^-(l+1) max(0.398, w/2)` and `R + |H(w - d) - v| <= (0.28 + 0.06) f(w) 2^l / z^2`; on the other side `|d| + b < 1/100`
//! gives `1.99 f(w - d + b) b >= 0.45 f(w) 2^l / z^2`. The tests check both claims against [`fourier::tail`].

mod fourier;
mod thresholds;

use std::{marker::PhantomData, sync::Arc};

use super::{
    ScaleOutOfRange,
    enclosure::Enclosure,
    invert::{Law, Look},
    scaled::ScaledNormal,
};
use thresholds::Thresholds;

/// Largest parameter `sigma` of laws on the integers, and largest scale of the discrete Laplace: a word of 64 bits then has
/// digits enough for all but one sample in thousands.
pub(super) const LATTICE_LIMIT: u64 = 1 << 32;
/// From here on thresholds are not tabled.
const DIRECT: u64 = 512;

/// What makes one of the laws.
pub(super) trait Shape: Sync {
    /// In words, for errors.
    const NAME: &'static str;

    /// Numbers proportional to `P(X = 0), ..., P(X = count)`, with so many bits after the point, the first at least 1.
    fn weights(variance: u64, count: u64, bits: u64) -> Vec<Enclosure>;

    /// Whether [`characteristic`](Self::characteristic) is the law's own, with a period of a whole turn. Otherwise it stands
    /// for it under Poisson's formula.
    const PERIODIC: bool;

    /// The function at `2 pi k / points` for `k = 1, 2, ...`, each given `sin(pi k / points)`. It falls: over half a period, or as
    /// a Gaussian.
    fn characteristic(variance: u128, points: u128, pi: &Enclosure) -> impl FnMut(&Enclosure) -> Enclosure + use<Self>;

    /// The sum by which Poisson's formula divides; 1 for a law's own function.
    fn normaliser(variance: u128, pi: &Enclosure) -> Enclosure;

    /// `w k(w) / (24 sigma)` in units of `2^-64`, off by at most [`CORRECTION_ERROR`], given `w 2^60` and `2^76 / (24 sigma)`.
    fn correction(w: u64, unit: i64) -> i64;
}

/// What [`Shape::correction`] may lose.
const CORRECTION_ERROR: u128 = 4;

/// A law of one of the shapes.
pub(super) struct Lattice<S> {
    sigma: u64,
    /// `2^76 / (24 sigma)`.
    unit: i64,
    quick: ScaledNormal,
    /// For small `sigma`.
    thresholds: Option<Arc<Thresholds>>,
    shape: PhantomData<S>,
}

impl<S: Shape> Lattice<S> {
    pub(super) fn new(sigma: u64) -> Result<Self, ScaleOutOfRange> {
        ScaleOutOfRange::check(S::NAME, sigma, LATTICE_LIMIT)?;
        let (cube, unit) = (u128::from(sigma).pow(3), (1_u128 << 76) / (24 * u128::from(sigma)));
        let quick = ScaledNormal::new(sigma, |octave| (1 << (62 + octave)) / cube + 1 + CORRECTION_ERROR);
        let thresholds = (sigma < DIRECT).then(|| Arc::new(Thresholds::compute::<S>(sigma)));
        Ok(Self { sigma, unit: unit as i64, quick, thresholds, shape: PhantomData })
    }

    pub(super) fn sigma(&self) -> u64 {
        self.sigma
    }
}

impl<S: Shape> Law for Lattice<S> {
    #[inline(always)]
    fn look(&self, word: u64) -> Look {
        match &self.thresholds {
            // The rounded Gaussian's value is a good place to start looking from.
            Some(thresholds) => thresholds.look(word, self.quick.look(word, |_| 0).magnitude),
            None => self.quick.look(word, |w| S::correction(w, self.unit)),
        }
    }

    fn tail(&self, m: u64, bits: u64) -> Enclosure {
        fourier::tail::<S>(self.sigma, m, bits)
    }
}

impl<S> Clone for Lattice<S> {
    fn clone(&self) -> Self {
        let Self { sigma, unit, quick, thresholds, shape } = self;
        Self { sigma: *sigma, unit: *unit, quick: quick.clone(), thresholds: thresholds.clone(), shape: *shape }
    }
}

#[cfg(test)]
mod tests;
