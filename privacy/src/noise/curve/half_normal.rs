//! The quantile of `|N(0, 1)|`.

use std::sync::LazyLock;

use num_bigint::BigInt;

use super::{DEGREE, PIECE_BITS, PIECES, Piece, locate};
use crate::noise::{enclosure::Enclosure, normal::Normal};

/// Octaves of the fraction that the table covers: all but one word in 2^32.
const OCTAVES: usize = 32;
/// Bits after the point while the table is computed.
const FINE: u64 = 128;

/// `w(v)` with `P(|N(0, 1)| >= w(v)) = v`, for fractions `v` of which 63 bits are known.
#[derive(Debug)]
pub(in crate::noise) struct HalfNormal {
    pieces: [Piece; OCTAVES * PIECES],
    /// By octave: how far [`at`](Self::at) may be off, in units of `2^-60`.
    errors: [u64; 64],
}

impl HalfNormal {
    /// Bits after the point of what [`at`](Self::at) returns.
    pub(in crate::noise) const SCALE: u64 = 60;

    /// The table, computed when it is first asked for.
    pub(in crate::noise) fn table() -> &'static Self {
        static TABLE: LazyLock<HalfNormal> = LazyLock::new(HalfNormal::compute);
        &TABLE
    }

    /// `w(v) 2^60` for the fraction `v` that a word begins, and its octave.
    ///
    /// # Guarantee
    /// For every `v` that begins so, the value is off by at most [`error`](Self::error) of the octave.
    #[inline(always)]
    pub(in crate::noise) fn at(&self, word: u64) -> (u64, usize) {
        let (octave, piece, offset) = locate(word);
        let value = self.pieces[octave.min(OCTAVES - 1) * PIECES + piece].at(offset);
        // w is not negative, so neither need its approximation be.
        (value.max(0) as u64, octave)
    }

    /// How far [`at`](Self::at) may be off in an octave, in its units; `u64::MAX` where it promises nothing.
    pub(in crate::noise) fn error(&self, octave: usize) -> u64 {
        self.errors[octave]
    }

    /// From the largest fractions, where `w` is near zero, down to the smallest.
    ///
    /// Around the centre `c` of a piece of half-width `h` the Taylor series of `w` is used. With `f` the density of
    /// `|N(0, 1)|`, `f' = -w f` and `dw/dv = -1/f`, so `d^k w / dv^k = (-1)^k P_(k-1)(w) / f^k` where `P_0 = 1` and
    /// `P_k = P_(k-1)' + k w P_(k-1)`. All coefficients of all `P_k` are non-negative, so every derivative is largest at the
    /// piece's lower end, and by Lagrange's form the rest is at most `P_7(w) (h / f(w))^8 / 8!` there.
    fn compute() -> Self {
        let errors = std::array::from_fn(|octave| if octave < OCTAVES { 0 } else { u64::MAX });
        let mut table = Self { pieces: [Piece::default(); OCTAVES * PIECES], errors };
        let (normal, derivatives) = (Normal::new(FINE), derivatives());
        // Where the next piece's centre is expected to lie; w(1) = 0.
        let mut start = BigInt::ZERO;
        // The piece whose rest is still to be bounded: half-width, octave, and what rounding loses.
        let mut pending: Option<(Enclosure, usize, u64)> = None;
        // One more octave than the table has, for the rest of its last piece.
        for octave in 0..=OCTAVES {
            let half_width = Enclosure::ratio(1, BigInt::from(1) << (octave as u64 + 2 + u64::from(PIECE_BITS)), FINE);
            for index in (0..PIECES).rev() {
                let centre = half_width.times(2 * (PIECES + index) as u64 + 1);
                let (w, density) = quantile(&normal, &centre, &start);
                if let Some((half_width, octave, lost)) = pending.take() {
                    let error = error(&derivatives, &w, &density, &half_width).saturating_add(lost);
                    table.errors[octave] = error.max(table.errors[octave]);
                }
                if octave == OCTAVES {
                    return table;
                }
                let coefficients = taylor(&derivatives, &w, &(&half_width / &density));
                let (piece, lost) = Piece::stored(&coefficients, Self::SCALE);
                table.pieces[octave * PIECES + index] = piece;
                // The next centre is two half-widths down, or one and a half where the pieces become half as wide.
                start = extrapolated(&piece, if index == 0 { 3 } else { 4 });
                pending = Some((half_width.clone(), octave, lost));
            }
        }
        table
    }
}

/// Coefficients of `P_0` to `P_7`, lowest power first.
fn derivatives() -> [[u64; DEGREE + 1]; DEGREE + 1] {
    let mut all = [[0; DEGREE + 1]; DEGREE + 1];
    all[0][0] = 1;
    for order in 1..=DEGREE {
        for power in 0..=DEGREE {
            let slope = if power < DEGREE { (power as u64 + 1) * all[order - 1][power + 1] } else { 0 };
            let product = if power > 0 { order as u64 * all[order - 1][power - 1] } else { 0 };
            all[order][power] = slope + product;
        }
    }
    all
}

