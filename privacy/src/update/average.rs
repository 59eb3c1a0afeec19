//! What an optimiser steps by.

use thiserror::Error;

use super::Release;
use crate::{encoding::Encoding, local::LocalRandomiser};

/// A released average update, in units of the model's parameters. It is made from a [`Release`] and nothing else, so whatever is done with
/// it is post-processing.
#[derive(Debug)]
pub struct Average(Vec<f64>);

/// A release read by an encoding on another grid.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the release lies on another grid than the encoding it is read by")]
pub struct OtherGrid;

impl Release {
    /// The noised average update: the sum divided by a constant.
    ///
    /// `expected_cohort` is fixed when the task is created. Dividing by how many answered would release that number
    /// without noise (privacy.md, G3).
    ///
    /// # Errors
    /// [`OtherGrid`].
    pub fn average(&self, encoding: &Encoding, expected_cohort: f64) -> Result<Average, OtherGrid> {
        if self.grid() != encoding.grid() {
            return Err(OtherGrid);
        }
        let factor = encoding.step() / expected_cohort;
        Ok(Average(self.steps().take(encoding.model_dimension()).map(|value| value as f64 * factor).collect()))
    }
}

impl Average {
    /// The average update that the average of what local randomisers sent stands for: decoding is linear.
    #[must_use]
    pub fn decoded(self, randomiser: &(impl LocalRandomiser + ?Sized)) -> Self {
        Self(randomiser.decode(self.0))
    }

    /// One number for each parameter.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}
