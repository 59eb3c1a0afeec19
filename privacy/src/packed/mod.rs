//! A vector over the ring as it travels: read coordinate by coordinate, and never unpacked as a whole.

#[cfg(target_arch = "x86_64")]
mod lanes;
mod loads;
mod pieces;
mod view;
#[cfg(target_arch = "x86_64")]
mod wide;

use std::fmt;

pub(crate) use self::{pieces::Pieces, view::Packed};
use crate::grid::Grid;
#[cfg(test)]
use crate::ring::PackingError;

/// Coordinates that are unpacked together: they stay in the processor's nearest memory.
const BLOCK: usize = 256;

/// The packed form of one vector, of exactly the grid's length and with zero padding. An update that waits to be added takes
/// `ring_bits` bits per coordinate instead of 64.
///
/// Its `Debug` shows the shape only: the coordinates may be one device's.
#[derive(Clone)]
pub(crate) struct PackedVector(Pieces);

impl PackedVector {
    /// The bytes as they are, if they are the packed form of a vector on `grid`.
    #[cfg(test)]
    pub(crate) fn new(grid: Grid, bytes: Vec<u8>) -> Result<Self, PackingError> {
        Pieces::of(grid, bytes).finish()
    }

    pub(crate) fn grid(&self) -> Grid {
        self.0.grid()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Its coordinates.
    pub(crate) fn view(&self) -> Packed<'_> {
        self.0.view()
    }
}

impl fmt::Debug for PackedVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedVector").field("grid", &self.grid()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ring::RingVector;

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
                let packed = PackedVector::new(grid, bytes).map(|packed| packed.to_bytes());
                prop_assert_eq!(packed, unpacked);
            }
        }
    }
}
