//! From a raw delta to an integer vector whose norm is proven in integers.

use crate::{encoding::Encoding, grid::Grid, ring::RingVector};

/// One device's raw model delta (local parameters minus global ones), in units of the model's parameters.
///
/// Neither printable nor serialisable: the only way on is [`Encoding::encode`].
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

/// An encoded update: integers within every bound of its [`Encoding`], checked in integers. Only encoding makes one.
#[derive(Debug)]
pub struct Bounded(pub(super) RingVector);

impl Bounded {
    /// A vector whose norms were just proven.
    pub(crate) fn of(vector: RingVector) -> Self {
        Self(vector)
    }

    /// The integers, for a device's own randomiser.
    pub(crate) fn into_vector(self) -> RingVector {
        self.0
    }

    #[cfg(test)]
    pub(crate) fn vector(&self) -> &RingVector {
        &self.0
    }
}

impl Delta {
    /// The values, for a device's own randomiser.
    pub(crate) fn values(&self) -> &[f32] {
        &self.0
    }

    /// Whether its l2 norm is at most `limit`, to float accuracy; never for a delta that is not finite.
    ///
    /// It never leaves the device but as a measure of its own, within its own bound.
    #[must_use]
    pub fn is_within(&self, limit: f64) -> bool {
        self.is_finite() && self.norm() <= limit
    }

    fn is_finite(&self) -> bool {
        self.0.iter().all(|value| value.is_finite())
    }

    /// f32 values squared and summed stay far inside f64's range.
    fn norm(&self) -> f64 {
        self.0.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
    }

    /// The delta times `scale`, clipped to an integer norm of `bound`: one integer for each of `dimension` coordinates, all zero
    /// for a delta of another dimension or with a value that is not finite.
    ///
    /// # Source
    /// The delta is shrunk to norm `S - sqrt(d)/2` before rounding; each coordinate moves by at most 1/2, so by the
    /// triangle inequality the rounded norm is at most `S`. What float error could still push above is caught by the
    /// integer check and shrunk again.
    pub(crate) fn clipped(&self, dimension: usize, bound: u64, scale: f64) -> impl Iterator<Item = i64> + '_ {
        let fits = self.dimension() == dimension && self.is_finite();
        let factor = if fits { self.factor(bound, scale) } else { 0.0 };
        let values = if fits { self.0.as_slice() } else { &[] };
        let missing = dimension - values.len();
        values.iter().map(move |value| rounded(*value, factor)).chain(std::iter::repeat_n(0, missing))
    }

    /// What to multiply each value with, such that the rounded integers have a norm of at most `bound`: checked on these integers.
    fn factor(&self, bound: u64, scale: f64) -> f64 {
        let norm = scale * self.norm();
        let target = bound as f64 - (self.dimension() as f64).sqrt() / 2.0;
        let mut factor = if norm > target { scale * (target / norm) } else { scale };
        let limit = u128::from(bound) * u128::from(bound);
        let mut relative_step = f64::EPSILON * 16.0;
        loop {
            // The integers are computed twice rather than stored twice: the second pass is what is sent.
            let squared = RingVector::squared_norm(self.0.iter().map(|value| rounded(*value, factor)));
            if squared <= limit {
                return factor;
            }
            factor *= 1.0 - relative_step;
            relative_step = (relative_step * 2.0).min(1.0);
        }
    }
}

fn rounded(value: f32, factor: f64) -> i64 {
    (f64::from(value) * factor).round_ties_even() as i64
}

impl Grid {
    /// Encodes a model's update alone: [`Encoding::plain`].
    #[must_use]
    pub fn encode(&self, delta: &Delta) -> Bounded {
        Encoding::plain(*self).encode(delta, &[])
    }
}
