//! A packed vector in pieces: as its bytes came in, most of them never copied.

use std::iter;

use bytes::Bytes;

use super::{BLOCK, Packed, PackedVector};
use crate::{
    grid::Grid,
    ring::{PackingError, RingVector},
};

/// The first bytes of a packed vector, or all of them.
///
/// They lie in pieces, of which each begins with a block of coordinates and has all bytes of every block up to the next one's first. What
/// lies around the places where chunks met is copied, so that this holds however they were cut.
#[derive(Clone)]
pub(crate) struct Pieces {
    grid: Grid,
    /// Those that nothing is added to any more.
    whole: Vec<Piece>,
    /// First coordinate of the last piece, and its bytes.
    first: usize,
    last: Vec<u8>,
}

#[derive(Clone)]
struct Piece {
    first: usize,
    bytes: Bytes,
}

/// A piece as it is read.
#[derive(Clone, Copy)]
pub(super) struct Segment<'bytes> {
    /// First coordinate, and the one after the last that is to be looked for here.
    pub(super) first: usize,
    pub(super) end: usize,
    /// Bytes from the first coordinate on, those of all others and perhaps more.
    pub(super) bytes: &'bytes [u8],
    /// Whether no other one follows.
    pub(super) is_last: bool,
}

impl Pieces {
    /// Bytes behind the last block of a piece that it has too: those that are read for a group of coordinates beyond its own.
    const BEHIND: usize = 64;

    /// None.
    pub(crate) fn new(grid: Grid) -> Self {
        Self::of(grid, Vec::new())
    }

    /// These, as they are.
    pub(crate) fn of(grid: Grid, bytes: Vec<u8>) -> Self {
        Self { grid, whole: Vec::new(), first: 0, last: bytes }
    }

    pub(crate) fn grid(&self) -> Grid {
        self.grid
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.first / BLOCK * self.block() + self.last.len()
    }

    /// Copies the next ones, at most as many as the vector still lacks. Memory for all that it lacks is taken at once.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        if self.last.capacity() - self.last.len() < bytes.len() {
            let lacking = RingVector::packed_len(self.grid).saturating_sub(self.len());
            self.last.reserve_exact(lacking.max(bytes.len()));
        }
        self.last.extend_from_slice(bytes);
    }

    /// Keeps the next ones where they are, but for up to two blocks at either end; as many as [`copy`](Self::copy) takes.
    pub(crate) fn keep(&mut self, bytes: Bytes) {
        let block = self.block();
        let held = self.last.len();
        // From here on whole blocks lie in the new bytes.
        let start = held.next_multiple_of(block) - held;
        let blocks = bytes.len().saturating_sub(start + Self::BEHIND) / block;
        if blocks == 0 {
            return self.copy(&bytes);
        }
        if held > 0 {
            self.last.extend_from_slice(&bytes[..start + Self::BEHIND]);
            self.whole.push(Piece { first: self.first, bytes: std::mem::take(&mut self.last).into() });
        }
        let (first, end) = (self.first + (held + start) / block * BLOCK, start + blocks * block);
        self.first = first + blocks * BLOCK;
        // Room for what the next chunk begins with.
        self.last.reserve_exact(2 * (block + Self::BEHIND));
        self.last.extend_from_slice(&bytes[end..]);
        self.whole.push(Piece { first, bytes: bytes.slice(start..) });
    }

    /// The vector, if these are the packed form of one.
    pub(crate) fn finish(self) -> Result<PackedVector, PackingError> {
        let (expected, found) = (RingVector::packed_len(self.grid), self.len());
        if found != expected {
            return Err(PackingError::Length { expected, found });
        }
        let used = self.grid.dimension() * usize::from(self.grid.ring_bits()) % 8;
        // The last byte is a copy: what is kept where it is never ends with a piece.
        let padding = self.last.last().filter(|_| used > 0).map_or(0, |last| last >> used);
        if padding == 0 { Ok(PackedVector(self)) } else { Err(PackingError::Padding) }
    }

    /// Coordinates whose bytes are there.
    pub(crate) fn view(&self) -> Packed<'_> {
        Packed { pieces: self }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        for Segment { first, end, bytes, is_last } in self.segments() {
            let own = if is_last { bytes.len() } else { (end - first) / BLOCK * self.block() };
            all.extend_from_slice(&bytes[..own]);
        }
        all
    }

    /// Coordinates before this one are there.
    pub(super) fn end(&self) -> usize {
        (self.first + self.last.len() * 8 / usize::from(self.grid.ring_bits())).min(self.grid.dimension())
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let ends = self.whole.iter().skip(1).map(|piece| piece.first).chain(iter::once(self.first));
        let whole = self.whole.iter().zip(ends);
        whole
            .map(|(Piece { first, bytes }, end)| Segment { first: *first, end, bytes, is_last: false })
            .chain(iter::once(Segment { first: self.first, end: self.end(), bytes: &self.last, is_last: true }))
    }

    /// Bytes of a block.
    fn block(&self) -> usize {
        BLOCK / 8 * usize::from(self.grid.ring_bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_not_copied_but_at_the_ends() {
        let grid = Grid::new(0, 27, 9_000, 50_001, 30, 0).unwrap();
        let vector = RingVector::from_signed(grid, (0..50_001).map(|value| value * 37 % 801 - 400));
        let bytes = Bytes::from(vector.pack());
        let mut pieces = Pieces::new(grid);
        for chunk in [0..60_000, 60_000..120_001, 120_001..bytes.len()] {
            pieces.keep(bytes.slice(chunk));
        }
        assert_eq!(pieces.to_bytes(), bytes);
        let there = bytes.as_ptr_range();
        let copied = pieces.segments().filter(|segment| !there.contains(&segment.bytes.as_ptr()));
        let copied: Vec<usize> = copied.map(|segment| segment.bytes.len()).collect();
        assert_eq!(copied.len(), 3, "where chunks meet, and the end");
        assert!(copied.iter().all(|bytes| *bytes <= 2 * (pieces.block() + Pieces::BEHIND)), "{copied:?}");
        // All but the end is found by whole blocks, across pieces.
        let (squares, checked) = pieces.view().squares_of_blocks(0, 50_001);
        assert!(checked >= 50_001 - 2 * BLOCK, "{checked}");
        assert_eq!(squares, RingVector::squared_norm(vector.centered().take(checked)));
        assert!(pieces.finish().is_ok());
    }
}
