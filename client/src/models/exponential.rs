//! The exponential function and what follows from it, without branches or calls: the compiler computes several at once.

/// Added to a number below 2^22, it leaves the nearest integer in the lowest bits of the sum.
const ROUNDING: f32 = 12_582_912.0;

/// `e^x`, within three units in the last place; 0 becomes 1, and a NaN stays one. Beyond what f32 holds, its largest or smallest normal power.
#[inline]
pub(super) fn exponential(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
    let whole = shifted - ROUNDING;
    // ln 2 in two parts, so that the first product is exact.
    let rest = x - whole * 0.693_359_4;
    let rest = rest + whole * 2.121_944_4e-4;
    // Taylor's series: what is left is at most half of ln 2.
    let series = [1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let mantissa = series.iter().fold(0.0, |sum, term| sum * rest + term);
    let exponent = shifted.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127) << 23;
    mantissa * f32::from_bits(exponent)
}

/// `1 / (1 + e^-x)`.
#[inline]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

/// The hyperbolic tangent, within a few units in the last place of 1.
#[inline]
pub(super) fn tangent(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exponential(2.0 * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_librarys_up_to_rounding() {
        for step in -8_700..=8_800_i16 {
            let x = f32::from(step) / 100.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exponential(x)) - expected).abs() / expected;
            assert!(error < 3.0 * f64::from(f32::EPSILON), "e^{x}: {error}");
            assert!((f64::from(tangent(x)) - f64::from(x).tanh()).abs() < 1e-6, "tanh {x}");
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + (-f64::from(x)).exp())).abs() < 1e-6, "sigmoid {x}");
        }
        assert_eq!((exponential(0.0), sigmoid(0.0), tangent(0.0)), (1.0, 0.5, 0.0));
        assert_eq!((sigmoid(1e30), tangent(-1e30)), (1.0, -1.0));
        for of in [exponential, sigmoid, tangent] {
            assert!(of(f32::NAN).is_nan());
        }
    }
}
