//! The discrete Gaussian on integers.

use std::fmt;

use num_bigint::BigInt;
use rand::Rng;

use super::{
    IntegerNoise, LATTICE_LIMIT, ScaleOutOfRange,
    enclosure::{Enclosure, exp_negative},
    invert,
    lattice::{Lattice, Shape},
};

/// Draws integers with `P(X = n)` proportional to `exp(-n^2 / (2 sigma^2))`, exactly.
///
/// # Guarantee
/// The probabilities hold to the last digit given uniform bits: no float takes part, nothing is cut off, and nothing is to be
/// charged to delta.
///
/// # Source
/// The law: Canonne, Kamath and Steinke 2020, "The discrete Gaussian for differential privacy", Definition 1. The sampler is by
/// inversion; the argument stands in `noise/invert.rs` and `noise/lattice/mod.rs`.
#[derive(Clone)]
pub struct DiscreteGaussian(Lattice<Gaussian>);

impl DiscreteGaussian {
    /// Largest `sigma` in steps.
    pub const LIMIT: u64 = LATTICE_LIMIT;

    /// The parameter `sigma` in whole steps, 1 to [`LIMIT`](Self::LIMIT). The variance is at most `sigma^2`.
    ///
    /// # Errors
    /// [`ScaleOutOfRange`] for any other.
    pub fn new(sigma: u64) -> Result<Self, ScaleOutOfRange> {
        Lattice::new(sigma).map(Self)
    }
}

impl IntegerNoise for DiscreteGaussian {
    fn fill<R: Rng + ?Sized>(&self, samples: &mut [i64], rng: &mut R) {
        invert::draw(&self.0, samples, rng);
    }
}

impl fmt::Debug for DiscreteGaussian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscreteGaussian").field("sigma", &self.0.sigma()).finish_non_exhaustive()
    }
}

/// `exp(-n^2 / (2 z))` and its transform.
pub(super) struct Gaussian;

impl Shape for Gaussian {
    const NAME: &'static str = "discrete Gaussian";
    const PERIODIC: bool = false;

    fn weights(variance: u64, count: u64, bits: u64) -> Vec<Enclosure> {
        // exp(-(n + 1)^2 / 2z) = exp(-n^2 / 2z) exp(-(2n + 1) / 2z)
        let mut weight = Enclosure::integer(1, bits);
        let mut factor = exp_negative(&Enclosure::ratio(1, 2 * variance, bits));
        let fall = exp_negative(&Enclosure::ratio(1, variance, bits));
        let mut weights = vec![weight.clone()];
        for _ in 0..count {
            weight = &weight * &factor;
            factor = &factor * &fall;
            weights.push(weight.clone());
        }
        weights
    }

    fn characteristic(variance: u128, points: u128, pi: &Enclosure) -> impl FnMut(&Enclosure) -> Enclosure + use<> {
        // exp(-a (k + 1)^2) = exp(-a k^2) exp(-a (2k + 1))
        let a = (pi * pi).times(variance).times(2).over(BigInt::from(points) * points);
        let (mut value, mut factor) = (Enclosure::integer(1, pi.bits()), exp_negative(&a));
        let fall = exp_negative(&a.times(2));
        move |_| {
            value = &value * &factor;
            factor = &factor * &fall;
            value.clone()
        }
    }

    fn normaliser(variance: u128, pi: &Enclosure) -> Enclosure {
        let square = (pi * pi).times(variance).times(2);
        let mut sum = Enclosure::integer(1, pi.bits());
        for index in 1_u64.. {
            let term = exp_negative(&square.times(index).times(index));
            sum = &sum + &term.times(2);
            if *term.high() <= BigInt::from(1) {
                break;
            }
        }
        // Each term is below a thousandth of the one before.
        sum.off_by(1)
    }

    #[inline(always)]
    fn correction(w: u64, unit: i64) -> i64 {
        // 2^60 2^76 = 2^72 2^64; 12 bits too many.
        ((i128::from(w) * i128::from(unit)) >> 72) as i64
    }
}
