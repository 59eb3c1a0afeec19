//! Whole updates, of any norm up to a clip, by randomisers of directions.

use rand::{Rng, RngExt as _};

use super::{
    Direction, DirectionRandomiser, LocalError, LocalGuarantee, LocalRandomiser, OutputBound, ScalarDp, stream,
};
use crate::{
    noise::NoiseRng,
    units::{Clip, Epsilon},
    update::Delta,
};

/// The direction of an update is sent, turned round at random such that its expectation has the update's length.
///
/// # Guarantee
/// What the randomiser of directions promises, with all of epsilon spent on one direction: the output's law is a mixture of that
/// randomiser's laws, and a ratio bound holds for mixtures. What is decoded has the clipped update as its expectation (where the
/// randomiser is unbiased), and a squared error of at most the square of the clip times that of what the randomiser decodes. An
/// update without a direction (zero, not finite, of another length) is the zero update: any direction, uniformly.
///
/// # Source
/// Turned round with probability `(1 - length / clip) / 2`, a direction has `length / clip` of itself as its mean. pfl-research at 238775c
/// does the same (privacy.md, A2).
#[derive(Clone, Debug)]
pub struct SignFlip<Directions> {
    directions: Directions,
    clip: f64,
}

impl<Directions: DirectionRandomiser> SignFlip<Directions> {
    /// Updates are clipped to norm `clip`.
    ///
    /// # Errors
    /// [`LocalError::OutputRange`] when what is sent does not fit 32-bit floats.
    pub fn new(directions: Directions, clip: Clip) -> Result<Self, LocalError> {
        let made = Self { directions, clip: clip.get() };
        fits(made.bound(), made.directions.sent())?;
        Ok(made)
    }

    /// The randomiser of directions.
    #[must_use]
    pub fn directions(&self) -> &Directions {
        &self.directions
    }

    /// The numbers to be sent for these values.
    pub fn numbers<R: Rng + ?Sized>(&self, update: &[f32], rng: &mut R) -> Vec<f64> {
        let (direction, length) = polar(update, self.directions.dimension(), self.clip, rng);
        // Turned round with probability (1 - length / clip) / 2.
        let turned = 2.0 * rng.random::<f64>() < 1.0 - length / self.clip;
        let direction = if turned { direction.reversed() } else { direction };
        scaled(self.directions.randomise(&direction, rng), self.clip)
    }

    /// Mean squared error of what is decoded for a clipped update of this norm, at most.
    #[must_use]
    pub fn squared_error(&self, norm: f64) -> f64 {
        squared_error(&self.directions, self.clip * self.clip, norm)
    }

    fn bound(&self) -> OutputBound {
        self.directions.output_bound().times(self.clip)
    }
}

/// Direction and magnitude of an update are randomised apart and multiplied.
///
/// # Guarantee
/// Epsilon of the direction plus epsilon of the magnitude (basic composition; "separated" local privacy). What is decoded is the
/// product of two independent unbiased factors, so its expectation is the clipped update (where the randomiser of directions is
/// unbiased). It is never clamped. An update without a direction is the zero update: any direction, uniformly, and magnitude zero.
///
/// # Source
/// Bhowmick and others 2018 (1812.00984): separated mechanisms for a vector's direction and magnitude.
#[derive(Clone, Debug)]
pub struct Separated<Directions> {
    directions: Directions,
    magnitudes: ScalarDp,
}

impl<Directions: DirectionRandomiser> Separated<Directions> {
    /// Updates are clipped to norm `clip`, their magnitude is sent at `epsilon` on `levels` levels above zero.
    ///
    /// # Errors
    /// [`LocalError`] when there is no randomiser of magnitudes for this epsilon and these levels, or when what is sent does not fit
    /// 32-bit floats.
    pub fn new(directions: Directions, clip: Clip, epsilon: Epsilon, levels: u64) -> Result<Self, LocalError> {
        let made = Self { directions, magnitudes: ScalarDp::new(epsilon, clip, levels)? };
        fits(made.bound(), made.directions.sent())?;
        Ok(made)
    }

