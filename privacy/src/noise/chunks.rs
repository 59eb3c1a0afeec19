//! Noise by chunks, each from a stream of its own, so that neither threads nor the order of work show in the result.

use std::{num::NonZeroUsize, thread};

use chacha20::ChaCha20Rng;
use rand::{Rng, SeedableRng};

use super::{NoiseRng, Secret};

/// Coordinates per independent stream. Part of what a seed means: changing it changes every simulated model.
pub(super) const CHUNK: usize = 4096;

/// Fewest chunks for which a thread is started: that takes as long as drawing one or two.
const WORTH: usize = 8;

/// A law on the integers that can be drawn exactly.
pub trait IntegerNoise: Sync {
    /// Fills `samples` with independent samples, given that `rng` gives fair bits.
    fn fill<R: Rng + ?Sized>(&self, samples: &mut [i64], rng: &mut R);
}

/// Fills `samples` with independent samples under one fresh key, by at most `threads` threads.
///
/// # Guarantee
/// Chunk `i` of 4,096 samples comes from stream `i` under the key: the result depends on the generator's state alone, not on
/// the number of threads.
pub fn fill<N: IntegerNoise>(noise: &N, samples: &mut [i64], rng: &mut NoiseRng, threads: NonZeroUsize) {
    spread(noise, samples, rng, threads, |cell, sample| *cell = sample);
}

/// Draws one sample for each cell and hands both to `put`.
pub(crate) fn spread<N: IntegerNoise, T: Send>(
    noise: &N,
    cells: &mut [T],
    rng: &mut NoiseRng,
    threads: NonZeroUsize,
    put: impl Fn(&mut T, i64) + Sync,
) {
    let key = &rng.secret();
    let (put, chunks) = (&put, cells.len().div_ceil(CHUNK));
    let share = chunks.div_ceil(threads.get()).max(WORTH);
    let work = |first: usize, cells: &mut [T]| {
        let mut samples = vec![0; CHUNK.min(cells.len())];
        for (chunk, cells) in (first as u64..).zip(cells.chunks_mut(CHUNK)) {
            let samples = &mut samples[..cells.len()];
            noise.fill(samples, &mut stream(key, chunk));
            cells.iter_mut().zip(samples).for_each(|(cell, sample)| put(cell, *sample));
        }
    };
    thread::scope(|scope| {
        let mut parts = (0..).step_by(share).zip(cells.chunks_mut(share * CHUNK));
        // The first part is this thread's own work.
        let own = parts.next();
        for (first, cells) in parts {
            scope.spawn(move || work(first, cells));
        }
        own.into_iter().for_each(|(first, cells)| work(first, cells));
    });
}

fn stream(key: &Secret, chunk: u64) -> ChaCha20Rng {
    let mut stream = ChaCha20Rng::from_seed(*key.expose());
    stream.set_stream(chunk);
    stream
}
