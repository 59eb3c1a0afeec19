//! Vectors of measures and nothing else: what a device sends that measures models and trains none.

use super::{Encoding, EncodingError, LEAST_STEPS};
use crate::grid::Grid;

/// The step is `2^-20`: the vectors are short, so that a fine grid costs a few bytes, and no measure is rounded by more than a part in
/// a hundred thousand of its range.
const FRACTION_BITS: i16 = 20;
/// `S`: the whole vector has norm 1, since a measure is a number from -1 to 1 and counts with the root of its part of the budget.
const BOUND: u64 = 1 << FRACTION_BITS;

impl Encoding {
    /// A grid for so many measures, and no model's update. The ring is still open, as in [`Grid::fit`].
    ///
    /// # Errors
    /// [`EncodingError::Grid`] without any measure, [`EncodingError::ShareTooSmall`] for too many of them.
    pub fn fit_measures(measures: usize) -> Result<Grid, EncodingError> {
        let grid = Grid::new(FRACTION_BITS, 64, BOUND, measures, 1, 0)?;
        Self::of_measures(grid, measures)?;
        Ok(grid)
    }

    /// The encoding of so many measures on `grid`, each with an equal part of the whole budget, and of no model's update.
    ///
    /// # Guarantee
    /// Each of `n` measures has size at most `S_j = floor(sqrt(S^2 / n))`, a root that is taken in integers, so
    /// `sum S_j^2 = n S_j^2 <= S^2`: the sensitivity of the whole is `S`, as where there is an update.
    ///
    /// # Errors
    /// [`EncodingError::NotMeasuresAlone`] for a grid of another number of coordinates, [`EncodingError::ShareTooSmall`] for one on which
    /// a measure would have too few steps.
    pub fn of_measures(grid: Grid, measures: usize) -> Result<Self, EncodingError> {
        let dimension = grid.dimension();
        if dimension != measures {
            return Err(EncodingError::NotMeasuresAlone { dimension, measures });
        }
        // A grid has a coordinate at least. The root of a number below 2^80 fits.
        let square = u128::from(grid.bound()) * u128::from(grid.bound());
        let bound = (square / measures as u128).isqrt() as u64;
        if bound < LEAST_STEPS {
            return Err(EncodingError::ShareTooSmall { share: 1.0 / measures as f64, bound, least: LEAST_STEPS });
        }
        Ok(Self { grid, model_bound: 0, measure_bounds: vec![bound; measures], step: grid.step() })
    }
}