/// `1, w, ..., w^7`.
fn powers(w: &Enclosure) -> [Enclosure; DEGREE + 1] {
    let mut power = Enclosure::integer(1, w.bits());
    std::array::from_fn(|index| {
        if index > 0 {
            power = &power * w;
        }
        power.clone()
    })
}

/// A polynomial at the point whose powers are given.
fn polynomial(coefficients: &[u64], powers: &[Enclosure; DEGREE + 1]) -> Enclosure {
    let terms = coefficients.iter().zip(powers).filter(|(coefficient, _)| **coefficient > 0);
    let zero = Enclosure::integer(0, powers[0].bits());
    terms.fold(zero, |sum, (coefficient, power)| &sum + &power.times(*coefficient))
}

/// Taylor coefficients of `w` in units of the half-width, `ratio` being half-width over density.
fn taylor(derivatives: &[[u64; DEGREE + 1]; DEGREE + 1], w: &Enclosure, ratio: &Enclosure) -> [Enclosure; DEGREE + 1] {
    let zero = Enclosure::integer(0, w.bits());
    let (powers, mut factor) = (powers(w), Enclosure::integer(1, w.bits()));
    std::array::from_fn(|order| {
        if order == 0 {
            return w.clone();
        }
        factor = (&factor * ratio).over(order as u64);
        let term = &polynomial(&derivatives[order - 1], &powers) * &factor;
        if order % 2 == 1 { &zero - &term } else { term }
    })
}

/// How far a piece may be off but for rounding, in units of `2^-60`. `w` and `density` belong to a point below the piece.
fn error(
    derivatives: &[[u64; DEGREE + 1]; DEGREE + 1],
    w: &Enclosure,
    density: &Enclosure,
    half_width: &Enclosure,
) -> u64 {
    let ratio = half_width / density;
    let mut rest = polynomial(&derivatives[DEGREE], &powers(w));
    for order in 1..=DEGREE as u64 + 1 {
        rest = (&rest * &ratio).over(order);
    }
    // The fraction is known but for 2^-63, and w moves by 1 / density of that.
    let unknown = &Enclosure::integer(1, FINE).halved(63) / density;
    let both = (&rest + &unknown).coarser(HalfNormal::SCALE);
    u64::try_from(both.high()).unwrap_or(u64::MAX)
}

/// The piece's polynomial at `t = -quarters / 2`: only a point to start from.
fn extrapolated(piece: &Piece, quarters: i128) -> BigInt {
    // Coefficient k is scaled by 2^k more than the one below: t / 2 brings it down.
    let value = piece.0.iter().rev().fold(0, |sum, coefficient| i128::from(*coefficient) - sum * quarters / 4);
    BigInt::from(value) << (FINE - HalfNormal::SCALE)
}

/// `w(v)` and the density of `|N(0, 1)|` there, by Newton's method from `start` with the last step's error enclosed.
///
/// Let `d` be the step from `w0`, that is `(v0 - v) / f(w0)`. Since `f` falls, the tangent lies below `w`: the root is at or
/// above `w0 + d`. Were it beyond `w0 + 2d` (for `d > 0`), `v0 - v` would be at least `2d f(w0 + 2d)`, so
/// `f(w0) / f(w0 + 2d) = exp(2d (w0 + d)) >= 2`, which `d (w0 + d) <= 1/4` rules out. So up to the root `w` is at most
/// `m = w0 + 2|d|` and `f` at least `f(w0) exp(-1/2)`, and the tangent is off by at most half of
/// `(v0 - v)^2 max(w / f^2) <= d^2 f(w0)^2 m e / f(w0)^2 < 3 m d^2`.
fn quantile(normal: &Normal, v: &Enclosure, start: &BigInt) -> (Enclosure, Enclosure) {
    let mut start = start.clone();
    loop {
        let w = Enclosure::between(start.clone(), start.clone(), FINE);
        let (density, tail) = normal.density_and_tail(&w);
        let step = &(&tail - v) / &density;
        let next = &w + &step;
        let size = step.high().max(&-step.low()).clone();
        let size = Enclosure::between(size.clone(), size, FINE);
        let reach = &w + &size.times(2);
        let off = (&(&size * &size) * &reach).times(3);
        let small = &size * &reach;
        if small.high() << 2 <= BigInt::from(1) << FINE && *off.high() <= BigInt::from(1) << (FINE - 68) {
            let root = next.off_by(off.high().clone());
            // f(root) = f(w0) exp(-x), and 1 - x <= exp(-x) <= 1 - x + x^2 for |x| <= 1.
            let x = (&(&root * &root) - &(&w * &w)).halved(1);
            let square = Enclosure::between(BigInt::ZERO, (&x * &x).high().clone(), FINE);
            let ratio = &(&Enclosure::integer(1, FINE) - &x) + &square;
            return (root, &density * &ratio);
        }
        start = ((next.low() + next.high()) >> 1_u32).max(BigInt::ZERO);
    }
}
