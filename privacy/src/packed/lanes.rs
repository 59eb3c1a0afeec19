//! Eight packed coordinates at a time, with the shuffles of AVX2.

use std::arch::x86_64::__m256i;

use pulp::{cast, u8x16, u32x8, u64x4, x86::V3};

/// How eight coordinates of a width lie in the bytes of their group: the first four in sixteen bytes from its beginning, the others in
/// sixteen from [`second`](Self::second) on.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    simd: V3,
    halves: [Half; 2],
    /// First byte of the fifth coordinate.
    second: usize,
    mask: __m256i,
    order: __m256i,
}

/// Four coordinates, each to be in 64 bits of its own.
#[derive(Clone, Copy)]
struct Half {
    /// Which of the sixteen bytes go where.
    places: __m256i,
    /// Bits below each coordinate then.
    shifts: __m256i,
}

impl Lanes {
    /// Bytes that are read from a byte on for four coordinates.
    pub(super) const READ: usize = 16;

    /// For coordinates of `bits` bits, 32 at most: then four of them lie within sixteen bytes, wherever in the first byte they begin.
    pub(super) fn new(simd: V3, bits: usize) -> Self {
        let second = bits / 2;
        let half = |start: usize| {
            // Both halves of a register read the same sixteen bytes, so the places are counted within them.
            let (mut places, mut shifts) = ([0x80_u8; 32], [0_u64; 4]);
            for (place, shift) in shifts.iter_mut().enumerate() {
                let bit = start + place * bits;
                *shift = (bit % 8) as u64;
                for byte in bit / 8..(bit + bits).div_ceil(8) {
                    places[place * 8 + byte - bit / 8] = byte as u8;
                }
            }
            Half { places: cast(places), shifts: cast(shifts) }
        };
        let mask = u64::from(u32::MAX >> (32 - bits.min(32)));
        Self {
            simd,
            halves: [half(0), half(4 * bits % 8)],
            second,
            mask: cast(u64x4(mask, mask, mask, mask)),
            // The coordinates come out as 0, 4, 1, 5, ...
            order: cast(u32x8(0, 2, 4, 6, 1, 3, 5, 7)),
        }
    }

    /// The residues of a group whose bytes are these and what lies behind them, `bits / 2 + 16` at least.
    #[inline(always)]
    pub(super) fn unpack(&self, bytes: &[u8], words: &mut [u32]) {
        let avx2 = self.simd.avx2;
        let [low, high] = self.halves;
        let low = self.half(low, &bytes[..Self::READ]);
        let high = self.half(high, &bytes[self.second..self.second + Self::READ]);
        let both = avx2._mm256_or_si256(low, avx2._mm256_slli_epi64::<32>(high));
        let ordered: [u32; 8] = cast(avx2._mm256_permutevar8x32_epi32(both, self.order));
        words.copy_from_slice(&ordered);
    }

    #[inline(always)]
    fn half(&self, half: Half, bytes: &[u8]) -> __m256i {
        let avx2 = self.simd.avx2;
        // PANIC: sixteen bytes were cut out.
        let bytes: [u8; Self::READ] = bytes.try_into().expect("sixteen bytes");
        let twice = avx2._mm256_broadcastsi128_si256(cast(cast::<_, u8x16>(bytes)));
        let placed = avx2._mm256_shuffle_epi8(twice, half.places);
        avx2._mm256_and_si256(avx2._mm256_srlv_epi64(placed, half.shifts), self.mask)
    }
}
