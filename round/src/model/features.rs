//! Fixed features: what a model sees in the place of an image. Nothing in them is learnt and each is computed from one example alone, so
//! they cost no privacy; under differential privacy they are worth more than layers that would have to be learnt through noise (Tramèr and
//! Boneh 2021, 2011.11660).

use serde::{Deserialize, Serialize};

use super::ModelError;

/// Directions in a half and a quarter turn lie on whole bins only if there are a multiple of so many.
const QUARTERS: usize = 4;

/// The features that a model is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Features {
    /// How much edge there is in each direction, in each cell of an image: histograms of oriented gradients (Dalal and Triggs 2005, section
    /// 6.3: differences of neighbouring pixels, shared between the two nearest directions), and their square roots (Arandjelović and
    /// Zisserman 2012, section 2).
    ///
    /// In each channel, with zero outside the image, `x` is the pixel to the right less the one to the left and `y` the one below less the
    /// one above. Their length, `hypot(x, y)`, is added up over a cell, under the direction of `(x, y)`. Directions are told by how far
    /// along the square `|x| + |y| = 1` they lie, which needs no arc tangent.
    OrientedGradients {
        /// Side of a cell in pixels; it divides the image's sides.
        cell: usize,
        /// Directions that are told apart, over a whole turn: a multiple of 4.
        orientations: usize,
    },
}

impl Features {
    /// What a model sees of an example `[channels, height, width]`: `[channels * orientations, height / cell, width / cell]`.
    #[must_use]
    pub fn shape(&self, [channels, height, width]: [usize; 3]) -> [usize; 3] {
        let Self::OrientedGradients { cell, orientations } = *self;
        let cells = |extent: usize| extent.checked_div(cell).unwrap_or(0);
        [channels.saturating_mul(orientations), cells(height), cells(width)]
    }

    pub(super) fn validate(&self, [_, height, width]: [usize; 3]) -> Result<(), ModelError> {
        let Self::OrientedGradients { cell, orientations } = *self;
        if cell == 0 || !height.is_multiple_of(cell) || !width.is_multiple_of(cell) {
            return Err(ModelError::Cell { cell, height, width });
        }
        if orientations == 0 || !orientations.is_multiple_of(QUARTERS) {
            return Err(ModelError::Orientations { orientations });
        }
        Ok(())
    }
}
