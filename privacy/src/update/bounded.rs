//! From a raw delta to an integer vector whose norm is proven in integers.

use crate::{
    encoding::Encoding,
    grid::Grid,
    ring::RingVector,
    rounding::{Rounding, squared_length},
};

/// One device's raw model delta (local parameters minus global ones), in units of the model's parameters.
///
/// Neither printable nor serialisable: the only way on is [`Encoding::encode`].
pub struct Delta {
    values: Vec<f32>,
    /// Squared l2 norm to float accuracy; not finite exactly when a value is not (no square of an `f32` is beyond `f64`).
    squared_norm: f64,
}

impl Delta {
    /// Wraps a trainer's result; nothing is assumed about the values.
    #[must_use]
    pub fn new(values: Vec<f32>) -> Self {
        let squared_norm = squared_length(&values);
        Self { values, squared_norm }
    }

    /// Number of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.values.len()
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
        &self.values
    }

    /// Whether its l2 norm is at most `limit`, to float accuracy; never for a delta that is not finite.
    ///
    /// It never leaves the device but as a measure of its own, within its own bound.
    #[must_use]
    pub fn is_within(&self, limit: f64) -> bool {
        self.is_finite() && self.norm() <= limit
    }

    fn is_finite(&self) -> bool {
        self.squared_norm.is_finite()
    }

    fn norm(&self) -> f64 {
        self.squared_norm.sqrt()
    }

    /// The delta times `scale`, clipped to an integer norm of `bound`: one integer for each of `dimension` coordinates, all zero
    /// for a delta of another dimension or with a value that is not finite.
    ///
    /// # Guarantee
    /// The integers returned are the ones whose squares were summed and compared with `bound^2`, in integers.
    ///
    /// # Source
    /// The delta is shrunk to norm `S - sqrt(d)/2` before rounding; each coordinate moves by at most 1/2, so by the
    /// triangle inequality the rounded norm is at most `S`. What float error could still push above is caught by the
    /// integer check and shrunk again.
    pub(crate) fn clipped(&self, dimension: usize, bound: u64, scale: f64) -> Rounding {
        if self.dimension() != dimension || !self.is_finite() {
            return Rounding::zeros(dimension, bound);
        }
        let norm = scale * self.norm();
        let target = bound as f64 - (dimension as f64).sqrt() / 2.0;
        let mut factor = if norm > target { scale * (target / norm) } else { scale };
        let limit = u128::from(bound) * u128::from(bound);
        let mut relative_step = f64::EPSILON * 16.0;
        let mut rounding = Rounding::of(&self.values, factor, bound);
        while rounding.squared_norm() > limit {
            factor *= 1.0 - relative_step;
            relative_step = (relative_step * 2.0).min(1.0);
            rounding = Rounding::of(&self.values, factor, bound);
        }
        rounding
    }
}

impl Grid {
    /// Encodes a model's update alone: [`Encoding::plain`].
    #[must_use]
    pub fn encode(&self, delta: &Delta) -> Bounded {
        Encoding::plain(*self).encode(delta, &[])
    }
}
