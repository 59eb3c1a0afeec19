//! Random numbers by plain arithmetic only, so that every machine draws the same people.

use chacha20::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of draws named by what it is for; equal names give equal streams, and no two names share one.
pub(crate) struct Chance(ChaCha20Rng);

impl Chance {
    /// The stream named by `parts`. Each part is hashed with its length, so that parts cannot run into each other.
    pub(crate) fn named(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(ChaCha20Rng::from_seed(hasher.finalize().into()))
    }

    /// Uniform in [0, 1), on a grid of 2^24 points.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// Uniform between `low` and `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Bell-shaped with standard deviation `spread`, never beyond 3 of them: a sum of three uniforms.
    pub(crate) fn bell(&mut self, spread: f32) -> f32 {
        // Three uniforms have variance 1/4 together.
        (self.unit() + self.unit() + self.unit() - 1.5) * 2.0 * spread
    }

    /// Uniform among `0..choices`, for the small numbers that are needed here.
    pub(crate) fn pick(&mut self, choices: usize) -> usize {
        ((u64::from(self.0.next_u32()) * choices as u64) >> 32) as usize
    }

    /// Any 32 bits.
    pub(crate) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Fills `bytes` uniformly.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
