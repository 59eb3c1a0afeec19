//! The l2 sensitivity of matrix mechanisms, rounded up.

mod columns;
mod toeplitz;

use std::num::NonZeroU32;

use crate::event::{Buffer, MatrixFactorisation, Strategy};

/// Largest l2 norm of `sum over i in pi of C_i v_i` (as a matrix: rounds times coordinates) over all sets `pi` of at most
/// `participations` rounds, any two at least `separation` apart, and all vectors `v_i` of norm at most 1. Times the bound on one
/// contribution (twice that under replace-one) it is the sensitivity of `C X`. An upper bound for a general matrix, the value
/// itself (rounded up) for a Toeplitz matrix and for one with at most `separation` bands.
///
/// # Source
/// Toeplitz with non-negative, non-increasing coefficients: Kalinin and Lampert 2024 (2405.13763), Theorem 2. The others:
/// see [`columns::sensitivity`].
pub(super) fn of(run: &MatrixFactorisation) -> f64 {
    let rounds = run.rounds().get() as usize;
    let separation = run.separation().get() as usize;
    let participations = (run.participations().get() as usize).min(rounds.div_ceil(separation));
    match run.strategy() {
        Strategy::Toeplitz(toeplitz) => {
            toeplitz::sensitivity(toeplitz.coefficients(), rounds, participations, separation)
        }
        Strategy::BufferedToeplitz(buffered) => {
            toeplitz::sensitivity(&coefficients(buffered.buffers(), rounds), rounds, participations, separation)
        }
        Strategy::LowerTriangular(matrix) => columns::sensitivity(matrix.columns(), participations, separation),
    }
}

/// The same for the Toeplitz matrix of these coefficients (not negative, none larger than the one before).
pub(crate) fn of_toeplitz(
    coefficients: &[f64],
    rounds: u32,
    participations: NonZeroU32,
    separation: NonZeroU32,
) -> f64 {
    let (rounds, separation) = (rounds as usize, separation.get() as usize);
    let participations = (participations.get() as usize).min(rounds.div_ceil(separation));
    toeplitz::sensitivity(coefficients, rounds, participations, separation)
}

/// `c_0 = 1`, `c_t = sum_j w_j theta_j^(t-1)`, each within `2 rounds` rounding errors.
fn coefficients(buffers: &[Buffer], rounds: usize) -> Vec<f64> {
    let mut terms: Vec<f64> = buffers.iter().map(|buffer| buffer.weight).collect();
    let mut coefficients = Vec::with_capacity(rounds);
    coefficients.push(1.0);
    while coefficients.len() < rounds {
        coefficients.push(terms.iter().sum());
        for (term, buffer) in terms.iter_mut().zip(buffers) {
            *term *= buffer.decay;
        }
    }
    coefficients
}

/// A factor above the relative error of a sum of positive terms that took `operations` roundings each.
fn slack(operations: usize) -> f64 {
    1.0 + (operations + 16) as f64 * f64::EPSILON
}

#[cfg(test)]
mod tests;
