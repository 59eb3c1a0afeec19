//! Words that a test chooses.

use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use rand::{Rng, TryRng};

use super::stream;

/// Plays the words it was given, then a fair stream.
pub(super) struct Script {
    words: std::vec::IntoIter<u64>,
    then: ChaCha20Rng,
}

impl Script {
    pub(super) fn new(words: &[u64]) -> Self {
        Self { words: Vec::from(words).into_iter(), then: stream(77) }
    }

    pub(super) fn finished(&self) -> bool {
        self.words.len() == 0
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| word as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.words.next().unwrap_or_else(|| self.then.next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for bytes in bytes.chunks_mut(8) {
            bytes.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..bytes.len()]);
        }
        Ok(())
    }
}
