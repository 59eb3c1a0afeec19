//! Symmetric laws on the integers, by inversion of one uniform deviate per sample.

use rand::Rng;

use super::{
    enclosure::Enclosure,
    fraction::{Fraction, signed},
};

/// Samples that are looked at together.
const BATCH: usize = 512;

/// What a quick look at the first 63 bits of a fraction says about the magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) magnitude: u64,
    /// Whether no further digit of the fraction can change the magnitude. If not, it is a place to start from.
    pub(super) sure: bool,
}

/// A law with `P(X = n) = P(X = -n)`, given by `T(m) = P(|X| >= m)`.
///
/// For a uniform fraction `v` let `|X|` be the largest `m` with `m = 0` or `v < T(m)`, and let the sign be a fair bit. Then
/// `P(|X| >= m) = P(v < T(m)) = T(m)`. So a sample is a function of one fair bit and of one uniform deviate, and whoever
/// computes that function without error draws the law without error.
pub(super) trait Law {
    /// A quick look at the fraction that a word begins.
    fn look(&self, word: u64) -> Look;

    /// `T(m)` for `m` from 1, enclosed the more narrowly the more bits are asked for: decides where a look is not sure.
    fn tail(&self, m: u64, bits: u64) -> Enclosure;
}

/// Independent samples. A word gives a sign and begins a fraction ([`octave`](super::fraction::octave)); digits that are asked
/// for later are drawn when the words of a batch have been looked at.
pub(super) fn draw<L: Law, R: Rng + ?Sized>(law: &L, samples: &mut [i64], rng: &mut R) {
    let mut bytes = [0_u8; 8 * BATCH];
    for samples in samples.chunks_mut(BATCH) {
        let bytes = &mut bytes[..8 * samples.len()];
        rng.fill_bytes(bytes);
        let (words, _) = bytes.as_chunks();
        // Where a quick look was not enough: the list is written without a branch, and read once in a long while.
        let (mut open, mut count) = ([0_u16; BATCH], 0);
        for (index, (sample, word)) in samples.iter_mut().zip(words).enumerate() {
            let word = u64::from_le_bytes(*word);
            let Look { magnitude, sure } = law.look(word);
            *sample = signed(magnitude, word);
            open[count] = index as u16;
            count += usize::from(!sure);
        }
        for index in open.into_iter().take(count).map(usize::from) {
            let word = u64::from_le_bytes(words[index]);
            samples[index] = signed(settle(law, word, rng), word);
        }
    }
}

/// The magnitude, decided in exact arithmetic on as many digits as it takes.
#[cold]
fn settle<L: Law, R: Rng + ?Sized>(law: &L, word: u64, rng: &mut R) -> u64 {
    let mut fraction = Fraction::begun(word);
    let mut reaches = |m: u64| m == 0 || fraction.is_below(|bits| law.tail(m, bits), rng);
    let guess = law.look(word).magnitude;
    // From the guess in growing steps until the magnitude lies in `reached..missed`.
    let (mut reached, mut missed, mut step) = (guess, guess, 1);
    if reaches(guess) {
        loop {
            missed = reached + step;
            if !reaches(missed) {
                break;
            }
            (reached, step) = (missed, 2 * step);
        }
    } else {
        loop {
            reached = missed.saturating_sub(step);
            if reaches(reached) {
                break;
            }
            (missed, step) = (reached, 2 * step);
        }
    }
    while missed - reached > 1 {
        let middle = u64::midpoint(reached, missed);
        if reaches(middle) { reached = middle } else { missed = middle }
    }
    reached
}
