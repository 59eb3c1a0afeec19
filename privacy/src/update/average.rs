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
        Ok(Average(self.scaled(encoding.model_dimension(), factor)))
    }
}

impl Average {
    /// The average update that the average of what local randomisers sent stands for: decoding is linear.
    #[must_use]
    pub fn decoded(self, randomiser: &(impl LocalRandomiser + ?Sized)) -> Self {
        Self(randomiser.decode(self.0))
    }

    /// Its l2 norm, by sums that grow side by side: to float accuracy, and always in the same order.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let mut sums = [0.0; 8];
        let (blocks, rest) = self.0.as_chunks::<8>();
        for block in blocks {
            sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += value * value);
        }
        sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += value * value);
        sums.iter().sum::<f64>().sqrt()
    }

    /// One number for each parameter.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}
