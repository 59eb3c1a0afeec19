//! Fixed point with 16 binary digits after the point: coefficients, and the grid on which correlated noise is computed.

/// Binary digits after the point.
pub(super) const FRACTION_BITS: u32 = 16;
/// One, in units of `2^-16`.
pub(super) const ONE: u32 = 1 << FRACTION_BITS;

/// The nearest multiple of `2^-16` to a number between 0 and 1, in units of `2^-16`.
pub(super) fn nearest(value: f64) -> u32 {
    (value * f64::from(ONE)).round_ties_even() as u32
}

/// The number itself: a float holds it exactly.
pub(super) fn value(numerator: u32) -> f64 {
    f64::from(numerator) / f64::from(ONE)
}

/// `floor(v + 1/2)` for `v` in units of `2^-16`. It commutes with adding integers.
pub(super) fn rounded(units: i128) -> i64 {
    shifted(units, FRACTION_BITS) as i64
}

/// `floor(v / 2^bits + 1/2)`.
pub(super) fn shifted(value: i128, bits: u32) -> i128 {
    (value + (1 << (bits - 1))) >> bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_nearest_halves_up_and_commutes_with_integers() {
        let one = i128::from(ONE);
        for (units, expected) in [(0, 0), (one / 2 - 1, 0), (one / 2, 1), (-one / 2, 0), (-one / 2 - 1, -1), (one, 1)] {
            assert_eq!(rounded(units), expected, "{units}");
            for whole in [-7, 3, 1 << 40] {
                assert_eq!(rounded(units + whole * one), expected + whole as i64);
            }
        }
    }

    #[test]
    fn numbers_come_back_from_their_nearest_multiple() {
        for numerator in [0, 1, 24_576, 65_535, ONE] {
            assert_eq!(nearest(value(numerator)), numerator);
        }
        assert_eq!(nearest(0.375 + 0.4 / 65_536.0), 24_576);
    }
}
