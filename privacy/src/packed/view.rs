//! Packed coordinates, read where they lie.

use pulp::Arch;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

use super::loads::Loads;
#[cfg(target_arch = "x86_64")]
use super::{lanes::Lanes, wide::Wide};
use crate::{grid::Grid, ring::RingVector};

/// Coordinates that are unpacked together: they stay in the processor's nearest memory.
const BLOCK: usize = 256;
/// Widest ring of which the squares of a whole block fit into 64 bits: `(2^27)^2 * BLOCK = 2^62`.
const SUMMED_WHOLE: u8 = 28;
/// Widest ring of which those of eight coordinates do: `(2^30)^2 * 8 = 2^63`.
const SUMMED_BY_EIGHT: u8 = 31;

/// The bytes of a vector on a grid, or the first of them.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'bytes> {
    pub(super) grid: Grid,
    pub(super) bytes: &'bytes [u8],
}

impl<'bytes> Packed<'bytes> {
    /// The first bytes of a vector: whatever is asked about coordinates whose bytes are not among them is about nothing.
    pub(crate) fn beginning(grid: Grid, bytes: &'bytes [u8]) -> Self {
        Self { grid, bytes }
    }

    /// Residues in `[0, 2^b)`, in order, from this coordinate on.
    pub(crate) fn words_from(self, first: usize) -> impl Iterator<Item = u64> + 'bytes {
        let bits = usize::from(self.grid.ring_bits());
        let mask = u64::MAX >> (64 - bits);
        (first..self.grid.dimension()).map(move |index| self.bits_from(index * bits, bits) & mask)
    }

    /// Representatives in `[-2^(b-1), 2^(b-1))`, from this coordinate on.
    pub(crate) fn centered_from(self, first: usize) -> impl Iterator<Item = i64> + 'bytes {
        let shift = 64 - u32::from(self.grid.ring_bits());
        self.words_from(first).map(move |word| ((word << shift) as i64) >> shift)
    }

    /// Hands out residues of rings of up to 32 bits in blocks, from a coordinate whose number is a multiple of eight, as far as whole blocks
    /// go; where those end. The processor's AVX-512 or AVX2 finds them, if it has one; the residues are the same.
    #[inline(always)]
    pub(crate) fn for_each_block(self, first: usize, limit: usize, take: impl FnMut(usize, &[u32; BLOCK])) -> usize {
        let bits = usize::from(self.grid.ring_bits());
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V4::try_new() {
            return simd.vectorize(
                #[inline(always)]
                || {
                    let wide = Wide::new(simd, bits);
                    self.walk::<16>([first, limit], Wide::READ, |bytes, words| wide.unpack(bytes, words), take)
                },
            );
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V3::try_new() {
            return simd.vectorize(
                #[inline(always)]
                || {
                    let (lanes, seen) = (Lanes::new(simd, bits), bits / 2 + Lanes::READ);
                    self.walk::<8>([first, limit], seen, |bytes, words| lanes.unpack(bytes, words), take)
                },
            );
        }
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let (loads, seen) = (Loads::new(bits), bits + Loads::BEHIND);
                self.walk::<8>([first, limit], seen, |bytes, words| loads.unpack(bytes, words), take)
            },
        )
    }

    /// Eight coordinates take as many bytes as one has bits; `unpack` finds `GROUP` of them, a multiple of eight, and looks at the first `seen`
    /// of the bytes that begin with theirs.
    #[inline(always)]
    fn walk<const GROUP: usize>(
        self,
        [first, limit]: [usize; 2],
        seen: usize,
        unpack: impl Fn(&[u8], &mut [u32]),
        mut take: impl FnMut(usize, &[u32; BLOCK]),
    ) -> usize {
        let bits = usize::from(self.grid.ring_bits());
        let mut words = [0; BLOCK];
        let mut done = first;
        while done + BLOCK <= limit && (done + BLOCK - GROUP) / 8 * bits + seen <= self.bytes.len() {
            for (group, out) in (0..).zip(words.chunks_exact_mut(GROUP)) {
                let start = (done + group * GROUP) / 8 * bits;
                unpack(&self.bytes[start..start + seen], out);
            }
            take(done, &words);
            done += BLOCK;
        }
        done
    }

    /// Sum of squares of coordinates `first` to `limit`, as far as there are bytes of them by whole blocks, and where those end: what is
    /// left is for [`squared_norm`](Self::squared_norm). Both ends are multiples of eight, `limit` need not be one.
    pub(crate) fn squares_of_blocks(self, first: usize, limit: usize) -> (u128, usize) {
        let bits = self.grid.ring_bits();
        if bits > SUMMED_BY_EIGHT {
            // Eight coordinates take as many bytes as one has bits.
            let done = (self.bytes.len() / usize::from(bits) * 8).min(limit / 8 * 8).max(first);
            return (RingVector::squared_norm(self.centered_from(first).take(done - first)), done);
        }
        let together = if bits <= SUMMED_WHOLE { BLOCK } else { 8 };
        let shift = 32 - u32::from(bits);
        let mut sum = 0_u128;
        let done = self.for_each_block(
            first,
            limit,
            #[inline(always)]
            |_, words| {
                let square = |word: u32| {
                    let size = u64::from((((word << shift) as i32) >> shift).unsigned_abs());
                    size * size
                };
                for words in words.chunks_exact(together) {
                    sum += u128::from(words.iter().map(|word| square(*word)).sum::<u64>());
                }
            },
        );
        (sum, done)
    }

    /// Sum of squares of coordinates `first` to `limit`; where it saturates it is above every bound. `first` is a multiple of eight.
    pub(crate) fn squared_norm(self, first: usize, limit: usize) -> u128 {
        let (sum, done) = self.squares_of_blocks(first, limit);
        let rest = self.centered_from(done).take(limit.saturating_sub(done));
        sum.saturating_add(RingVector::squared_norm(rest))
    }

    /// At least `bits` bits from a position on; what lies above them is to be masked.
    fn bits_from(self, position: usize, bits: usize) -> u64 {
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
