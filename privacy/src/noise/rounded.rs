//! The rounded Gaussian on integers.

use chacha20::ChaCha20Rng;
use rand::{Rng, SeedableRng};

use super::{NoiseRng, karney::HalfNormal, uniform::LazyUniform};
use crate::ring::RingVector;

/// Coordinates per independent stream. Part of what a seed means: changing it changes every simulated model.
const CHUNK: usize = 4096;

/// Draws `round(N(0, sigma^2))` exactly.
///
/// # Guarantee
/// `P(X = n) = Phi((n + 1/2) / sigma) - Phi((n - 1/2) / sigma)` given uniform bits: no float takes part.
///
/// # Source
/// Karney 2016, Algorithm N for the deviate; rounding by exact comparison of its digits with the rational half-way
/// points.
#[derive(Clone, Copy, Debug)]
pub struct RoundedGaussian {
    sigma: u64,
}

impl RoundedGaussian {
    /// Standard deviation in whole steps.
    #[must_use]
    pub(crate) fn new(sigma: u64) -> Self {
        Self { sigma }
    }

    /// Standard deviation in whole steps, for tests of the distribution.
    #[cfg(feature = "seeded")]
    #[must_use]
    pub fn with_sigma(sigma: u32) -> Self {
        Self::new(u64::from(sigma))
    }

    /// One sample.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> i64 {
        let HalfNormal { integer, fraction } = HalfNormal::draw(rng);
        let magnitude = round_scaled(self.sigma, integer, fraction, rng) as i64;
        if rng.next_u32() & 1 == 0 { magnitude } else { -magnitude }
    }

    /// Adds independent samples to every coordinate. Chunk `i` of 4,096 coordinates uses stream `i` under one fresh
    /// key, so the result does not depend on who adds which chunk.
    pub(crate) fn add_to(self, sum: &mut RingVector, rng: &mut NoiseRng) {
        let key = rng.secret();
        let dimension = sum.grid().dimension();
        let mut samples = Vec::with_capacity(CHUNK.min(dimension));
        for (chunk, offset) in (0_u64..).zip((0..dimension).step_by(CHUNK)) {
            let mut stream = ChaCha20Rng::from_seed(*key.expose());
            stream.set_stream(chunk);
            samples.clear();
            samples.extend((offset..dimension.min(offset + CHUNK)).map(|_| self.sample(&mut stream)));
            sum.add_signed(offset, &samples);
        }
    }
}

/// `floor(sigma (k + x) + 1/2)`, deciding on as many digits of `x` as it takes.
///
/// With one 64-bit digit `X` of `x`, the value `2 sigma (k + x) + 1` lies in `[L, L + 2 sigma / 2^64)` for
/// `L = 2 sigma (k + X / 2^64) + 1`; its half rounds down to the same integer over the whole interval unless an even
/// integer lies inside. Then the next digits of `x` are compared with those of that rational point, which long
/// division by `2 sigma` yields one at a time.
fn round_scaled<R: Rng + ?Sized>(sigma: u64, k: u64, mut x: LazyUniform, rng: &mut R) -> u64 {
    // Numerators over the common denominator 2^64; `sigma <= 2^44` and `k` far below 2^16 keep them inside u128.
    let twice = 2 * u128::from(sigma);
    let low = twice * ((u128::from(k) << 64) + u128::from(x.first_digit())) + (1 << 64);
    let floor = |numerator: u128| (numerator >> 65) as u64;
    let (least, most) = (floor(low), floor(low + twice - 1));
    if least == most {
        return least;
    }
    // `most` is reached once twice * x >= (2 most - 1) - twice * k; the part of that point below digit 0 remains.
    let point = ((u128::from(most) * 2) << 64) - low;
    // The interval's width is `twice` numerator units per unit of digit 0, so the point's next digits are those of
    // `point / twice`, which lies in [0, 1).
    let mut remainder = point;
    for index in 1.. {
        let scaled = remainder << 64;
        let (digit, next) = (scaled / twice, scaled % twice);
        let drawn = u128::from(x.digit(index, rng));
        if drawn != digit {
            return if drawn > digit { most } else { least };
        }
        if next == 0 {
            // The point ends here and every further digit of x is at or above it.
            return most;
        }
        remainder = next;
    }
    most
}

#[cfg(test)]
mod tests;
