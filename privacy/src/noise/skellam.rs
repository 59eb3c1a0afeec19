//! The Skellam law on integers.

use std::fmt;

use num_bigint::BigInt;
use rand::Rng;

use super::{
    IntegerNoise, LATTICE_LIMIT, ScaleOutOfRange,
    enclosure::{Enclosure, exp_negative},
    invert,
    lattice::{Lattice, Shape},
};

/// Draws the difference of two independent Poisson variables of mean `sigma^2 / 2` each, exactly.
///
/// # Guarantee
/// `P(X = n) = exp(-sigma^2) I_n(sigma^2)`, with `I_n` the modified Bessel function, holds to the last digit given uniform bits: no
/// float takes part, nothing is cut off, and nothing is to be charged to delta. The variance is `sigma^2`, and sums of
/// independent samples are Skellam again.
///
/// # Source
/// The law: Skellam 1946; as noise: Agarwal, Kairouz and Liu 2021, "The Skellam mechanism for differentially private federated
/// learning". The sampler is by inversion; the argument stands in `noise/invert.rs` and `noise/lattice/mod.rs`.
#[derive(Clone)]
pub struct Skellam(Lattice<Bessel>);

impl Skellam {
    /// Largest `sigma` in steps.
    pub const LIMIT: u64 = LATTICE_LIMIT;

    /// The standard deviation `sigma` in whole steps, 1 to [`LIMIT`](Self::LIMIT).
    ///
    /// # Errors
    /// [`ScaleOutOfRange`] for any other.
    pub fn new(sigma: u64) -> Result<Self, ScaleOutOfRange> {
        Lattice::new(sigma).map(Self)
    }
}

impl IntegerNoise for Skellam {
    fn fill<R: Rng + ?Sized>(&self, samples: &mut [i64], rng: &mut R) {
        invert::draw(&self.0, samples, rng);
    }
}

impl fmt::Debug for Skellam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skellam").field("sigma", &self.0.sigma()).finish_non_exhaustive()
    }
}

/// `exp(-z) I_n(z)` and its characteristic function `exp(-z (1 - cos x))`.
pub(super) struct Bessel;

impl Shape for Bessel {
    const NAME: &'static str = "Skellam law";
    const PERIODIC: bool = true;

    /// With `r_n = I_n / I_(n-1)`, `I_(n-1) = I_(n+1) + (2n / z) I_n` says `r_n = 1 / (2n / z + r_(n+1))`: downwards from a ratio
    /// between 0 and 1, whose uncertainty every step multiplies by `r_n^2` at most; then products upwards.
    fn weights(variance: u64, count: u64, bits: u64) -> Vec<Enclosure> {
        let one = Enclosure::integer(1, bits);
        let mut ratio = Enclosure::between(BigInt::ZERO, BigInt::from(1) << bits, bits);
        let mut ratios = Vec::new();
        for n in (1..=count + count / 4).rev() {
            ratio = &one / &(&Enclosure::ratio(2 * n, variance, bits) + &ratio);
            ratios.push(ratio.clone());
        }
        let mut weight = one;
        let mut weights = vec![weight.clone()];
        for ratio in ratios.iter().rev().take(count as usize) {
            weight = &weight * ratio;
            weights.push(weight.clone());
        }
        weights
    }

    fn characteristic(variance: u128, _: u128, _: &Enclosure) -> impl FnMut(&Enclosure) -> Enclosure + use<> {
        move |sine| exp_negative(&(sine * sine).times(variance).times(2))
    }

    fn normaliser(_: u128, pi: &Enclosure) -> Enclosure {
        Enclosure::integer(1, pi.bits())
    }

    #[inline(always)]
    fn correction(w: u64, unit: i64) -> i64 {
        let w = i128::from(w);
        // w^2 with 56 bits after the point, w (4 - w^2) with 52: less than 2^60 for w < 6.5.
        let square = (w * w) >> 64;
        let cubic = (w * ((4 << 56) - square)) >> 64;
        ((cubic * i128::from(unit)) >> 64) as i64
    }
}
