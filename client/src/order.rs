//! In which order a device visits its examples.

use chacha20::ChaCha20Rng;
use murmur_round::plan::ShuffleSeed;
use rand::{Rng, SeedableRng};

/// The order of a device's examples, fixed by a seed; overwritten from device to device.
#[derive(Debug, Default)]
pub(crate) struct Order {
    examples: Vec<usize>,
    chance: Option<ChaCha20Rng>,
}

impl Order {
    /// For so many examples, from this seed on.
    pub(crate) fn begin(&mut self, count: usize, seed: ShuffleSeed) {
        self.examples.clear();
        self.examples.extend(0..count);
        self.chance = Some(ChaCha20Rng::from_seed(seed.0));
    }

    /// The order of the next epoch: a Fisher-Yates shuffle of the order before it.
    pub(crate) fn epoch(&mut self) -> &[usize] {
        let Some(chance) = &mut self.chance else { return &[] };
        for last in (1..self.examples.len()).rev() {
            // Bias below 2^-32 per example: the order need not be perfectly uniform, only fixed by the seed.
            let other = (u128::from(chance.next_u64()) * (last as u128 + 1)) >> 64;
            self.examples.swap(last, other as usize);
        }
        &self.examples
    }
}
