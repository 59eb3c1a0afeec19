//! Fresh noise for each place of a block, derived from its secret.

use chacha20::ChaCha20Rng;
use rand::SeedableRng;
use sha2::{Digest as _, Sha256};

use crate::noise::{IntegerNoise, RoundedGaussian, Secret};

/// Coordinates per independent stream of bits.
const CHUNK: usize = 4096;

/// Draws independent rounded Gaussians: the same ones as often as it is asked.
pub(super) struct Source {
    key: [u8; 32],
    dimension: usize,
}

impl Source {
    /// The secret may decide other things too: the key is a hash of it under a name of its own.
    pub(super) fn new(secret: &Secret, dimension: usize) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"murmur correlated noise");
        hasher.update([super::STREAM_VERSION]);
        hasher.update(secret.expose());
        Self { key: hasher.finalize().into(), dimension }
    }

    /// One sample for each coordinate: those of `place`, or in a tree of the node on `level` that `place` completes.
    ///
    /// Each chunk of coordinates has a ChaCha20 stream of its own, numbered by place, level (less than 2^8) and chunk (less than 2^24,
    /// as a grid has at most 2^32 coordinates).
    pub(super) fn draw(&self, place: u32, level: u8, noise: &RoundedGaussian) -> Vec<i64> {
        let mut samples = vec![0; self.dimension];
        for (chunk, samples) in (0_u64..).zip(samples.chunks_mut(CHUNK)) {
            let mut stream = ChaCha20Rng::from_seed(self.key);
            stream.set_stream(u64::from(place) << 32 | u64::from(level) << 24 | chunk);
            noise.fill(samples, &mut stream);
        }
        samples
    }
}
