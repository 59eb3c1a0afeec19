//! Directions, and what randomises them.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::{LocalError, LocalGuarantee, OutputBound};

/// A direction: a vector of norm 1, to float accuracy.
#[derive(Clone, Debug)]
pub struct Direction(Vec<f64>);

impl Direction {
    /// Direction and norm of an update; `None` for the zero vector, which has none, and for one that is not finite.
    #[must_use]
    pub fn of(update: &[f32]) -> Option<(Self, f64)> {
        Self::normalised(update.iter().map(|&value| f64::from(value)).collect())
    }

    /// Uniform on the sphere; empty in no dimension at all.
    pub fn uniform<R: Rng + ?Sized>(dimension: usize, rng: &mut R) -> Self {
        loop {
            if dimension == 0 {
                return Self(Vec::new());
            }
            // Of probability zero it is that no deviate differs from zero; in one coordinate it happens.
            if let Some((direction, _)) = Self::normalised(normals(dimension, rng)) {
                return direction;
            }
        }
    }

    /// Squares of the values must be within the floats.
    pub(super) fn normalised(mut values: Vec<f64>) -> Option<(Self, f64)> {
        let norm = norm(&values);
        if !(norm > 0.0 && norm.is_finite()) {
            return None;
        }
        values.iter_mut().for_each(|value| *value /= norm);
        Some((Self(values), norm))
    }

    /// The coordinates.
    #[must_use]
    pub fn coordinates(&self) -> &[f64] {
        &self.0
    }

    /// The opposite direction.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.0.iter_mut().for_each(|value| *value = -*value);
        self
    }
}

/// Randomises directions: what it sends has, decoded, the direction as its expectation, or nearly so ([`alignment`](Self::alignment)).
///
/// One use costs the device its [`guarantee`](Self::guarantee), whatever the direction.
pub trait DirectionRandomiser {
    /// Coordinates of a direction.
    fn dimension(&self) -> usize;

    /// Numbers that are sent.
    fn sent(&self) -> usize {
        self.dimension()
    }

    /// What one use promises.
    fn guarantee(&self) -> LocalGuarantee;

    /// How far the numbers sent reach.
    fn output_bound(&self) -> OutputBound;

    /// Mean of the squared norm of what is decoded, at most.
    fn decoded_square(&self) -> f64;

    /// The least that the mean of what is decoded reaches along the direction: 1 where it is unbiased. Elsewhere it lies within
    /// `sqrt(2 - 2 alignment)` of the direction.
    fn alignment(&self) -> f64 {
        1.0
    }

    /// The numbers to be sent for a direction of [`dimension`](Self::dimension) coordinates.
    fn draw<R: Rng + ?Sized>(&self, direction: &Direction, rng: &mut R) -> Vec<f64>;

    /// The numbers to be sent. A direction of another dimension, for which nothing is proven, counts as none: it is any direction.
    fn randomise<R: Rng + ?Sized>(&self, direction: &Direction, rng: &mut R) -> Vec<f64> {
        if direction.0.len() == self.dimension() {
            return self.draw(direction, rng);
        }
        let any = Direction::uniform(self.dimension(), rng);
        self.draw(&any, rng)
    }

    /// What [`sent`](Self::sent) numbers stand for, in all coordinates. It is linear: the sum of many, decoded, is the sum of what
    /// they stand for.
    fn decode(&self, sent: Vec<f64>) -> Vec<f64> {
        sent
    }
}

/// A length for which directions are made.
pub(super) fn checked(dimension: usize) -> Result<usize, LocalError> {
    if dimension >= 2 && dimension as u64 <= crate::grid::DIMENSION_LIMIT {
        Ok(dimension)
    } else {
        Err(LocalError::Dimension { dimension })
    }
}

/// Independent standard normal deviates, as floats.
pub(super) fn normals<R: Rng + ?Sized>(count: usize, rng: &mut R) -> Vec<f64> {
    let mut values = Vec::with_capacity(count);
    values.extend((0..count).map(|_| -> f64 { StandardNormal.sample(rng) }));
    values
}

/// A direction uniform among those orthogonal to `direction`, times its own length, which is that of `d - 1` normal deviates and
/// not zero.
pub(super) fn orthogonal<R: Rng + ?Sized>(direction: &Direction, rng: &mut R) -> Vec<f64> {
    loop {
        let mut values = normals(direction.0.len(), rng);
        let along: f64 = values.iter().zip(&direction.0).map(|(value, unit)| value * unit).sum();
        values.iter_mut().zip(&direction.0).for_each(|(value, unit)| *value -= along * unit);
        // Of probability zero for real numbers; in the plane a float may be so small that its square is none.
        if norm(&values) > 0.0 {
            return values;
        }
    }
}

pub(super) fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// What the float error of a norm of so many coordinates may add to it.
pub(super) fn norm_slack(coordinates: usize) -> f64 {
    // A sum of n squares is off by a share of at most (n + 1) 2^-53 (Higham 2002, section 3.1).
    1.0 + (coordinates as f64 + 64.0) * f64::EPSILON
}
