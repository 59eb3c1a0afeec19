//! A uniform fraction whose digits are drawn when a decision asks for them.

use num_bigint::BigInt;
use rand::Rng;

use super::enclosure::Enclosure;

/// The octave of the fraction `v` that a word begins: `2^-(octave + 1) <= v < 2^-octave`, or 63 for all below `2^-63`.
///
/// A word gives one sign, its lowest bit, and 63 bits of a fraction: as many zeros come first as lie between the lowest bit and
/// the next bit that is set, that bit is the first one of the fraction, and the bits above it follow from the highest down. So
/// with `u = word / 2^64`, `v` is `2^-(octave + 1) (1 + u)` but for `2^-63`, and no bit has to be moved to see that.
#[inline(always)]
pub(super) fn octave(word: u64) -> usize {
    (word >> 1 | 1 << 63).trailing_zeros() as usize
}

/// The first 63 bits of the fraction that a word begins: `first_bits <= v 2^63 < first_bits + 1`.
#[inline(always)]
pub(super) fn first_bits(word: u64) -> u64 {
    (word >> 1 | 1 << 63) >> octave(word) >> 1
}

/// The sign that a word gives, on a magnitude.
#[inline(always)]
pub(super) fn signed(magnitude: u64, word: u64) -> i64 {
    let sign = (word & 1) as i64;
    (magnitude as i64 ^ -sign) + sign
}

/// A uniform deviate `v` in `[0, 1)`: `known <= v 2^bits < known + 1`, all further digits still to be drawn.
#[derive(Debug)]
pub(super) struct Fraction {
    known: BigInt,
    bits: u64,
}

impl Fraction {
    /// As a word begins it.
    pub(super) fn begun(word: u64) -> Self {
        Self { known: BigInt::from(first_bits(word)), bits: 63 }
    }

    /// Whether `v` is below the number that `enclose` knows to any number of bits, exactly. Equality has probability zero.
    ///
    /// Each round draws 64 more digits of `v` and encloses the number more narrowly, until the two do not touch.
    pub(super) fn is_below<R: Rng + ?Sized>(&mut self, enclose: impl Fn(u64) -> Enclosure, rng: &mut R) -> bool {
        loop {
            let number = enclose(self.bits + 64);
            let shift = number.bits() - self.bits;
            let low = &self.known << shift;
            if low >= *number.high() {
                return false;
            }
            if (&self.known + 1) << shift <= *number.low() {
                return true;
            }
            self.known = (&self.known << 64_u32) | BigInt::from(rng.next_u64());
            self.bits += 64;
        }
    }
}
