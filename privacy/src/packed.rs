//! A vector over the ring as it travels: read coordinate by coordinate, and never unpacked as a whole.

use std::fmt;

use pulp::Arch;

use crate::{
    grid::Grid,
    ring::{PackingError, RingVector},
};

/// Coordinates that are unpacked together: they stay in the processor's nearest memory.
const BLOCK: usize = 256;
/// Widest ring of which the squares of a whole block fit into 64 bits: `(2^27)^2 * BLOCK = 2^62`.
const SUMMED_WHOLE: u8 = 28;
/// Widest ring of which those of eight coordinates do: `(2^30)^2 * 8 = 2^63`.
const SUMMED_BY_EIGHT: u8 = 31;

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

    /// Residues in `[0, 2^b)`, in order, from this coordinate on.
    pub(crate) fn words_from(&self, first: usize) -> impl Iterator<Item = u64> + '_ {
        let bits = usize::from(self.grid.ring_bits());
        let mask = u64::MAX >> (64 - bits);
        (first..self.grid.dimension()).map(move |index| self.bits_from(index * bits, bits) & mask)
    }

    /// Representatives in `[-2^(b-1), 2^(b-1))`, from this coordinate on.
    pub(crate) fn centered_from(&self, first: usize) -> impl Iterator<Item = i64> + '_ {
        let shift = 64 - u32::from(self.grid.ring_bits());
        self.words_from(first).map(move |word| ((word << shift) as i64) >> shift)
    }

    /// Hands out residues of rings of up to 32 bits in blocks, as far as whole blocks go; how many coordinates those were.
    ///
    /// Eight coordinates begin at the same bits of every group of `b` bytes, so where each is to be found in its group is worked out
    /// once.
    #[inline(always)]
    pub(crate) fn blocks(&self, limit: usize, mut take: impl FnMut(usize, &[u32; BLOCK])) -> usize {
        let bits = usize::from(self.grid.ring_bits());
        let mask = u32::MAX >> (32 - bits.min(32));
        let places: [(usize, u32); 8] = std::array::from_fn(|place| (place * bits / 8, (place * bits % 8) as u32));
        let mut words = [0; BLOCK];
        let mut done = 0;
        // Every load reads eight bytes, the last one of a group up to nine behind it.
        while done + BLOCK <= limit && (done + BLOCK) / 8 * bits + 9 <= self.bytes.len() {
            for (group, out) in (0..).zip(words.chunks_exact_mut(8)) {
                let start = done / 8 * bits + group * bits;
                let bytes = &self.bytes[start..start + bits + 9];
                for (word, (byte, shift)) in out.iter_mut().zip(places) {
                    // PANIC: `byte` is below `bits`, and there are eight bytes behind it.
                    let load: [u8; 8] = bytes[byte..byte + 8].try_into().expect("eight bytes");
                    *word = (u64::from_le_bytes(load) >> shift) as u32 & mask;
                }
            }
            take(done, &words);
            done += BLOCK;
        }
        done
    }

    /// Sum of squares of the first coordinates; where it saturates it is above every bound.
    pub(crate) fn squared_norm(&self, dimension: usize) -> u128 {
        let bits = self.grid.ring_bits();
        let (mut sum, mut done) = (0_u128, 0);
        if bits <= SUMMED_BY_EIGHT {
            let together = if bits <= SUMMED_WHOLE { BLOCK } else { 8 };
            let shift = 32 - u32::from(bits);
            Arch::new().dispatch(|| {
                done = self.blocks(dimension, |_, words| {
                    let square = |word: u32| {
                        let size = u64::from((((word << shift) as i32) >> shift).unsigned_abs());
                        size * size
                    };
                    for words in words.chunks_exact(together) {
                        sum += u128::from(words.iter().map(|word| square(*word)).sum::<u64>());
                    }
                });
            });
        }
        let rest = self.centered_from(done).take(dimension - done);
        sum.saturating_add(RingVector::squared_norm(rest))
    }

    /// At least `bits` bits from a position on; what lies above them is to be masked.
    fn bits_from(&self, position: usize, bits: usize) -> u64 {
        let (byte, shift) = (position / 8, position % 8);
        // One load of eight bytes holds the coordinate unless it is very wide or one of the last ones.
        if let Some(&[a, b, c, d, e, f, g, h]) = self.bytes.get(byte..byte + 8)
            && shift + bits <= 64
        {
            return u64::from_le_bytes([a, b, c, d, e, f, g, h]) >> shift;
        }
        let mut wide = [0; 16];
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let length = rest.len().min(16);
        wide[..length].copy_from_slice(&rest[..length]);
        (u128::from_le_bytes(wide) >> shift) as u64
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
            prop_assert_eq!(packed.centered_from(0).collect::<Vec<_>>(), vector.centered().collect::<Vec<_>>());
            let norm = RingVector::squared_norm(vector.centered());
            prop_assert_eq!(packed.squared_norm(values.len()), norm);
            let mut sum = RingVector::from_signed(grid, values.iter().rev().copied());
            let mut other = sum.clone();
            sum.add_packed(&packed);
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
