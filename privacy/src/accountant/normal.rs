//! The standard normal distribution function, in logarithms.

use std::f64::consts::{PI, SQRT_2};

/// `ln Phi(x)`, to about 1e-14 relative, also far in the lower tail where `Phi` itself underflows.
pub(super) fn ln_phi(x: f64) -> f64 {
    if x > -30.0 {
        (libm::erfc(-x / SQRT_2) / 2.0).ln()
    } else {
        // Asymptotic series (Abramowitz and Stegun 26.2.12): Phi(x) = phi(x)/|x| (1 - 1/x^2 + 3/x^4 - ...). Below -30
        // the first term left out is under 3e-15.
        let inverse = 1.0 / (x * x);
        let series = inverse * (-1.0 + inverse * (3.0 + inverse * (-15.0 + inverse * (105.0 - inverse * 945.0))));
        -x * x / 2.0 - (-x).ln() - (2.0 * PI).ln() / 2.0 + series.ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_meets_the_function_where_they_join() {
        let by_function = |x: f64| (libm::erfc(-x / SQRT_2) / 2.0).ln();
        for x in [-30.0, -31.0, -33.0, -36.0] {
            let (series, function) = (ln_phi(x), by_function(x));
            assert!((series / function - 1.0).abs() < 1e-14, "{x}: {series} {function}");
        }
    }
}
