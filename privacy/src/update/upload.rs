//! What leaves a device.

use thiserror::Error;

use super::{Bounded, Incoming};
use crate::{
    encoding::Encoding,
    grid::Grid,
    packed::PackedVector,
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
        Upload(Form::Sealed(update.0))
    }
}

/// One device's contribution on the wire. Its coordinates cannot be read or printed, only packed and added.
#[derive(Debug)]
pub struct Upload(pub(super) Form);

/// How its coordinates lie in memory.
#[derive(Debug)]
pub(super) enum Form {
    /// As the device made them, 64 bits each.
    Sealed(RingVector),
    /// As they came in, `ring_bits` bits each: a coordinator holds many at once.
    Received(PackedVector),
    /// In another process or thread of a simulation.
    #[cfg(feature = "seeded")]
    Elsewhere(Grid),
}

/// Bytes that no honest device sends for this grid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UploadError {
    /// Wrong length or padding.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// The integer norm of the model's update is above its bound.
    #[error("the update's norm is above its bound of {bound} steps")]
    NormExceeded {
        /// The bound `S_0`.
        bound: u64,
    },
    /// A measure is larger than its bound.
    #[error("measure {measure} is above its bound of {bound} steps")]
    MeasureExceeded {
        /// Which one, from 0.
        measure: usize,
        /// Its bound `S_j`.
        bound: u64,
    },
}

impl Upload {
    /// The grid it lies on.
    #[must_use]
    pub fn grid(&self) -> Grid {
        match &self.0 {
            Form::Sealed(vector) => vector.grid(),
            Form::Received(vector) => vector.grid(),
            #[cfg(feature = "seeded")]
            Form::Elsewhere(grid) => *grid,
        }
    }

    /// Bytes of an upload on `grid`: `ceil(dimension * ring_bits / 8)`.
    #[must_use]
    pub fn encoded_len(grid: &Grid) -> usize {
        RingVector::packed_len(*grid)
    }

    /// Coordinates end to end, `ring_bits` bits each, least significant bit first, zero padding in the last byte.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Form::Sealed(vector) => vector.pack(),
            Form::Received(vector) => vector.to_bytes(),
            #[cfg(feature = "seeded")]
            Form::Elsewhere(grid) => vec![0; Self::encoded_len(grid)],
        }
    }

    /// Reads a plain (unmasked) upload and checks it before it can touch a sum.
    ///
    /// # Guarantee
    /// Whoever sent the bytes, the value returned is within every bound of the encoding, and so has `sum q_i^2 <= S^2`, checked in
    /// integers.
    ///
    /// # Errors
    /// [`UploadError`] for a wrong length, non-zero padding or a block above its bound.
    pub fn from_plain_bytes(encoding: &Encoding, bytes: &[u8]) -> Result<Self, UploadError> {
        Self::from_plain_vec(encoding, bytes.to_vec())
    }

    /// The same, of bytes that it takes over and keeps as they are: memory is not taken a second time.
    ///
    /// # Guarantee
    /// That of [`from_plain_bytes`](Self::from_plain_bytes).
    ///
    /// # Errors
    /// Those of [`from_plain_bytes`](Self::from_plain_bytes).
    pub fn from_plain_vec(encoding: &Encoding, bytes: Vec<u8>) -> Result<Self, UploadError> {
        Incoming::holding(encoding.clone(), bytes).finish()
    }
}
