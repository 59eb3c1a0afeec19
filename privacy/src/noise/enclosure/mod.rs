//! Real numbers held between two integers, as narrowly as asked: what decides a sample when a quick look cannot.

mod functions;
#[cfg(test)]
mod tests;

use std::ops::{Add, Div, Mul, Sub};

use num_bigint::{BigInt, Sign};

pub(super) use functions::{exp_negative, logarithm, pi, sines};

/// A real number `x` with `low <= x 2^bits <= high`. Every operation rounds outwards, so the number stays inside however
/// long the computation; both operands of an operation have the same `bits`.
#[derive(Clone, Debug)]
pub(super) struct Enclosure {
    low: BigInt,
    high: BigInt,
    bits: u64,
}

impl Enclosure {
    /// A whole number, exactly.
    pub(super) fn integer(value: impl Into<BigInt>, bits: u64) -> Self {
        let scaled = value.into() << bits;
        Self { low: scaled.clone(), high: scaled, bits }
    }

    /// A quotient of whole numbers, the divisor positive.
    pub(super) fn ratio(numerator: impl Into<BigInt>, divisor: impl Into<BigInt>, bits: u64) -> Self {
        let (scaled, divisor) = (numerator.into() << bits, divisor.into());
        Self { low: floor_div(&scaled, &divisor), high: above_div(&scaled, &divisor), bits }
    }

    /// Between two multiples of `2^-bits`.
    pub(super) fn between(low: BigInt, high: BigInt, bits: u64) -> Self {
        debug_assert!(low <= high);
        Self { low, high, bits }
    }

    /// The largest multiple of `2^-bits` known to be at most the number, in such multiples.
    pub(super) fn low(&self) -> &BigInt {
        &self.low
    }

    /// The smallest multiple of `2^-bits` known to be at least the number, in such multiples.
    pub(super) fn high(&self) -> &BigInt {
        &self.high
    }

    /// How fine the two bounds are.
    pub(super) fn bits(&self) -> u64 {
        self.bits
    }

    /// The number, of which it is known that it may be off by so many multiples of `2^-bits`, up or down.
    pub(super) fn off_by(mut self, units: impl Into<BigInt>) -> Self {
        let units = units.into();
        self.low -= &units;
        self.high += units;
        self
    }

    /// The same number with fewer bits.
    pub(super) fn coarser(&self, bits: u64) -> Self {
        let shift = self.bits - bits;
        Self { low: &self.low >> shift, high: above_shift(self.high.clone(), shift), bits }
    }

    /// The number times a whole number that is not negative.
    pub(super) fn times(&self, factor: impl Into<BigInt>) -> Self {
        let factor = factor.into();
        Self { low: &self.low * &factor, high: &self.high * &factor, bits: self.bits }
    }

    /// The number over a positive whole number.
    pub(super) fn over(&self, divisor: impl Into<BigInt>) -> Self {
        let divisor = divisor.into();
        Self { low: floor_div(&self.low, &divisor), high: above_div(&self.high, &divisor), bits: self.bits }
    }

    /// The number over `2^shift`.
    pub(super) fn halved(&self, shift: u64) -> Self {
        Self { low: &self.low >> shift, high: above_shift(self.high.clone(), shift), bits: self.bits }
    }

    /// The square root of a number that is not negative.
    pub(super) fn square_root(&self) -> Self {
        let below = |value: &BigInt| (value << self.bits).sqrt();
        Self { low: below(&self.low), high: below(&self.high) + 1, bits: self.bits }
    }
}

impl Add for &Enclosure {
    type Output = Enclosure;

    fn add(self, other: Self) -> Enclosure {
        Enclosure { low: &self.low + &other.low, high: &self.high + &other.high, bits: self.bits }
    }
}

impl Sub for &Enclosure {
    type Output = Enclosure;

    fn sub(self, other: Self) -> Enclosure {
        Enclosure { low: &self.low - &other.high, high: &self.high - &other.low, bits: self.bits }
    }
}

impl Mul for &Enclosure {
    type Output = Enclosure;

    fn mul(self, other: Self) -> Enclosure {
        let (low, high) = if is_negative(&self.low) || is_negative(&other.low) {
            let corners =
                [&self.low * &other.low, &self.low * &other.high, &self.high * &other.low, &self.high * &other.high];
            let [mut low, mut high] = [corners[0].clone(), corners[0].clone()];
            for corner in corners {
                high = high.max(corner.clone());
                low = low.min(corner);
            }
            (low, high)
        } else {
            (&self.low * &other.low, &self.high * &other.high)
        };
        Enclosure { low: low >> self.bits, high: above_shift(high, self.bits), bits: self.bits }
    }
}

/// The divisor is positive.
impl Div for &Enclosure {
    type Output = Enclosure;

    fn div(self, other: Self) -> Enclosure {
        // A positive number is least over the largest divisor, a negative one over the smallest.
        let below = if is_negative(&self.low) { &other.low } else { &other.high };
        let above = if is_negative(&self.high) { &other.high } else { &other.low };
        Enclosure {
            low: floor_div(&(&self.low << self.bits), below),
            high: above_div(&(&self.high << self.bits), above),
            bits: self.bits,
        }
    }
}

fn is_negative(value: &BigInt) -> bool {
    value.sign() == Sign::Minus
}

/// The largest integer at or below a quotient; the divisor is positive.
fn floor_div(value: &BigInt, divisor: &BigInt) -> BigInt {
    // `/` goes towards zero.
    if is_negative(value) { (value - (divisor - 1)) / divisor } else { value / divisor }
}

/// An integer above a quotient, at most one above; the divisor is positive.
fn above_div(value: &BigInt, divisor: &BigInt) -> BigInt {
    floor_div(value, divisor) + 1
}

/// An integer above `value / 2^shift`, at most one above; `>>` goes towards minus infinity.
fn above_shift(value: BigInt, shift: u64) -> BigInt {
    (value >> shift) + 1
}
