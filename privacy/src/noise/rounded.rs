//! The rounded Gaussian on integers.

use std::fmt;

use rand::Rng;

use super::{
    IntegerNoise, ScaleOutOfRange,
    enclosure::Enclosure,
    invert::{self, Law, Look},
    karney,
    normal::two_sided_tail,
    scaled::ScaledNormal,
};

/// Above this a word has too few digits, and Karney's trials are quicker than looking for more of them.
const QUICK: u64 = 1 << 38;

/// Draws `round(N(0, sigma^2))` exactly.
///
/// # Guarantee
/// `P(X = n) = Phi((n + 1/2) / sigma) - Phi((n - 1/2) / sigma)` given uniform bits, to the last digit: no float takes part,
/// nothing is cut off, and nothing is to be charged to delta.
///
/// # Source
/// Inversion: `|X|` is the largest `m` with `v < P(|N(0, 1)| >= (m - 1/2) / sigma)` for a uniform `v` (the argument stands in
/// `noise/invert.rs`). Above `sigma = 2^38` Karney 2016, Algorithm N for the deviate, and comparison of its digits with the
/// rational half-way points.
#[derive(Clone)]
pub struct RoundedGaussian(Sampler);

#[derive(Clone)]
enum Sampler {
    Inversion(Inversion),
    Karney { sigma: u64 },
}

impl RoundedGaussian {
    /// Largest standard deviation in steps.
    pub const LIMIT: u64 = 1 << 44;

    /// Standard deviation in whole steps, 1 to [`LIMIT`](Self::LIMIT).
    ///
    /// # Errors
    /// [`ScaleOutOfRange`] for any other.
    pub fn new(sigma: u64) -> Result<Self, ScaleOutOfRange> {
        ScaleOutOfRange::check("rounded Gaussian", sigma, Self::LIMIT)?;
        Ok(Self(if sigma <= QUICK { Sampler::Inversion(Inversion::new(sigma)) } else { Sampler::Karney { sigma } }))
    }
}

impl IntegerNoise for RoundedGaussian {
    fn fill<R: Rng + ?Sized>(&self, samples: &mut [i64], rng: &mut R) {
        match &self.0 {
            Sampler::Inversion(law) => invert::draw(law, samples, rng),
            Sampler::Karney { sigma } => samples.fill_with(|| karney::rounded(*sigma, rng)),
        }
    }
}

/// `|X| >= m` when `|N(0, 1)| >= (m - 1/2) / sigma`.
#[derive(Clone)]
pub(super) struct Inversion {
    sigma: u64,
    quick: ScaledNormal,
}

impl Inversion {
    pub(super) fn new(sigma: u64) -> Self {
        Self { sigma, quick: ScaledNormal::new(sigma, |_| 0) }
    }
}

impl Law for Inversion {
    #[inline(always)]
    fn look(&self, word: u64) -> Look {
        self.quick.look(word, |_| 0)
    }

    fn tail(&self, m: u64, bits: u64) -> Enclosure {
        two_sided_tail(2 * m - 1, 2 * self.sigma, bits)
    }
}

impl fmt::Debug for RoundedGaussian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Sampler::Inversion(Inversion { sigma, .. }) | Sampler::Karney { sigma }) = &self.0;
        f.debug_struct("RoundedGaussian").field("sigma", sigma).finish_non_exhaustive()
    }
}