    /// The randomiser of directions.
    #[must_use]
    pub fn directions(&self) -> &Directions {
        &self.directions
    }

    /// The randomiser of magnitudes.
    #[must_use]
    pub fn magnitudes(&self) -> &ScalarDp {
        &self.magnitudes
    }

    /// The numbers to be sent for these values.
    pub fn numbers<R: Rng + ?Sized>(&self, update: &[f32], rng: &mut R) -> Vec<f64> {
        let (direction, length) = polar(update, self.directions.dimension(), self.magnitudes.max(), rng);
        let magnitude = self.magnitudes.randomise(length, rng);
        scaled(self.directions.randomise(&direction, rng), magnitude)
    }

    /// Mean squared error of what is decoded for a clipped update of this norm, at most.
    #[must_use]
    pub fn squared_error(&self, norm: f64) -> f64 {
        squared_error(&self.directions, self.magnitudes.variance(norm) + norm * norm, norm)
    }

    fn bound(&self) -> OutputBound {
        self.directions.output_bound().times(self.magnitudes.output_bound())
    }
}

/// Both are randomisers of whole updates in the same way.
macro_rules! whole_updates {
    ($name:ident, |$of:ident| $guarantee:expr) => {
        impl<Directions: DirectionRandomiser> LocalRandomiser for $name<Directions> {
            fn dimension(&self) -> usize {
                self.directions.dimension()
            }

            fn sent(&self) -> usize {
                self.directions.sent()
            }

            fn guarantee(&self) -> LocalGuarantee {
                let $of = self;
                $guarantee
            }

            fn output_bound(&self) -> OutputBound {
                // Each number is rounded to a 32-bit float.
                self.bound().times(1.0 + f64::from(f32::EPSILON))
            }

            fn randomise(&self, update: &Delta, rng: &mut NoiseRng) -> Delta {
                let numbers = self.numbers(update.values(), &mut stream(rng));
                Delta::new(numbers.into_iter().map(|number| number as f32).collect())
            }

            fn decode(&self, sent: Vec<f64>) -> Vec<f64> {
                self.directions.decode(sent)
            }
        }
    };
}

whole_updates!(SignFlip, |flip| flip.directions.guarantee());
whole_updates!(Separated, |separated| separated.directions.guarantee().and(separated.magnitudes.guarantee()));

/// Direction and clipped length of an update; any direction and no length where it has none, or is of another dimension.
fn polar<R: Rng + ?Sized>(update: &[f32], dimension: usize, clip: f64, rng: &mut R) -> (Direction, f64) {
    match Direction::of(update) {
        Some((direction, length)) if update.len() == dimension => (direction, length.min(clip)),
        _ => (Direction::uniform(dimension, rng), 0.0),
    }
}

/// Of a randomised direction times an independent factor with this mean square, whose mean along the direction is the norm.
fn squared_error(directions: &impl DirectionRandomiser, square: f64, norm: f64) -> f64 {
    square * directions.decoded_square() - norm * norm * (2.0 * directions.alignment() - 1.0)
}

fn scaled(mut numbers: Vec<f64>, factor: f64) -> Vec<f64> {
    numbers.iter_mut().for_each(|number| *number *= factor);
    numbers
}

/// Whether vectors of this norm are neither infinite nor zero in 32-bit floats: an infinite one would be encoded as zero.
pub(super) fn fits(bound: OutputBound, sent: usize) -> Result<(), LocalError> {
    let usual = bound.norm / (sent as f64).sqrt();
    if bound.norm < f64::from(f32::MAX) / 2.0 && usual > f64::from(f32::MIN_POSITIVE) / f64::from(f32::EPSILON) {
        Ok(())
    } else {
        Err(LocalError::OutputRange { bound: bound.norm })
    }
}
