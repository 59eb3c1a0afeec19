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
/// What [`Piece::at`] loses at most, in its own units: at level `k` a coefficient is rounded by one half and the product by
/// less than one, both of which reach the result divided by `2^k`.
const ROUNDING: u64 = 3;

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

    /// Rounds coefficients that are known far better than they are stored.
    fn stored(coefficients: &[Enclosure; DEGREE + 1], scale: u64) -> Self {
        let mut piece = Self::default();
        for (power, (stored, exact)) in piece.0.iter_mut().zip(coefficients).enumerate() {
            let shift = exact.bits() - scale - power as u64;
            let half = BigInt::from(1) << (shift - 1);
            // PANIC: cannot happen, the functions and their scaled derivatives are far below 2^(63 - scale).
            *stored = i64::try_from((exact.low() + half) >> shift).expect("a coefficient fits 64 bits");
        }
        piece
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
