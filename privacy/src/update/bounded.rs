//! From a raw delta to an integer vector whose norm is proven in integers.

use std::ops::Range;

use crate::{
    encoding::Encoding,
    grid::Grid,
    ring::RingVector,
    rounding::{Room, Rounding, squared_length},
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

    /// Takes the coordinates of these stretches out, for what stays on the device and is no part of an update: the delta of all others, in
    /// their order, and what was taken out, in its order. Of stretches that are not ascending and apart, or reach past the end, only
    /// what lies ahead is taken.
    ///
    /// # Guarantee
    /// The delta that is left has nothing of them: its norm, and so what clipping makes of it, is that of the other coordinates alone.
    #[must_use]
    pub fn set_apart(self, stretches: &[Range<usize>]) -> (Self, Vec<f32>) {
        let (mut left, mut apart, mut place) = (Vec::with_capacity(self.values.len()), Vec::new(), 0);
        for stretch in stretches {
            let start = stretch.start.clamp(place, self.values.len());
            let end = stretch.end.clamp(start, self.values.len());
            left.extend_from_slice(&self.values[place..start]);
            apart.extend_from_slice(&self.values[start..end]);
            place = end;
        }
        left.extend_from_slice(&self.values[place..]);
        (Self::new(left), apart)
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
    /// The delta is shrunk to norm `S - sqrt(d)/2` before rounding; each coordinate moves by at most 1/2 and what floats lose, so by the
    /// triangle inequality the rounded norm is at most `S` but for that. What float error could still push above is caught by the
    /// integer check and shrunk again.
    pub(crate) fn clipped(&self, dimension: usize, bound: u64, scale: f64, room: Room) -> Rounding {
        if self.dimension() != dimension || !self.is_finite() {
            return Rounding::zeros(dimension, bound);
        }
        let norm = scale * self.norm();
        let target = bound as f64 - (dimension as f64).sqrt() / 2.0;
        let mut factor = if norm > target { scale * (target / norm) } else { scale };
        let limit = u128::from(bound) * u128::from(bound);
        // A smaller one might be lost where floats of single precision round the update.
        let mut relative_step = f64::from(f32::EPSILON);
        let mut rounding = Rounding::of(&self.values, factor, bound, room);
        while rounding.squared_norm() > limit {
            factor *= 1.0 - relative_step;
            relative_step = (relative_step * 2.0).min(1.0);
            rounding = Rounding::of(&self.values, factor, bound, room);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_apart_is_no_part_of_what_is_encoded() {
        let values = vec![1.0, 30.0, 2.0, 40.0, 50.0, 3.0];
        let (left, apart) = Delta::new(values.clone()).set_apart(&[1..2, 3..5]);
        assert_eq!((left.values, apart), (vec![1.0, 2.0, 3.0], vec![30.0, 40.0, 50.0]));
        assert_eq!(left.squared_norm, 14.0, "its norm is that of what is left");
        let (left, apart) = Delta::new(values.clone()).set_apart(&[]);
        assert_eq!((left.values, apart), (values.clone(), Vec::new()));
        // Nothing is ever lost or doubled, whatever the stretches.
        for odd in [vec![4..9, 9..9], vec![4..5, 1..2], vec![2..2, 2..4, 3..5], vec![Range { start: 5, end: 1 }, 9..12]]
        {
            let (left, apart) = Delta::new(values.clone()).set_apart(&odd);
            let mut all = [left.values, apart].concat();
            all.sort_by(f32::total_cmp);
            let mut expected = values.clone();
            expected.sort_by(f32::total_cmp);
            assert_eq!(all, expected, "{odd:?}");
        }
        // What was not finite and is set apart does not take the rest with it.
        let (left, _) = Delta::new(vec![1.0, f32::NAN]).set_apart(std::slice::from_ref(&(1..2)));
        assert!(left.squared_norm.is_finite());
    }
}
