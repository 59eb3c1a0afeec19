//! What one round's vectors mean on a grid: a model's update, and beside it a few measures, each bounded by itself; or measures alone.

mod measures_alone;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    grid::{Grid, GridError},
    packed::PackedVector,
    ring::RingVector,
    rounding::Integers,
    units::{Clip, OutOfRange},
    update::{Bounded, Delta},
};

/// A part of the squared sensitivity. The cost of Gaussian noise is proportional to that square, so this is the part of a
/// budget that one block of a vector may use.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// Accepts numbers strictly between 0 and 1.
    ///
    /// # Errors
    /// [`OutOfRange`] for every other number, NaN included.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        if value > 0.0 && value < 1.0 {
            Ok(Self(value))
        } else {
            Err(OutOfRange { quantity: "a share of the budget", range: "strictly between 0 and 1", value })
        }
    }

    /// The number itself.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = OutOfRange;

    fn try_from(value: f64) -> Result<Self, OutOfRange> {
        Self::new(value)
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> f64 {
        share.0
    }
}

/// How a round's vectors are written as integers: the model's update in the first coordinates, then one coordinate for each
/// measure.
///
/// # Guarantee
/// The update's integer norm is at most `S_0` and each measure's is at most its `S_j`, each enforced by itself in integers, and
/// `S_0^2 + sum S_j^2 <= S^2`, the grid's bound: so the sensitivity of the whole is `S`, and no part is rescaled because another
/// is large. (One clip for all of them would shrink a measure exactly when the update is clipped.)
///
/// The step of the update is public and may change from round to round, with the clip; no integer bound moves with it.
///
/// # Source
/// architecture.md, sections 2 and 3.1. For one measure that says whether the update was within the clip it is the split of Andrew and
/// others 2021 (1905.03871), section 3.1, in integers.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    grid: Grid,
    /// `S_0`.
    model_bound: u64,
    /// `S_j`.
    measure_bounds: Vec<u64>,
    /// One step of the update, in units of the model's parameters.
    step: f64,
}

/// Shares that leave nothing for the update, or that a grid cannot tell from nothing.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EncodingError {
    /// All shares together are the whole.
    #[error("the measures' shares of the budget come to {shares}: nothing is left for the model's update")]
    NothingLeft {
        /// Sum of the shares.
        shares: f64,
    },
    /// A measure's bound is below a few steps.
    #[error("a share of {share} gives a measure {bound} steps, and at least {least} are needed: give it more")]
    ShareTooSmall {
        /// The share.
        share: f64,
        /// What it comes to on the grid.
        bound: u64,
        /// Steps that are needed.
        least: u64,
    },
    /// The grid has not more coordinates than there are measures.
    #[error("a grid of {dimension} coordinates has no place for a model beside {measures} measures")]
    NoModel {
        /// Coordinates of the grid.
        dimension: usize,
        /// Measures.
        measures: usize,
    },
    /// The grid has other coordinates beside the measures, or too few of them.
    #[error("a grid of {dimension} coordinates is not one of {measures} measures and nothing else")]
    NotMeasuresAlone {
        /// Coordinates of the grid.
        dimension: usize,
        /// Measures.
        measures: usize,
    },
    /// No grid for this clip and so many coordinates.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// No such clip.
    #[error(transparent)]
    Clip(#[from] OutOfRange),
}

/// A measure is rounded to one in so many parts of its range.
const LEAST_STEPS: u64 = 64;

impl Encoding {
    /// A grid for a model of `dimension` parameters clipped to `clip`, with `shares` for measures beside it: fitted such that the
    /// update's own bound is the clip. The ring is still open, as in [`Grid::fit`].
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn fit(clip: Clip, dimension: usize, shares: &[Share]) -> Result<Grid, EncodingError> {
        let left = left_for_model(shares)?;
        let widened = Clip::new(clip.get() / left.sqrt())?;
        let grid = Grid::fit(widened, dimension + shares.len())?;
        Self::new(grid, shares)?;
        Ok(grid)
    }

