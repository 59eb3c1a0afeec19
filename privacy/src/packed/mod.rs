//! A vector over the ring as it travels: read coordinate by coordinate, and never unpacked as a whole.

#[cfg(target_arch = "x86_64")]
mod lanes;
mod loads;
mod view;
#[cfg(target_arch = "x86_64")]
mod wide;

use std::fmt;

pub(crate) use self::view::Packed;
use crate::{
    grid::Grid,
    ring::{PackingError, RingVector},
};

/// The packed form of one vector, of exactly the grid's length and with zero padding. An update that waits to be added takes
/// `ring_bits` bits per coordinate instead of 64.
///
/// Its `Debug` shows the shape only: the coordinates may be one device's.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PackedVector {
    grid: Grid,
    bytes: Vec<u8>,
}

impl PackedVector {
    /// The bytes as they are, if they are the packed form of a vector on `grid`.
    pub(crate) fn new(grid: Grid, bytes: Vec<u8>) -> Result<Self, PackingError> {
        let expected = RingVector::packed_len(grid);
        if bytes.len() != expected {
            return Err(PackingError::Length { expected, found: bytes.len() });
        }
        let used = grid.dimension() * usize::from(grid.ring_bits()) % 8;
        let padding = bytes.last().filter(|_| used > 0).map_or(0, |last| last >> used);
        if padding == 0 { Ok(Self { grid, bytes }) } else { Err(PackingError::Padding) }
    }

    pub(crate) fn grid(&self) -> Grid {
        self.grid
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its coordinates.
    pub(crate) fn view(&self) -> Packed<'_> {
        Packed { grid: self.grid, bytes: &self.bytes }
    }
}

impl fmt::Debug for PackedVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedVector").field("grid", &self.grid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reading_packed_is_unpacking(bits in 9_u8..=64, values in proptest::collection::vec(any::<i64>(), 1..700)) {
            let grid = Grid::new(0, bits, 224, values.len(), 1, 0).unwrap();
            let vector = RingVector::from_signed(grid, values.iter().copied());
            let packed = PackedVector::new(grid, vector.pack()).unwrap();
            prop_assert_eq!(packed.view().centered_from(0).collect::<Vec<_>>(), vector.centered().collect::<Vec<_>>());
            prop_assert_eq!(packed.view().squared_norm(0, values.len()), RingVector::squared_norm(vector.centered()));
            let mut sum = RingVector::from_signed(grid, values.iter().rev().copied());
            let mut other = sum.clone();
            sum.add_packed(&[packed]);
            other.add_assign(&vector);
            prop_assert!(sum == other);
        }

        #[test]
        fn the_same_bytes_are_refused_as_by_unpacking(bits in 9_u8..=64, dimension in 1_usize..20, bytes: Vec<u8>) {
            let grid = Grid::new(0, bits, 64, dimension, 1, 0).unwrap();
            let mut fitting = bytes.clone();
            fitting.resize(RingVector::packed_len(grid), 0xa5);
            for bytes in [bytes, fitting] {
                let unpacked = RingVector::unpack(grid, &bytes).map(|vector| vector.pack());
                let packed = PackedVector::new(grid, bytes).map(|packed| packed.bytes().to_vec());
                prop_assert_eq!(packed, unpacked);
            }
        }
    }
}
