//! What the noise of a Toeplitz strategy does to the sum of the first rounds. Everything here is rounded as IEEE prescribes, on
//! every machine alike: strategies are chosen by these numbers, and a schedule must come out the same after a restart elsewhere.

use super::Limits;
use crate::accountant::toeplitz_sensitivity;

/// First column of `C^-1`: `d_0 = 1`, `d_t = -sum over j >= 1 of c_j d_(t-j)`, for `c_0 = 1`.
pub(super) fn inverse(coefficients: &[f64], rounds: usize) -> Vec<f64> {
    let mut inverse = Vec::with_capacity(rounds);
    inverse.push(1.0);
    while inverse.len() < rounds {
        let fed_back: f64 = coefficients.iter().skip(1).zip(inverse.iter().rev()).map(|(c, d)| c * d).sum();
        inverse.push(-fed_back);
    }
    inverse
}

/// Variances of the noise on the sum of the first `1, 2, ...` rounds, for noise `Z` of variance 1: row `t` of `A C^-1`, squared
/// and summed, where `A` sums all rounds so far.
pub(super) fn prefix_variances(inverse: &[f64]) -> Vec<f64> {
    let (mut weight, mut variance) = (0.0, 0.0);
    let mut add = |entry: &f64| {
        weight += entry;
        variance += weight * weight;
        variance
    };
    inverse.iter().map(&mut add).collect()
}

/// An upper bound on the standard deviation of the noise on one round, for `Z` of deviation `sigma`: that of `C^-1 Z`, and what
/// rounding by at most one half in every round adds to it.
pub(super) fn spread(inverse: &[f64], sigma: f64) -> f64 {
    let squares: f64 = inverse.iter().map(|entry| entry * entry).sum();
    let rounding: f64 = inverse.iter().map(|entry| entry.abs() / 2.0).sum();
    squares.sqrt() * sigma + rounding
}

/// The mean over all rounds of the variance of the sum so far, at equal privacy: squared sensitivity times the mean of
/// [`prefix_variances`].
pub(super) fn loss(coefficients: &[f64], inverse: &[f64], rounds: u32, limits: Limits) -> f64 {
    let sensitivity = toeplitz_sensitivity(coefficients, rounds, limits.participations, limits.separation);
    sensitivity * sensitivity * mean(&prefix_variances(inverse))
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_the_identity() {
        let coefficients = [1.0, 0.5, 0.375, 0.25];
        let inverse = inverse(&coefficients, 20);
        for row in 0..20_usize {
            let product: f64 =
                (0..=row).map(|step| coefficients.get(step).copied().unwrap_or(0.0) * inverse[row - step]).sum();
            assert!((product - f64::from(u8::from(row == 0))).abs() < 1e-14, "row {row}: {product}");
        }
    }

    #[test]
    fn independent_noise_adds_up() {
        assert_eq!(prefix_variances(&inverse(&[1.0], 4)), [1.0, 2.0, 3.0, 4.0]);
        // With all coefficients one, C is A: every prefix has the noise of one round.
        assert_eq!(prefix_variances(&inverse(&[1.0; 4], 4)), [1.0; 4]);
        assert!((spread(&inverse(&[1.0; 4], 4), 3.0) - (18.0_f64.sqrt() + 1.0)).abs() < 1e-12);
    }
}
