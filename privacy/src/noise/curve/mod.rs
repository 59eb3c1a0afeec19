//! Smooth functions of a 64-bit fraction by polynomials with integer coefficients, each with a proven error.

mod exponential;
mod half_normal;

pub(super) use exponential::Exponential;
pub(super) use half_normal::HalfNormal;

use num_bigint::BigInt;

use super::{enclosure::Enclosure, fraction::octave};

/// Degree of the polynomials.
const DEGREE: usize = 7;
/// Polynomials between two powers of two, as a power of two.
const PIECE_BITS: u32 = 5;
/// Polynomials between two powers of two.
const PIECES: usize = 1 << PIECE_BITS;
/// A polynomial in `t`, `-1 <= t < 1`: coefficient `k` is stored times `2^(scale + k)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Piece([i64; DEGREE + 1]);

impl Piece {
    /// The value times `2^scale`, at `t = offset / 2^63`.
    #[inline(always)]
    fn at(&self, offset: i64) -> i64 {
        let high = |value: i64| ((i128::from(value) * i128::from(offset)) >> 64) as i64;
        let [lower @ .., last] = &self.0;
        lower.iter().rev().fold(*last, |sum, coefficient| coefficient + high(sum))
    }

    /// The polynomial with these coefficients, and what [`at`](Self::at) may lose against it, in its own units.
    ///
    /// At level `k` a coefficient is off by what is not known of it and one half, and a product by less than one, all of which
    /// reaches the result divided by `2^k`: the roundings by less than 3 together.
    fn stored(coefficients: &[Enclosure; DEGREE + 1], scale: u64) -> (Self, u64) {
        let (mut piece, mut unknown) = (Self::default(), BigInt::ZERO);
        for (power, (stored, exact)) in piece.0.iter_mut().zip(coefficients).enumerate() {
            let shift = exact.bits() - scale - power as u64;
            let half = BigInt::from(1) << (shift - 1);
            // PANIC: cannot happen, the functions and their scaled derivatives are far below 2^(63 - scale).
            *stored = i64::try_from((exact.low() + half) >> shift).expect("a coefficient fits 64 bits");
            // Stored times 2^(scale + k) and divided by 2^k.
            unknown += exact.high() - exact.low();
        }
        let unknown: BigInt = (unknown >> (coefficients[0].bits() - scale)) + 1;
        (piece, u64::try_from(unknown).map_or(u64::MAX, |unknown| unknown.saturating_add(3)))
    }
}

/// Splits the word of a fraction: its octave, the piece there, and where in the piece.
#[inline(always)]
fn locate(word: u64) -> (usize, usize, i64) {
    let piece = (word >> (64 - PIECE_BITS)) as usize;
    // From 0..2^64 over the piece to -2^63..2^63.
    let offset = (word << PIECE_BITS) ^ (1 << 63);
    (octave(word), piece, offset as i64)
}
