//! Projection to a uniformly random subspace.

use chacha20::ChaCha20Rng;
use rand::SeedableRng as _;

use super::{Projection, Seed, checked};
use crate::local::{
    Direction, LocalError,
    direction::{norm, normals},
    tail::ln_gamma_step,
};

/// Most entries of the matrix, which is held whole: 2^24, or 128 MiB.
const ENTRIES_LIMIT: usize = 1 << 24;

/// `W = sqrt(d / k) Q`, where the rows of `Q` are an orthonormal basis of a uniformly random subspace.
///
/// # Guarantee
/// `E[W^T W u / |W u|] = c u` for every direction `u`, since the law of `W` is the same after every rotation; `lift` divides by
/// `c = sqrt(d / k) Gamma((k + 1) / 2) Gamma(d / 2) / (Gamma(k / 2) Gamma((d + 1) / 2))`, so projecting is unbiased.
///
/// Making it takes `k^2 d` operations, using it `k d`: for small models. A [`HadamardProjection`](super::HadamardProjection) is for all others.
///
/// # Source
/// Rows of independent Gaussian entries have the same law after every rotation of space, and making them orthonormal one after the
/// other commutes with rotations: so the basis is uniform. The constant is `E |W u|`, since `<u, W^T W u> / |W u| = |W u|`, and `|Q u|^2`
/// is a Beta variable with parameters `k / 2` and `(d - k) / 2`. Published code draws the entries uniformly from `[0, 1)`, whose law is
/// not the same after rotations.
#[derive(Clone, Debug)]
pub struct HaarProjection {
    dimension: usize,
    sent: usize,
    /// Row after row.
    rows: Vec<f64>,
    /// `E |W u|`.
    shortening: f64,
}

impl HaarProjection {
    /// From `dimension` coordinates to `sent`.
    ///
    /// # Errors
    /// [`LocalError::Projection`] unless `sent` is from 2 to `dimension` and the matrix has at most 2^24 entries.
    pub fn new(dimension: usize, sent: usize, seed: Seed) -> Result<Self, LocalError> {
        checked(dimension, sent, dimension.min(ENTRIES_LIMIT / dimension.max(1)))?;
        let mut rng = ChaCha20Rng::from_seed(seed);
        let mut rows: Vec<f64> = Vec::with_capacity(dimension * sent);
        while rows.len() < dimension * sent {
            let mut row = normals(dimension, &mut rng);
            // Twice: once loses digits where the row lies almost in the span of those before it.
            for _ in 0..2 {
                rows.chunks_exact(dimension).for_each(|before| subtract(&mut row, before));
            }
            let length = norm(&row);
            if length > 1e-6 {
                rows.extend(row.iter().map(|value| value / length));
            }
        }
        let (k, d) = (sent as f64, dimension as f64);
        let shortening = (d / k).sqrt() * (ln_gamma_step(k / 2.0) - ln_gamma_step(d / 2.0)).exp();
        Ok(Self { dimension, sent, rows, shortening })
    }

    fn scale(&self) -> f64 {
        (self.dimension as f64 / self.sent as f64).sqrt() / self.shortening
    }
}

impl Projection for HaarProjection {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn sent(&self) -> usize {
        self.sent
    }

    fn project(&self, direction: &Direction) -> Option<Direction> {
        let along = |row: &[f64]| dot(row, direction.coordinates());
        let projected = self.rows.chunks_exact(self.dimension).map(along).collect();
        Direction::normalised(projected).map(|(direction, _)| direction)
    }

    fn lift(&self, sent: Vec<f64>) -> Vec<f64> {
        let mut lifted = vec![0.0; self.dimension];
        for (row, number) in self.rows.chunks_exact(self.dimension).zip(sent) {
            let factor = number * self.scale();
            lifted.iter_mut().zip(row).for_each(|(value, entry)| *value += factor * entry);
        }
        lifted
    }

    fn lifted_square(&self) -> f64 {
        self.scale() * self.scale()
    }

    fn alignment(&self) -> f64 {
        1.0
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// Takes away what of `row` lies along the unit vector `before`.
fn subtract(row: &mut [f64], before: &[f64]) {
    let along = dot(row, before);
    row.iter_mut().zip(before).for_each(|(value, unit)| *value -= along * unit);
}
