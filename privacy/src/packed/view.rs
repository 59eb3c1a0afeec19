//! Packed coordinates, read where they lie.

use pulp::Arch;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

use super::{
    BLOCK,
    loads::Loads,
    pieces::{Pieces, Segment},
};
#[cfg(target_arch = "x86_64")]
use super::{lanes::Lanes, wide::Wide};
use crate::ring::RingVector;

/// Widest ring of which the squares of a whole block fit into 64 bits: `(2^27)^2 * BLOCK = 2^62`.
const SUMMED_WHOLE: u8 = 28;
/// Widest ring of which those of eight coordinates do: `(2^30)^2 * 8 = 2^63`.
const SUMMED_BY_EIGHT: u8 = 31;

/// The coordinates of a vector whose bytes are there.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'bytes> {
    pub(super) pieces: &'bytes Pieces,
}

impl<'bytes> Packed<'bytes> {
    fn bits(self) -> usize {
        usize::from(self.pieces.grid().ring_bits())
    }

    /// Residues in `[0, 2^b)`, in order, from this coordinate on.
    pub(crate) fn words_from(self, first: usize) -> impl Iterator<Item = u64> + 'bytes {
        let bits = self.bits();
        let mask = u64::MAX >> (64 - bits);
        let segments = self.pieces.segments().skip_while(move |segment| segment.end <= first);
        segments.flat_map(move |Segment { first: begin, end, bytes, .. }| {
            (first.max(begin)..end).map(move |index| bits_from(bytes, (index - begin) * bits, bits) & mask)
        })
    }

    /// Representatives in `[-2^(b-1), 2^(b-1))`, from this coordinate on.
    pub(crate) fn centered_from(self, first: usize) -> impl Iterator<Item = i64> + 'bytes {
        let shift = 64 - self.bits() as u32;
        self.words_from(first).map(move |word| ((word << shift) as i64) >> shift)
    }

    /// Hands out residues of rings of up to 32 bits in blocks, from a coordinate whose number is a multiple of eight, as far as whole blocks
    /// go; where those end. The processor's AVX-512 or AVX2 finds them, if it has one; the residues are the same.
    #[inline(always)]
    pub(crate) fn for_each_block(
        self,
        first: usize,
        limit: usize,
        mut take: impl FnMut(usize, &[u32; BLOCK]),
    ) -> usize {
        let mut done = first;
        for segment in self.pieces.segments().skip_while(|segment| segment.end <= first) {
            let reached = limit.min(segment.end);
            done = segment.for_each_block(self.bits(), [done, reached], &mut take);
            if segment.is_last || reached == limit {
                break;
            }
            // Blocks that begin where this piece's do end with it; others, and what its bytes were too few for, are found one by one.
            while done + BLOCK <= reached {
                let mut words = [0; BLOCK];
                words.iter_mut().zip(self.words_from(done)).for_each(|(word, residue)| *word = residue as u32);
                take(done, &words);
                done += BLOCK;
            }
            if done < reached {
                break;
            }
        }
        done
    }

    /// Sum of squares of coordinates `first` to `limit`, as far as there are bytes of them by whole blocks, and where those end: what is
    /// left is for [`squared_norm`](Self::squared_norm). Both ends are multiples of eight, `limit` need not be one.
    pub(crate) fn squares_of_blocks(self, first: usize, limit: usize) -> (u128, usize) {
        let bits = self.pieces.grid().ring_bits();
        if bits > SUMMED_BY_EIGHT {
            let done = (self.pieces.end().min(limit) / 8 * 8).max(first);
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
}

impl Segment<'_> {
    #[inline(always)]
    fn for_each_block(self, bits: usize, part: [usize; 2], take: impl FnMut(usize, &[u32; BLOCK])) -> usize {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V4::try_new() {
            return simd.vectorize(
                #[inline(always)]
                || {
                    let wide = Wide::new(simd, bits);
                    self.walk::<16>(bits, part, Wide::READ, |bytes, words| wide.unpack(bytes, words), take)
                },
            );
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V3::try_new() {
            return simd.vectorize(
                #[inline(always)]
                || {
                    let (lanes, seen) = (Lanes::new(simd, bits), bits / 2 + Lanes::READ);
                    self.walk::<8>(bits, part, seen, |bytes, words| lanes.unpack(bytes, words), take)
                },
            );
        }
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let (loads, seen) = (Loads::new(bits), bits + Loads::BEHIND);
                self.walk::<8>(bits, part, seen, |bytes, words| loads.unpack(bytes, words), take)
            },
        )
    }

    /// Eight coordinates take as many bytes as one has bits; `unpack` finds `GROUP` of them, a multiple of eight, and looks at the first `seen`
    /// of the bytes that begin with theirs.
    #[inline(always)]
    fn walk<const GROUP: usize>(
        self,
        bits: usize,
        [first, limit]: [usize; 2],
        seen: usize,
        unpack: impl Fn(&[u8], &mut [u32]),
        mut take: impl FnMut(usize, &[u32; BLOCK]),
    ) -> usize {
        let mut words = [0; BLOCK];
        let mut done = first;
        while done + BLOCK <= limit && (done - self.first + BLOCK - GROUP) / 8 * bits + seen <= self.bytes.len() {
            for (group, out) in (0..).zip(words.chunks_exact_mut(GROUP)) {
                let start = (done - self.first + group * GROUP) / 8 * bits;
                unpack(&self.bytes[start..start + seen], out);
            }
            take(done, &words);
            done += BLOCK;
        }
        done
    }
}

/// At least `bits` bits from a position on; what lies above them is to be masked.
fn bits_from(bytes: &[u8], position: usize, bits: usize) -> u64 {
    let (byte, shift) = (position / 8, position % 8);
    // One load of eight bytes holds the coordinate unless it is very wide or one of the last ones.
    if let Some(&[a, b, c, d, e, f, g, h]) = bytes.get(byte..byte + 8)
        && shift + bits <= 64
    {
        return u64::from_le_bytes([a, b, c, d, e, f, g, h]) >> shift;
    }
    let mut wide = [0; 16];
    let rest = bytes.get(byte..).unwrap_or_default();
    let length = rest.len().min(16);
    wide[..length].copy_from_slice(&rest[..length]);
    (u128::from_le_bytes(wide) >> shift) as u64
}