    /// The encoding on `grid`, with the grid's own step.
    ///
    /// # Errors
    /// [`EncodingError`] when the shares do not fit.
    pub fn new(grid: Grid, shares: &[Share]) -> Result<Self, EncodingError> {
        let (dimension, measures) = (grid.dimension(), shares.len());
        if dimension <= measures {
            return Err(EncodingError::NoModel { dimension, measures });
        }
        let part = |share: f64| (grid.bound() as f64 * share.sqrt()).floor() as u64;
        let left = left_for_model(shares)?;
        let measure_bounds: Vec<u64> = shares.iter().map(|share| part(share.get())).collect();
        for (share, bound) in shares.iter().zip(&measure_bounds) {
            if *bound < LEAST_STEPS {
                return Err(EncodingError::ShareTooSmall { share: share.get(), bound: *bound, least: LEAST_STEPS });
            }
        }
        let square = |bound: u64| u128::from(bound) * u128::from(bound);
        let taken: u128 = measure_bounds.iter().copied().map(square).sum();
        let mut model_bound = if shares.is_empty() { grid.bound() } else { part(left) };
        // Float error may leave it a step too large, and never more than a few.
        while model_bound > 0 && square(model_bound) + taken > square(grid.bound()) {
            model_bound -= 1;
        }
        if model_bound == 0 {
            return Err(EncodingError::NothingLeft { shares: 1.0 - left });
        }
        Ok(Self { grid, model_bound, measure_bounds, step: grid.step() })
    }

    /// The encoding of a model's update alone.
    #[must_use]
    pub fn plain(grid: Grid) -> Self {
        Self { grid, model_bound: grid.bound(), measure_bounds: Vec::new(), step: grid.step() }
    }

    /// The same, with the update's bound standing for `clip`: the step is `clip / S_0`. Where there is no update nothing is scaled.
    #[must_use]
    pub fn scaled_to(self, clip: Clip) -> Self {
        if self.model_bound == 0 {
            return self;
        }
        Self { step: clip.get() / self.model_bound as f64, ..self }
    }

    /// The grid.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Coordinates of the model's update; 0 where [measures are sent alone](Self::of_measures).
    #[must_use]
    pub fn model_dimension(&self) -> usize {
        self.grid.dimension() - self.measure_bounds.len()
    }

    /// `S_0`: largest integer norm of the update.
    #[must_use]
    pub fn model_bound(&self) -> u64 {
        self.model_bound
    }

    /// `S_j`: largest size of each measure's integer.
    #[must_use]
    pub fn measure_bounds(&self) -> &[u64] {
        &self.measure_bounds
    }

    /// One step of the update, in units of the model's parameters.
    #[must_use]
    pub fn step(&self) -> f64 {
        self.step
    }

    /// Largest l2 norm that an update is let through with, in units of the model's parameters; 0 where there is none.
    #[must_use]
    pub fn clip(&self) -> f64 {
        self.model_bound as f64 * self.step
    }

    /// Clips, rounds and proves the norm of the update, and each measure's size.
    ///
    /// A measure of 1 stands for the whole of its bound; beyond -1 and 1 it is cut off, and what is not finite is 0. Measures that are
    /// missing are 0.
    ///
    /// # Guarantee
    /// Whatever floats do, the result is within every bound of the encoding, established in integers.
    ///
    /// A delta with a non-finite value, or of another dimension, encodes as zero: refusing it would let the data decide
    /// who takes part (architecture.md, section 2).
    #[must_use]
    pub fn encode(&self, delta: &Delta, measures: &[f64]) -> Bounded {
        let room = RingVector::room_for_small(self.grid);
        let model = delta.clipped(self.model_dimension(), self.model_bound, 1.0 / self.step, room);
        let measured = self.measure_bounds.iter().enumerate().map(|(index, bound)| {
            let value = measures.get(index).copied().filter(|value| value.is_finite()).unwrap_or(0.0);
            let most = *bound as i64;
            ((value.clamp(-1.0, 1.0) * *bound as f64).round_ties_even() as i64).clamp(-most, most)
        });
        Bounded::of(match model.integers {
            Integers::Small(words) => RingVector::from_small(self.grid, words, measured),
            Integers::Large(integers) => RingVector::from_signed(self.grid, integers.into_iter().chain(measured)),
        })
    }

    /// The first measure of a vector on the grid that is above its own bound, from 0.
    pub(crate) fn excessive_measure(&self, vector: &PackedVector) -> Option<usize> {
        let measures = vector.view().centered_from(self.model_dimension()).zip(&self.measure_bounds);
        measures.enumerate().find(|(_, (value, bound))| value.unsigned_abs() > **bound).map(|(index, _)| index)
    }
}

/// What the measures leave for the update.
fn left_for_model(shares: &[Share]) -> Result<f64, EncodingError> {
    let taken: f64 = shares.iter().map(|share| share.get()).sum();
    if taken < 1.0 { Ok(1.0 - taken) } else { Err(EncodingError::NothingLeft { shares: taken }) }
}

#[cfg(test)]
mod tests;
