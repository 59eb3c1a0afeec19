//! The un-noised sum: readable by nobody.

use thiserror::Error;

use super::{Upload, upload::Form};
use crate::{grid::Grid, ring::RingVector};

/// Sum of uploads in the ring of one grid.
///
/// Not `Clone`, no getter, not serialisable in clear. The one door out is [`Sum::release`]; a simulation that several processes carry out has
/// another, `Sum::reduce_by`, which nothing but the feature `seeded` compiles.
#[derive(Debug)]
pub struct Sum(pub(super) RingVector);

/// An addend of another grid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the addend lies on another grid than the sum")]
pub struct GridMismatch;

impl Sum {
    /// The empty sum: what a round releases (with noise) when nobody answers.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self(RingVector::zero(grid))
    }

    /// The grid it lies on.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.0.grid()
    }

    /// Adds one upload. Wrapping addition is commutative and associative: any order gives the same bits.
    ///
    /// # Errors
    /// [`GridMismatch`]; the sum is then unchanged.
    pub fn add(&mut self, upload: &Upload) -> Result<(), GridMismatch> {
        if self.grid() != upload.grid() {
            return Err(GridMismatch);
        }
        match &upload.0 {
            Form::Sealed(vector) => self.0.add_assign(vector),
            Form::Received(vector) => self.0.add_packed(vector),
            #[cfg(feature = "seeded")]
            Form::Elsewhere(_) => {}
        }
        Ok(())
    }

    /// Adds a partial sum from another thread, shard or replica.
    ///
    /// # Errors
    /// [`GridMismatch`]; the sum is then unchanged.
    pub fn merge(&mut self, other: Self) -> Result<(), GridMismatch> {
        if self.grid() != other.grid() {
            return Err(GridMismatch);
        }
        self.0.add_assign(&other.0);
        Ok(())
    }
}
