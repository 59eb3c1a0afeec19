//! What leaves a device.

use thiserror::Error;

use super::Bounded;
use crate::{
    grid::Grid,
    ring::{PackingError, RingVector},
};

/// How a bounded update is made ready to leave the device.
pub trait Seal {
    /// Turns a bounded update into what is sent.
    fn seal(&self, update: Bounded) -> Upload;
}

/// No masking: the coordinator sees each update and is trusted with it.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Seal for Plain {
    fn seal(&self, update: Bounded) -> Upload {
        Upload(update.0)
    }
}

/// One device's contribution on the wire. Its coordinates cannot be read or printed, only packed and added.
#[derive(Debug)]
pub struct Upload(pub(super) RingVector);

/// Bytes that no honest device sends for this grid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UploadError {
    /// Wrong length or padding.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// The integer norm is above the bound.
    #[error("the update's norm is above the grid's bound of {bound} steps")]
    NormExceeded {
        /// The bound `S`.
        bound: u64,
    },
}

impl Upload {
    /// The grid it lies on.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.0.grid()
    }

    /// Bytes of an upload on `grid`: `ceil(dimension * ring_bits / 8)`.
    #[must_use]
    pub fn encoded_len(grid: &Grid) -> usize {
        RingVector::packed_len(*grid)
    }

    /// Coordinates end to end, `ring_bits` bits each, least significant bit first, zero padding in the last byte.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.pack()
    }

    /// Reads a plain (unmasked) upload and checks it before it can touch a sum.
    ///
    /// # Guarantee
    /// Whoever sent the bytes, the value returned has `sum q_i^2 <= bound^2`, checked in integers.
    ///
    /// # Errors
    /// [`UploadError`] for a wrong length, non-zero padding or a norm above the bound.
    pub fn from_plain_bytes(grid: Grid, bytes: &[u8]) -> Result<Self, UploadError> {
        let vector = RingVector::unpack(grid, bytes)?;
        if vector.squared_norm() > u128::from(grid.bound()) * u128::from(grid.bound()) {
            return Err(UploadError::NormExceeded { bound: grid.bound() });
        }
        Ok(Self(vector))
    }
}
