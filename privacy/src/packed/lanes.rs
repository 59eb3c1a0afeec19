//! Eight packed coordinates at a time, with the shuffles of AVX2.

use std::arch::x86_64::__m256i;

use pulp::{cast, u8x16, x86::V3};

/// How eight coordinates of a width lie in the bytes of their group: the first four in sixteen bytes from its beginning, the others in
/// sixteen from [`second`](Self::second) on, and each in five bytes at most, of which four and one go into 32 bits of its own.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    simd: V3,
    /// First byte of the fifth coordinate.
    second: usize,
    /// Which of the sixteen bytes of either half are each coordinate's first four, and which is its fifth.
    four: __m256i,
    fifth: __m256i,
    /// Bits below each coordinate in its first byte, and where those in its fifth byte belong.
    below: __m256i,
    above: __m256i,
    mask: __m256i,
}

impl Lanes {
    /// Bytes that are read from a byte on for four coordinates.
    pub(super) const READ: usize = 16;

    /// For coordinates of `bits` bits, 32 at most: then four of them lie within sixteen bytes, wherever in the first byte they begin.
    pub(super) fn new(simd: V3, bits: usize) -> Self {
        let second = bits / 2;
        // A place with its highest bit set is filled with zeros.
        let (mut four, mut fifth) = ([0x80_u8; 32], [0x80_u8; 32]);
        let (mut below, mut above) = ([0_u32; 8], [0_u32; 8]);
        for place in 0..8 {
            // Both halves of the register read sixteen bytes of their own.
            let bit = place * bits - if place < 4 { 0 } else { second * 8 };
            for (byte, from) in (bit / 8..(bit + bits).div_ceil(8)).enumerate() {
                match byte {
                    4 => fifth[place * 4] = from as u8,
                    byte => four[place * 4 + byte] = from as u8,
                }
            }
            below[place] = (bit % 8) as u32;
            above[place] = 32 - below[place];
        }
        let mask = [u32::MAX >> (32 - bits.min(32)); 8];
        let [four, fifth] = [four, fifth].map(cast);
        let [below, above, mask] = [below, above, mask].map(cast);
        Self { simd, second, four, fifth, below, above, mask }
    }

    /// The residues of a group whose bytes are these and what lies behind them, `bits / 2 + 16` at least.
    #[inline(always)]
    pub(super) fn unpack(&self, bytes: &[u8], words: &mut [u32]) {
        let (avx, avx2) = (self.simd.avx, self.simd.avx2);
        let half = |start: usize| {
            // PANIC: sixteen bytes are cut out.
            let bytes: [u8; Self::READ] = bytes[start..start + Self::READ].try_into().expect("sixteen bytes");
            cast(cast::<_, u8x16>(bytes))
        };
        let both = avx2._mm256_inserti128_si256::<1>(avx._mm256_castsi128_si256(half(0)), half(self.second));
        let low = avx2._mm256_srlv_epi32(avx2._mm256_shuffle_epi8(both, self.four), self.below);
        let high = avx2._mm256_sllv_epi32(avx2._mm256_shuffle_epi8(both, self.fifth), self.above);
        let residues: [u32; 8] = cast(avx2._mm256_and_si256(avx2._mm256_or_si256(low, high), self.mask));
        words.copy_from_slice(&residues);
    }
}
