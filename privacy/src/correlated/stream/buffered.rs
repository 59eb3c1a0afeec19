//! The recursion of a buffered strategy, in fixed point.

use super::source::Source;
use crate::correlated::{
    Buffered,
    buffered::BUFFER_BITS,
    dyadic::{FRACTION_BITS, rounded, shifted},
};
use crate::noise::RoundedGaussian;

/// A few decaying sums of the noise of all places so far.
pub(super) struct State {
    /// In units of `2^-16`.
    fresh: RoundedGaussian,
    /// Decay and weight, in units of `2^-16`, and the sums, in units of `2^-32`.
    buffers: Vec<(i128, i128, Vec<i128>)>,
}

impl State {
    pub(super) fn new(buffered: &Buffered, fresh: RoundedGaussian, dimension: usize) -> Self {
        let buffer = |pair: &crate::correlated::DyadicBuffer| {
            (i128::from(pair.decay), i128::from(pair.weight), vec![0; dimension])
        };
        Self { fresh, buffers: buffered.buffers().iter().map(buffer).collect() }
    }

    /// `n_t = floor(z'_t - f_t + 1/2)`.
    pub(super) fn next(&mut self, source: &Source, place: u32) -> Vec<i64> {
        let mut drawn = source.draw(place, 0, &self.fresh);
        for (index, sample) in drawn.iter_mut().enumerate() {
            *sample = rounded(i128::from(*sample) - self.fed_back(index));
            self.remember(index, *sample);
        }
        drawn
    }

    /// `f_t`, the sum of `w_j s_j` rounded to `2^-16`, in units of `2^-16`. A buffer is below 2^90 but with a probability below
    /// 2^-1000: all of it stays far inside `i128`.
    pub(super) fn fed_back(&self, index: usize) -> i128 {
        shifted(self.buffers.iter().map(|(_, weight, sums)| weight * sums[index]).sum(), BUFFER_BITS)
    }

    /// `s_j <- theta_j s_j + n_t`, the product rounded to `2^-32`.
    pub(super) fn remember(&mut self, index: usize, noise: i64) {
        for (decay, _, sums) in &mut self.buffers {
            sums[index] = shifted(*decay * sums[index], FRACTION_BITS) + (i128::from(noise) << BUFFER_BITS);
        }
    }
}
