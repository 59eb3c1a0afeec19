//! Is it the law that it claims to be, to the last digit?

#[path = "../../../tests/statistics/mod.rs"]
mod statistics;

mod chunks;
mod figures;
mod karney;
mod laws;
mod looks;
mod refusals;
mod script;
mod ties;

use chacha20::ChaCha20Rng;
use rand::SeedableRng;

use super::*;

fn stream(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn samples(noise: &impl IntegerNoise, count: usize, seed: u64) -> Vec<i64> {
    let mut samples = vec![0; count];
    noise.fill(&mut samples, &mut stream(seed));
    samples
}

/// The word that begins a fraction of these 63 bits, with a positive sign.
pub(super) fn word_of(bits: u64) -> u64 {
    match 62_u32.checked_sub(bits.checked_ilog2().unwrap_or(63)) {
        None => 0,
        // Its first bit that is set ends the zeros; the bits after it go to the top.
        Some(octave) => ((bits ^ (1 << (62 - octave))) << (octave + 1) << 1) | (2 << octave),
    }
}

#[test]
fn every_word_begins_one_fraction_and_every_fraction_one_word_of_each_sign() {
    use super::fraction::{first_bits, octave, signed};
    assert_eq!((first_bits(0), first_bits(1), octave(0)), (0, 0, 63));
    for bits in [0, 1, 2, 3, 5, 1 << 40, (1 << 62) - 1, 1 << 62, (1 << 62) + 1, (1 << 63) - 1] {
        assert_eq!(first_bits(word_of(bits)), bits);
        assert_eq!(first_bits(word_of(bits) | 1), bits, "the sign is no part of it");
        assert_eq!(octave(word_of(bits)), (bits.leading_zeros() - 1).min(63) as usize);
    }
    let mut rng = stream(90);
    for _ in 0..10_000 {
        let word = rand::Rng::next_u64(&mut rng);
        assert_eq!(word_of(first_bits(word)) | word & 1, word);
        assert_eq!((signed(7, word & !1), signed(7, word | 1), signed(0, 1)), (7, -7, 0));
    }
}
