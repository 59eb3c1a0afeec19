//! The discrete Laplace on integers.

use std::fmt;

use rand::Rng;

use super::{
    IntegerNoise, LATTICE_LIMIT, ScaleOutOfRange,
    enclosure::{Enclosure, exp_negative},
    invert::{self, Law, Look},
    scaled::ScaledExponential,
};

/// Draws integers with `P(X = n)` proportional to `exp(-|n| / scale)`, exactly.
///
/// # Guarantee
/// The probabilities hold to the last digit given uniform bits: no float takes part, nothing is cut off, and nothing is to be
/// charged to delta.
///
/// # Source
/// Inversion. With `p = exp(-1 / scale)`, summing the geometric series gives `P(|X| >= m) = 2 p^m / (1 + p)` for `m >= 1`, so
/// `|X|` is the integer part of `-scale ln(v) + scale ln(2 / (1 + p))` for a uniform `v`.
#[derive(Clone)]
pub struct DiscreteLaplace {
    scale: u64,
    quick: ScaledExponential,
}

impl DiscreteLaplace {
    /// Largest scale in steps.
    pub const LIMIT: u64 = LATTICE_LIMIT;

    /// The scale in whole steps, 1 to [`LIMIT`](Self::LIMIT). The standard deviation is about `sqrt(2)` times as large.
    ///
    /// # Errors
    /// [`ScaleOutOfRange`] for any other.
    pub fn new(scale: u64) -> Result<Self, ScaleOutOfRange> {
        ScaleOutOfRange::check("discrete Laplace", scale, Self::LIMIT)?;
        let (shift, slack) = shift(scale);
        Ok(Self { scale, quick: ScaledExponential::new(scale, shift, slack) })
    }
}

/// `scale ln(2 / (1 + exp(-1 / scale)))` and how far that may be off, in units of `2^-64`.
///
/// With `u = 1 / (2 scale)` it is `1/2 - scale ln(cosh(u))`. Integrating `u - u^3/3 <= tanh(u) <= u - u^3/3 + 2 u^5/15` twice
/// encloses the logarithm: `u^2/2 - u^4/12 <= ln(cosh(u)) <= u^2/2 - u^4/12 + u^6/45`. So the number is
/// `1/2 - 1/(8 scale) + 1/(192 scale^3)` less at most `1/(2880 scale^5)`.
fn shift(scale: u64) -> (u64, u64) {
    let scale = u128::from(scale);
    let cube = scale.pow(3);
    let value = (1_u128 << 63) - (1 << 61) / scale + (1 << 64) / (192 * cube);
    // The last term, and one for each division.
    let slack = (1_u128 << 64) / 2880 / cube / (scale * scale) + 3;
    (value as u64, slack as u64)
}

impl Law for DiscreteLaplace {
    #[inline(always)]
    fn look(&self, word: u64) -> Look {
        self.quick.look(word)
    }

    fn tail(&self, m: u64, bits: u64) -> Enclosure {
        let fine = bits + 16;
        let exponential = |numerator| exp_negative(&Enclosure::ratio(numerator, self.scale, fine));
        (&exponential(m).times(2) / &(&Enclosure::integer(1, fine) + &exponential(1))).coarser(bits)
    }
}

impl IntegerNoise for DiscreteLaplace {
    fn fill<R: Rng + ?Sized>(&self, samples: &mut [i64], rng: &mut R) {
        invert::draw(self, samples, rng);
    }
}

impl fmt::Debug for DiscreteLaplace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscreteLaplace").field("scale", &self.scale).finish_non_exhaustive()
    }
}
