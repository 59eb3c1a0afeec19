//! Eight packed coordinates at a time, with plain loads.

/// Where each of eight coordinates of a width begins in the bytes of their group: always at the same bits, so that is worked out once.
#[derive(Clone, Copy)]
pub(super) struct Loads {
    places: [(usize, u32); 8],
    mask: u32,
}

impl Loads {
    /// Every load reads eight bytes, the last one of a group up to this many behind it.
    pub(super) const BEHIND: usize = 9;

    /// For coordinates of `bits` bits, 32 at most.
    pub(super) fn new(bits: usize) -> Self {
        let places = std::array::from_fn(|place| (place * bits / 8, (place * bits % 8) as u32));
        Self { places, mask: u32::MAX >> (32 - bits.min(32)) }
    }

    /// The residues of a group whose bytes are these and [`BEHIND`](Self::BEHIND) more.
    #[inline(always)]
    pub(super) fn unpack(&self, bytes: &[u8], words: &mut [u32]) {
        for (word, (byte, shift)) in words.iter_mut().zip(self.places) {
            // PANIC: the byte is the group's, and there are eight behind it.
            let load: [u8; 8] = bytes[byte..byte + 8].try_into().expect("eight bytes");
            *word = (u64::from_le_bytes(load) >> shift) as u32 & self.mask;
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;
    use pulp::x86::{V3, V4};

    use super::{
        super::{lanes::Lanes, wide::Wide},
        *,
    };

    proptest! {
        #[test]
        fn shuffles_find_what_loads_find(bytes: [u8; 41]) {
            let Some(simd) = V3::try_new() else {
                println!("skipped: this processor has no AVX2");
                return Ok(());
            };
            for bits in 1..=32 {
                let (mut found, mut expected) = ([0; 8], [0; 8]);
                Lanes::new(simd, bits).unpack(&bytes[..bits / 2 + Lanes::READ], &mut found);
                Loads::new(bits).unpack(&bytes[..bits + Loads::BEHIND], &mut expected);
                prop_assert_eq!(found, expected, "{} bits", bits);
            }
        }

        #[test]
        fn permutations_find_what_loads_find(bytes: [u8; 73]) {
            let Some(simd) = V4::try_new() else {
                println!("skipped: this processor has no AVX-512");
                return Ok(());
            };
            for bits in 1..=32 {
                let (mut found, mut expected) = ([0; 16], [0; 16]);
                Wide::new(simd, bits).unpack(&bytes[..Wide::READ], &mut found);
                for (group, expected) in expected.chunks_exact_mut(8).enumerate() {
                    Loads::new(bits).unpack(&bytes[group * bits..][..bits + Loads::BEHIND], expected);
                }
                prop_assert_eq!(found, expected, "{} bits", bits);
            }
        }
    }
}
