//! Vectors over `Z_{2^b}` and their packed form of exactly `b` bits per coordinate.

use std::fmt;

use thiserror::Error;

use crate::{grid::Grid, packed::PackedVector};

/// A vector over the ring of one grid. Addition wraps, so it is exact, commutative and associative.
///
/// Its `Debug` shows the shape only: the coordinates may be one device's.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RingVector {
    grid: Grid,
    words: Vec<u64>,
}

/// Bytes that are not the packed form of a vector on the grid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PackingError {
    /// Not `ceil(dimension * ring_bits / 8)` bytes.
    #[error("a packed vector of this grid has {expected} bytes, {found} were given")]
    Length {
        /// Bytes the grid demands.
        expected: usize,
        /// Bytes handed in.
        found: usize,
    },
    /// Bits after the last coordinate are not zero.
    #[error("the padding after the last coordinate is not zero")]
    Padding,
}

impl RingVector {
    pub(crate) fn zero(grid: Grid) -> Self {
        Self { grid, words: vec![0; grid.dimension()] }
    }

    /// Residues of signed integers; `values` has the grid's dimension.
    pub(crate) fn from_signed(grid: Grid, values: impl Iterator<Item = i64>) -> Self {
        let mask = mask(grid);
        let mut words = Vec::with_capacity(grid.dimension());
        words.extend(values.map(|value| value as u64 & mask));
        Self { grid, words }
    }

    pub(crate) fn grid(&self) -> Grid {
        self.grid
    }

    /// Adds a vector of the same grid.
    pub(crate) fn add_assign(&mut self, other: &Self) {
        let mask = mask(self.grid);
        for (word, addend) in self.words.iter_mut().zip(&other.words) {
            *word = word.wrapping_add(*addend) & mask;
        }
    }

    /// Adds a packed vector of the same grid.
    pub(crate) fn add_packed(&mut self, other: &PackedVector) {
        let mask = mask(self.grid);
        for (word, addend) in self.words.iter_mut().zip(other.words()) {
            *word = word.wrapping_add(addend) & mask;
        }
    }

    /// The coordinates, and how a signed integer is added to one of them.
    pub(crate) fn addition(&mut self) -> (&mut [u64], impl Fn(&mut u64, i64) + Sync + use<>) {
        let mask = mask(self.grid);
        (&mut self.words, move |word, addend| *word = word.wrapping_add(addend as u64) & mask)
    }

    /// Representatives in `[-2^(b-1), 2^(b-1))`.
    pub(crate) fn centered(&self) -> impl Iterator<Item = i64> + '_ {
        let shift = 64 - u32::from(self.grid.ring_bits());
        self.words.iter().map(move |&word| ((word << shift) as i64) >> shift)
    }

    /// Sum of squares. It saturates where `u128` would overflow: such a norm is above every bound, which is all that is asked
    /// of it.
    pub(crate) fn squared_norm(values: impl Iterator<Item = i64>) -> u128 {
        values.fold(0_u128, |sum, value| {
            let magnitude = u128::from(value.unsigned_abs());
            sum.saturating_add(magnitude * magnitude)
        })
    }

    /// Number of bytes of the packed form.
    pub(crate) fn packed_len(grid: Grid) -> usize {
        (grid.dimension() as u128 * u128::from(grid.ring_bits())).div_ceil(8) as usize
    }

    /// Coordinates end to end, `b` bits each, least significant bit first; the last byte is padded with zeros.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let bits = u32::from(self.grid.ring_bits());
        let mut bytes = Vec::with_capacity(Self::packed_len(self.grid));
        let (mut pending, mut held) = (0_u128, 0_u32);
        for &word in &self.words {
            pending |= u128::from(word) << held;
            held += bits;
            while held >= 8 {
                bytes.push(pending as u8);
                pending >>= 8;
                held -= 8;
            }
        }
        if held > 0 {
            bytes.push(pending as u8);
        }
        bytes
    }

    /// The inverse of [`pack`](Self::pack), in the plainest way: what the quicker one is compared with.
    #[cfg(test)]
    pub(crate) fn unpack(grid: Grid, bytes: &[u8]) -> Result<Self, PackingError> {
        let expected = Self::packed_len(grid);
        if bytes.len() != expected {
            return Err(PackingError::Length { expected, found: bytes.len() });
        }
        let (bits, mask) = (u32::from(grid.ring_bits()), mask(grid));
        let mut words = Vec::with_capacity(grid.dimension());
        let (mut pending, mut held) = (0_u128, 0_u32);
        for &byte in bytes {
            pending |= u128::from(byte) << held;
            held += 8;
            while held >= bits && words.len() < grid.dimension() {
                words.push(pending as u64 & mask);
                pending >>= bits;
                held -= bits;
            }
        }
        if pending == 0 { Ok(Self { grid, words }) } else { Err(PackingError::Padding) }
    }
}

fn mask(grid: Grid) -> u64 {
    u64::MAX >> (64 - u32::from(grid.ring_bits()))
}

impl fmt::Debug for RingVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingVector").field("grid", &self.grid).finish_non_exhaustive()
    }
}
