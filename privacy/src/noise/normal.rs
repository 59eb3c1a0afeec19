//! The normal law to any precision.

use num_bigint::BigInt;

use super::enclosure::{Enclosure, exp_negative, pi};

/// What depends on the precision alone.
pub(super) struct Normal {
    /// `sqrt(2 / pi)`, which is the density of `|N(0, 1)|` at zero.
    peak: Enclosure,
}

impl Normal {
    pub(super) fn new(bits: u64) -> Self {
        Self { peak: (&Enclosure::integer(2, bits) / &pi(bits)).square_root() }
    }

    /// The density of `|N(0, 1)|` at `w >= 0`.
    fn density(&self, w: &Enclosure) -> Enclosure {
        &self.peak * &exp_negative(&(w * w).halved(1))
    }

    /// The density at `w` and `P(|N(0, 1)| >= w)`, for `w >= 0`.
    ///
    /// `1 - P = density(w) * (w + w^3 / 3 + w^5 / (3 * 5) + ...)`: integration by parts (Abramowitz and Stegun 26.2.11).
    pub(super) fn density_and_tail(&self, w: &Enclosure) -> (Enclosure, Enclosure) {
        let bits = w.bits();
        let square = w * w;
        let mut term = w.clone();
        let mut sum = term.clone();
        for odd in (3_u32..).step_by(2) {
            term = (&term * &square).over(odd);
            sum = &sum + &term;
            // From here on each term is at most half the one before, so the rest is below the last.
            if *term.high() <= BigInt::from(1) && *square.high() <= BigInt::from(odd) << (bits - 1) {
                break;
            }
        }
        let sum = &sum + &Enclosure::between(BigInt::ZERO, BigInt::from(1), bits);
        let density = self.density(w);
        let tail = &Enclosure::integer(1, bits) - &(&density * &sum);
        (density, tail)
    }
}

/// `P(|N(0, 1)| >= numerator / denominator)` to about `bits` bits after the point.
pub(super) fn two_sided_tail(numerator: u64, denominator: u64, bits: u64) -> Enclosure {
    let square = |value: u64| BigInt::from(value) * value;
    // The tail is at most exp(-w^2 / 2) < 2^(-w^2 / 2).
    let half_square = square(numerator) / (square(denominator) * 2);
    if half_square >= BigInt::from(bits) {
        return Enclosure::between(BigInt::ZERO, BigInt::from(1), bits);
    }
    // The series grows to about exp(w^2 / 2) < 2^(3/4 w^2) before the density brings it back to one.
    let growth = u64::try_from(half_square).unwrap_or(bits) * 3 / 2;
    let fine = bits + growth + 24;
    let w = Enclosure::ratio(numerator, denominator, fine);
    Normal::new(fine).density_and_tail(&w).1.coarser(bits)
}
