//! Projection by random signs, a Hadamard transform, and a random choice of its coordinates.

use std::collections::BTreeSet;

use chacha20::ChaCha20Rng;
use rand::{Rng as _, SeedableRng as _};

use super::{Projection, Seed, checked};
use crate::local::{Direction, LocalError, scalar::uniform_to};

/// `W = sqrt(P / k) S H D` on vectors filled up with zeros to a power of two `P`: random signs `D`, the orthonormal Hadamard transform
/// `H`, and `k` of its coordinates `S`, chosen without replacement. Padded coordinates take part as all others; they are dropped
/// only after lifting, where they are noise and no part of any update.
///
/// # Guarantee
/// `E[W^T W] = 1`. Normalising `W u` biases: the mean of `W^T W u / |W u|` has a component along `u` between
/// [`alignment`](Projection::alignment) and 1, and lies within `sqrt(2 - 2 alignment)` of `u`, for every direction `u`. Nothing is corrected, since
/// the bias depends on the direction: for a unit vector of the basis there is none. Measured biases are in docs/measurements.md.
///
/// # Source
/// With `X = |W u|`: `E[X^2] = 1`. The signs make the fourth moment of a coordinate of `H D u` at most `3 / P^2` (Khintchine), and the choice
/// without replacement then makes the variance of `X^2` at most `v = 2 (P - k) / (k (P - 1))`. By Hoelder's inequality
/// `E X >= E[X^2]^(3/2) / E[X^4]^(1/2) >= (1 + v)^(-1/2)`, which is the alignment; and `E X <= 1`. The mean's distance from `u` is the
/// supremum over unit `w` of `E[<W w, W u> (1/X - 1)] <= E[|W w| |1 - X|] <= sqrt(E (1 - X)^2) = sqrt(2 - 2 E X)`.
#[derive(Clone, Debug)]
pub struct HadamardProjection {
    dimension: usize,
    padded: usize,
    /// One bit for each padded coordinate: set where the sign is turned.
    signs: Vec<u64>,
    /// The coordinates chosen, in ascending order.
    chosen: Vec<usize>,
}

impl HadamardProjection {
    /// From `dimension` coordinates to `sent`.
    ///
    /// # Errors
    /// [`LocalError::Projection`] unless `sent` is from 2 to the least power of two that is `dimension` or more.
    pub fn new(dimension: usize, sent: usize, seed: Seed) -> Result<Self, LocalError> {
        checked(dimension, sent, dimension.checked_next_power_of_two().unwrap_or(0))?;
        let padded = dimension.next_power_of_two();
        let mut rng = ChaCha20Rng::from_seed(seed);
        let signs = (0..padded.div_ceil(64)).map(|_| rng.next_u64()).collect();
        // Floyd's choice of a subset (Bentley and Floyd 1987): every subset is equally likely.
        let mut chosen = BTreeSet::new();
        for most in padded - sent..padded {
            let drawn = uniform_to(most as u64, &mut rng) as usize;
            if !chosen.insert(drawn) {
                chosen.insert(most);
            }
        }
        Ok(Self { dimension, padded, signs, chosen: chosen.into_iter().collect() })
    }

    fn turn_signs(&self, values: &mut [f64]) {
        for (values, word) in values.chunks_mut(64).zip(&self.signs) {
            for (bit, value) in values.iter_mut().enumerate() {
                *value = if word >> bit & 1 == 1 { -*value } else { *value };
            }
        }
    }
}

impl Projection for HadamardProjection {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn sent(&self) -> usize {
        self.chosen.len()
    }

    fn project(&self, direction: &Direction) -> Option<Direction> {
        let mut values = direction.coordinates().to_vec();
        values.resize(self.padded, 0.0);
        self.turn_signs(&mut values);
        transform(&mut values);
        let projected = self.chosen.iter().map(|&at| values[at]).collect();
        Direction::normalised(projected).map(|(direction, _)| direction)
    }

    fn lift(&self, sent: Vec<f64>) -> Vec<f64> {
        // sqrt(P / k) of the map times 1 / sqrt(P) of the transform.
        let scale = 1.0 / (self.chosen.len() as f64).sqrt();
        let mut values = vec![0.0; self.padded];
        self.chosen.iter().zip(sent).for_each(|(&at, number)| values[at] = number * scale);
        transform(&mut values);
        self.turn_signs(&mut values);
        values.truncate(self.dimension);
        values
    }

    fn lifted_square(&self) -> f64 {
        self.padded as f64 / self.chosen.len() as f64
    }

    fn alignment(&self) -> f64 {
        let (padded, sent) = (self.padded as f64, self.chosen.len() as f64);
        (1.0 + 2.0 * (padded - sent) / (sent * (padded - 1.0))).sqrt().recip()
    }
}

/// The Hadamard transform of a power of two of values, in place and not normalised.
fn transform(values: &mut [f64]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                (*left, *right) = (*left + *right, *left - *right);
            }
        }
        half *= 2;
    }
}
