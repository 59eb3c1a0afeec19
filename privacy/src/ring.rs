//! Vectors over `Z_{2^b}` and their packed form of exactly `b` bits per coordinate.

use std::fmt;

use pulp::{Arch, Simd, WithSimd};
use thiserror::Error;

#[cfg(feature = "seeded")]
use crate::update::Partial;
use crate::{grid::Grid, packed::PackedVector, rounding::Room};

/// Coordinates of which several packed vectors are added one after the other, while they stay in the nearest cache: whole blocks of those.
const STRETCH: usize = 1 << 12;

/// A vector over the ring of one grid. Addition wraps, so it is exact, commutative and associative.
///
/// Its `Debug` shows the shape only: the coordinates may be one device's.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RingVector {
    grid: Grid,
    words: Words,
}

/// Residues below `2^ring_bits`, in the smallest words that hold them: a sum over many devices is bound by memory.
#[derive(Clone, PartialEq, Eq)]
enum Words {
    /// For rings of at most 32 bits.
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
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

impl Words {
    /// Room for the coordinates of `grid`, none of them there yet.
    fn empty(grid: Grid) -> Self {
        let dimension = grid.dimension();
        if grid.ring_bits() <= 32 {
            Self::Narrow(Vec::with_capacity(dimension))
        } else {
            Self::Wide(Vec::with_capacity(dimension))
        }
    }

