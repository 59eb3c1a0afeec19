//! Sixteen packed coordinates at a time, with the permutations of AVX-512.

use std::arch::x86_64::__m512i;

use pulp::{cast, u8x64, x86::V4};

/// How sixteen coordinates of a width lie in the bytes of their two groups: eight in 64 bits each, and then the other eight.
#[derive(Clone, Copy)]
pub(super) struct Wide {
    simd: V4,
    halves: [Half; 2],
    order: __m512i,
    mask: __m512i,
}

/// Eight coordinates, each to be in 64 bits of its own.
#[derive(Clone, Copy)]
struct Half {
    /// Which of the thirty-two pairs of bytes go where.
    places: __m512i,
    /// Bits below each coordinate then.
    shifts: __m512i,
}

impl Wide {
    /// Bytes that are read for sixteen coordinates.
    pub(super) const READ: usize = 64;

    /// For coordinates of `bits` bits, 32 at most: then sixteen of them lie within 64 bytes, and each within four pairs of them.
    pub(super) fn new(simd: V4, bits: usize) -> Self {
        let half = |first: usize| {
            let (mut places, mut shifts) = ([0_u16; 32], [0_u64; 8]);
            for (place, shift) in shifts.iter_mut().enumerate() {
                let bit = (first + place) * bits;
                *shift = (bit % 16) as u64;
                for pair in 0..4 {
                    // Behind the last pair the first ones come again; of them no bit is kept.
                    places[place * 4 + pair] = ((bit / 16 + pair) % 32) as u16;
                }
            }
            Half { places: cast(places), shifts: cast(shifts) }
        };
        // Of both halves the lower 32 bits of every 64.
        let order: [u32; 16] = std::array::from_fn(|place| 2 * place as u32);
        let mask = u32::MAX >> (32 - bits.min(32));
        Self { simd, halves: [half(0), half(8)], order: cast(order), mask: cast([mask; 16]) }
    }

    /// The residues of two groups whose bytes, and what lies behind them, these are.
    #[inline(always)]
    pub(super) fn unpack(&self, bytes: &[u8], words: &mut [u32]) {
        // PANIC: sixty-four bytes are handed in.
        let bytes: [u8; Self::READ] = bytes.try_into().expect("sixty-four bytes");
        let bytes = cast(cast::<_, u8x64>(bytes));
        let [low, high] = self.halves;
        let (low, high) = (self.half(low, bytes), self.half(high, bytes));
        let avx512 = self.simd.avx512f;
        let both = avx512._mm512_permutex2var_epi32(low, self.order, high);
        let residues: [u32; 16] = cast(avx512._mm512_and_si512(both, self.mask));
        words.copy_from_slice(&residues);
    }

    #[inline(always)]
    fn half(&self, half: Half, bytes: __m512i) -> __m512i {
        let placed = self.simd.avx512bw._mm512_permutexvar_epi16(half.places, bytes);
        self.simd.avx512f._mm512_srlv_epi64(placed, half.shifts)
    }
}
