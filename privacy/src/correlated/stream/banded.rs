//! The recursion of a banded strategy, in exact integers.

use super::source::Source;
use crate::correlated::{Banded, dyadic::rounded};
use crate::noise::RoundedGaussian;

/// The noise of the last `bands - 1` places.
pub(super) struct State {
    /// `c_1, c_2, ...` in units of `2^-16`.
    coefficients: Vec<u32>,
    /// In units of `2^-16`.
    fresh: RoundedGaussian,
    /// That of place `t` lies at `t` modulo their number.
    last: Vec<Vec<i64>>,
}

impl State {
    pub(super) fn new(banded: &Banded, fresh: RoundedGaussian) -> Self {
        Self { coefficients: banded.coefficients()[1..].to_vec(), fresh, last: Vec::new() }
    }

    /// `n_t = floor(z'_t - sum_j c_j n_(t-j) + 1/2)`. All of it stays far inside `i128`: a product of coefficient and noise is
    /// below 2^80 but with a probability below 2^-1000.
    pub(super) fn next(&mut self, source: &Source, place: u32) -> Vec<i64> {
        let drawn = source.draw(place, 0, &self.fresh);
        let mut sums: Vec<i128> = drawn.into_iter().map(i128::from).collect();
        let (kept, place) = (self.coefficients.len(), place as usize);
        for (back, coefficient) in (1..=place).zip(&self.coefficients) {
            let earlier = &self.last[(place - back) % kept];
            for (sum, noise) in sums.iter_mut().zip(earlier) {
                *sum -= i128::from(*noise) * i128::from(*coefficient);
            }
        }
        let noise: Vec<i64> = sums.into_iter().map(rounded).collect();
        if self.last.len() < kept {
            self.last.push(noise.clone());
        } else if kept > 0 {
            self.last[place % kept].copy_from_slice(&noise);
        }
        noise
    }
}
