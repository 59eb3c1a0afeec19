//! From a raw delta to an integer vector whose norm is proven in integers.

use crate::{grid::Grid, ring::RingVector};

/// One device's raw model delta (local parameters minus global ones), in units of the model's parameters.
///
/// Neither printable nor serialisable: the only way on is [`Grid::encode`].
pub struct Delta(Vec<f32>);

impl Delta {
    /// Wraps a trainer's result; nothing is assumed about the values.
    #[must_use]
    pub fn new(values: Vec<f32>) -> Self {
        Self(values)
    }

    /// Number of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.len()
    }
}

/// An encoded update: integers with `sum q_i^2 <= S^2`, checked in integers. Only [`Grid::encode`] makes one.
#[derive(Debug)]
pub struct Bounded(pub(super) RingVector);

impl Grid {
    /// Clips, rounds to nearest and proves the norm.
    ///
    /// # Guarantee
    /// For every input the result has `sum q_i^2 <= bound^2`, established by a `u128` sum over the integers
    /// themselves. Floating point decides how well the result approximates the delta and nothing about sensitivity.
    ///
    /// A delta with a non-finite value, or of another dimension, encodes as zero: refusing it would let the data decide
    /// who takes part (architecture.md, section 2).
    ///
    /// # Source
    /// The delta is shrunk to norm `S - sqrt(d)/2` before rounding; each coordinate moves by at most 1/2, so by the
    /// triangle inequality the rounded norm is at most `S`. What float error could still push above is caught by the
    /// integer check and shrunk again.
    #[must_use]
    pub fn encode(&self, delta: &Delta) -> Bounded {
        if delta.dimension() != self.dimension() || delta.0.iter().any(|value| !value.is_finite()) {
            return Bounded(RingVector::zero(*self));
        }
        let scale = self.scale();
        // f32 values squared and summed stay far inside f64's range.
        let norm = scale * delta.0.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
        let target = self.bound() as f64 - (self.dimension() as f64).sqrt() / 2.0;
        let mut factor = if norm > target { scale * (target / norm) } else { scale };
        let limit = u128::from(self.bound()) * u128::from(self.bound());
        let mut relative_step = f64::EPSILON * 16.0;
        loop {
            let rounded = |value: &f32| (f64::from(*value) * factor).round_ties_even() as i64;
            // The integers are computed twice rather than stored twice: the second pass is what is sent.
            let squared = delta.0.iter().fold(0_u128, |sum, value| {
                let magnitude = u128::from(rounded(value).unsigned_abs());
                sum.saturating_add(magnitude.saturating_mul(magnitude))
            });
            if squared <= limit {
                return Bounded(RingVector::from_signed(*self, delta.0.iter().map(rounded)));
            }
            factor *= 1.0 - relative_step;
            relative_step = (relative_step * 2.0).min(1.0);
        }
    }
}
