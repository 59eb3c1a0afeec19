//! The quantile of the exponential law.

use std::sync::LazyLock;

use super::{DEGREE, PIECES, Piece, locate};
use crate::noise::enclosure::{Enclosure, logarithm};

/// Bits after the point while the table is computed.
const FINE: u64 = 128;

/// `-ln v` for fractions `v` of which 63 bits are known.
#[derive(Debug)]
pub(in crate::noise) struct Exponential {
    /// `-ln(m / 2)` for `1 <= m < 2`.
    pieces: [Piece; PIECES],
    /// `ln 2`.
    octave: u64,
    error: u64,
}

impl Exponential {
    /// Bits after the point of what [`at`](Self::at) returns.
    pub(in crate::noise) const SCALE: u64 = 57;

    /// The table, computed when it is first asked for.
    pub(in crate::noise) fn table() -> &'static Self {
        static TABLE: LazyLock<Exponential> = LazyLock::new(Exponential::compute);
        &TABLE
    }

    /// `-ln(v) 2^57` for the fraction `v` that a word begins, and its octave.
    ///
    /// # Guarantee
    /// For every `v` that begins so, the value is off by at most [`error`](Self::error) of the octave.
    #[inline(always)]
    pub(in crate::noise) fn at(&self, word: u64) -> (u64, usize) {
        let (octave, piece, offset) = locate(word);
        // -ln v is positive, so its approximation need not be negative.
        let value = self.pieces[piece].at(offset).max(0) as u64;
        (value + octave as u64 * self.octave, octave)
    }

    /// How far [`at`](Self::at) may be off in an octave, in its units; `u64::MAX` where it promises nothing.
    pub(in crate::noise) fn error(&self, octave: usize) -> u64 {
        // v = 2^-(octave + 1) m with m known but for 2^(octave - 62), and -ln m moves by no more than m. Below 2^-63 that is
        // not so.
        let unknown = 1_u64 << octave.saturating_sub(5);
        if octave == 63 { u64::MAX } else { self.error.saturating_add(unknown) }
    }

    /// Taylor series around the centre `c` of each piece of half-width `h`: `-ln(c / 2) + sum of (-h / c)^k / k t^k`. By
    /// Lagrange's form the rest is at most `(h / m)^8 / 8` at the lower end `m`.
    fn compute() -> Self {
        let mut table = Self { pieces: [Piece::default(); PIECES], octave: 0, error: 0 };
        let zero = Enclosure::integer(0, FINE);
        let count = PIECES as u64;
        let stored = &logarithm(2, 1, FINE).coarser(Self::SCALE);
        // PANIC: cannot happen, ln 2 < 1.
        table.octave = u64::try_from(stored.low()).expect("ln 2 fits 64 bits");
        for (index, piece) in (0_u64..).zip(&mut table.pieces) {
            // In units of the half-width: lower end, centre, and 2.
            let (lower, centre, two) = (2 * (count + index), 2 * (count + index) + 1, 4 * count);
            let ratio = Enclosure::ratio(1, centre, FINE);
            let mut power = Enclosure::integer(1, FINE);
            let coefficients = std::array::from_fn(|order| {
                if order == 0 {
                    return logarithm(two, centre, FINE);
                }
                power = &power * &ratio;
                let term = power.over(order as u64);
                if order % 2 == 1 { &zero - &term } else { term }
            });
            let lost;
            (*piece, lost) = Piece::stored(&coefficients, Self::SCALE);
            let ratio = Enclosure::ratio(1, lower, FINE);
            let rest = (0..DEGREE).fold(ratio.clone(), |power, _| &power * &ratio).over(DEGREE as u64 + 1);
            let rest = rest.coarser(Self::SCALE);
            // 63 octaves at most, each with ln 2 rounded down.
            let error = u64::try_from(rest.high()).unwrap_or(u64::MAX).saturating_add(lost).saturating_add(63);
            table.error = table.error.max(error);
        }
        table
    }
}