    /// `word` is a residue.
    fn push(&mut self, word: u64) {
        match self {
            // The residue is below 2^32: nothing is cut off.
            Self::Narrow(words) => words.push(word as u32),
            Self::Wide(words) => words.push(word),
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        match self {
            Self::Narrow(words) => words.len(),
            Self::Wide(words) => words.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let (narrow, wide): (&[u32], &[u64]) = match self {
            Self::Narrow(words) => (words, &[]),
            Self::Wide(words) => (&[], words),
        };
        narrow.iter().map(|word| u64::from(*word)).chain(wide.iter().copied())
    }
}

impl RingVector {
    pub(crate) fn zero(grid: Grid) -> Self {
        let words = match Words::empty(grid) {
            Words::Narrow(_) => Words::Narrow(vec![0; grid.dimension()]),
            Words::Wide(_) => Words::Wide(vec![0; grid.dimension()]),
        };
        Self { grid, words }
    }

    /// Residues of signed integers; `values` has the grid's dimension.
    pub(crate) fn from_signed(grid: Grid, values: impl Iterator<Item = i64>) -> Self {
        let (mask, mut words) = (mask(grid), Words::empty(grid));
        values.for_each(|value| words.push(value as u64 & mask));
        Self { grid, words }
    }

    /// How small integers are to be made ready for [`from_small`](Self::from_small): as residues of the ring, where that has words for them, or
    /// else as they are.
    pub(crate) fn room_for_small(grid: Grid) -> Room {
        let mask = if grid.ring_bits() <= 32 { mask(grid) as u32 } else { u32::MAX };
        Room { words: grid.dimension(), mask }
    }

    /// Small integers and then residues of others, together of the grid's dimension.
    pub(crate) fn from_small(grid: Grid, small: Vec<u32>, others: impl Iterator<Item = i64>) -> Self {
        let mask = mask(grid);
        let mut words = if grid.ring_bits() <= 32 {
            Words::Narrow(small)
        } else {
            Words::Wide(small.into_iter().map(|word| i64::from(word as i32) as u64 & mask).collect())
        };
        others.for_each(|value| words.push(value as u64 & mask));
        Self { grid, words }
    }

    pub(crate) fn grid(&self) -> Grid {
        self.grid
    }

    /// Adds a vector of the same grid.
    pub(crate) fn add_assign(&mut self, other: &Self) {
        let mask = mask(self.grid);
        match (&mut self.words, &other.words) {
            (Words::Narrow(words), Words::Narrow(addends)) => {
                Arch::new().dispatch(AddNarrow { words, addends, mask: mask as u32 });
            }
            (Words::Wide(words), Words::Wide(addends)) => {
                words.iter_mut().zip(addends).for_each(|(word, addend)| *word = word.wrapping_add(*addend) & mask);
            }
            // PANIC: the words of one grid are of one size.
            _ => unreachable!("vectors of one grid have words of one size"),
        }
    }

    /// Moves all of a vector of the same grid into this one: the other is zero afterwards, and keeps its memory.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let mask = mask(self.grid);
        match (&mut self.words, &mut other.words) {
            (Words::Narrow(words), Words::Narrow(addends)) => {
                Arch::new().dispatch(AppendNarrow { words, addends, mask: mask as u32 });
            }
            (Words::Wide(words), Words::Wide(addends)) => {
                for (word, addend) in words.iter_mut().zip(addends) {
                    *word = word.wrapping_add(std::mem::take(addend)) & mask;
                }
            }
            // PANIC: the words of one grid are of one size.
            _ => unreachable!("vectors of one grid have words of one size"),
        }
    }

    /// Adds packed vectors of the same grid, in one walk over its own words: these are by far the most memory that is looked at.
    pub(crate) fn add_packed(&mut self, others: &[PackedVector]) {
        let (mask, dimension) = (mask(self.grid), self.grid.dimension());
        let words = match &mut self.words {
            Words::Narrow(words) => words,
            Words::Wide(words) => {
                for other in others {
                    for (word, addend) in words.iter_mut().zip(other.view().words_from(0)) {
                        *word = word.wrapping_add(addend) & mask;
                    }
                }
                return;
            }
        };
        let mask = mask as u32;
        for first in (0..dimension).step_by(STRETCH) {
            let limit = dimension.min(first + STRETCH);
            for other in others {
                let done = other.view().for_each_block(
                    first,
                    limit,
                    #[inline(always)]
                    |first, addends| {
                        for (word, addend) in words[first..].iter_mut().zip(addends) {
                            *word = word.wrapping_add(*addend) & mask;
                        }
                    },
                );
                for (word, addend) in words[done..limit].iter_mut().zip(other.view().words_from(done)) {
                    *word = word.wrapping_add(addend as u32) & mask;
                }
            }
        }
    }

    /// Hands its coordinates to `work`, with how a signed integer is added to one of them.
    pub(crate) fn add_by(&mut self, work: impl AddTo) {
        let mask = mask(self.grid);
        match &mut self.words {
            Words::Narrow(words) => {
                work.work(words, move |word, addend| *word = word.wrapping_add(addend as u32) & mask as u32);
            }
            Words::Wide(words) => {
                work.work(words, move |word, addend| *word = word.wrapping_add(addend as u64) & mask);
            }
        }
    }

    /// The first `count` representatives, each times `factor`: a loop that the compiler can turn into vector instructions.
    pub(crate) fn scaled(&self, count: usize, factor: f64) -> Vec<f64> {
        let bits = u32::from(self.grid.ring_bits());
        match &self.words {
            Words::Narrow(words) => {
                let shift = 32 - bits;
                words[..count.min(words.len())]
                    .iter()
                    .map(|word| f64::from(((word << shift) as i32) >> shift) * factor)
                    .collect()
            }
            Words::Wide(_) => self.centered().take(count).map(|value| value as f64 * factor).collect(),
        }
    }

    /// Lets `reduce` put other words in the place of these, and takes their residues.
    #[cfg(feature = "seeded")]
    pub(crate) fn reduce_by(&mut self, reduce: impl FnOnce(Partial<'_>)) {
        let mask = mask(self.grid);
        match &mut self.words {
            Words::Narrow(words) => {
                reduce(Partial::Narrow(words));
                words.iter_mut().for_each(|word| *word &= mask as u32);
            }
            Words::Wide(words) => {
                reduce(Partial::Wide(words));
                words.iter_mut().for_each(|word| *word &= mask);
            }
        }
    }

    /// Representatives in `[-2^(b-1), 2^(b-1))`.
    pub(crate) fn centered(&self) -> impl Iterator<Item = i64> + '_ {
        let shift = 64 - u32::from(self.grid.ring_bits());
        self.words.iter().map(move |word| ((word << shift) as i64) >> shift)
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
        for word in self.words.iter() {
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
        let mut words = Words::empty(grid);
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

/// What is done with the coordinates of a vector, whatever the size of their words.
pub(crate) trait AddTo {
    /// `add` adds a signed integer to one of `words`.
    fn work<W: Send>(self, words: &mut [W], add: impl Fn(&mut W, i64) + Sync);
}

struct AppendNarrow<'a> {
    words: &'a mut [u32],
    addends: &'a mut [u32],
    mask: u32,
}

impl WithSimd for AppendNarrow<'_> {
    type Output = ();

    /// For the vector instructions of the processor it runs on.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (word, addend) in self.words.iter_mut().zip(self.addends) {
            *word = word.wrapping_add(std::mem::take(addend)) & self.mask;
        }
    }
}

struct AddNarrow<'a> {
    words: &'a mut [u32],
    addends: &'a [u32],
    mask: u32,
}

impl WithSimd for AddNarrow<'_> {
    type Output = ();

    /// For the vector instructions of the processor it runs on.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (word, addend) in self.words.iter_mut().zip(self.addends) {
            *word = word.wrapping_add(*addend) & self.mask;
        }
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
