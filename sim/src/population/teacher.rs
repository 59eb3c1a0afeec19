//! Examples of arithmetic only: standard normal inputs, labelled by a random linear teacher that all devices share.
//!
//! The data law of the comparison with other simulators (`murmur-sim bench train`): it costs nothing to describe and has no structure
//! that a model could be clever about.

use chacha20::ChaCha20Rng;
use murmur_client::{Examples, data::ExampleError};
use murmur_round::model::ModelSpec;
use rand::SeedableRng;
use rand_distr::{Distribution as _, StandardNormal};
use sha2::{Digest, Sha256};

/// The teacher of a population, for the model's own inputs and classes.
pub(super) struct Teacher {
    seed: u64,
    shape: [usize; 3],
    /// One column of weights for each class.
    weights: Vec<Vec<f32>>,
}

/// Whose examples they are. No number of a device is that of the test set.
pub(super) enum Pupil {
    Device(u64),
    Test,
}

impl Teacher {
    pub(super) fn new(seed: u64, model: &ModelSpec) -> Self {
        let (shape, mut chance) = (model.input().unwrap_or_default(), chance(seed, b"teacher", 0));
        let width = shape.iter().product();
        let weights = (0..model.classes().unwrap_or_default()).map(|_| normals(width, &mut chance)).collect();
        Self { seed, shape, weights }
    }

    /// The examples of one device: a function of the seed and its number.
    pub(super) fn examples(&self, pupil: &Pupil, count: usize) -> Result<Examples, ExampleError> {
        let mut chance = match pupil {
            Pupil::Device(index) => chance(self.seed, b"device", *index),
            Pupil::Test => chance(self.seed, b"test", 0),
        };
        let width: usize = self.shape.iter().product();
        let inputs = normals(count * width, &mut chance);
        let labels = inputs.chunks_exact(width).map(|input| self.label(input)).collect();
        Examples::new(self.shape, inputs, labels)
    }

    /// The class whose weights agree most with the input; ties go to the first.
    fn label(&self, input: &[f32]) -> u32 {
        let score = |weights: &Vec<f32>| -> f32 { weights.iter().zip(input).map(|(weight, x)| weight * x).sum() };
        let (mut best, mut label) = (f32::NEG_INFINITY, 0);
        for (class, weights) in (0..).zip(&self.weights) {
            let score = score(weights);
            if score > best {
                (best, label) = (score, class);
            }
        }
        label
    }
}

fn normals(count: usize, chance: &mut ChaCha20Rng) -> Vec<f32> {
    StandardNormal.sample_iter(chance).take(count).collect()
}

fn chance(seed: u64, what: &[u8], index: u64) -> ChaCha20Rng {
    let mut hasher = Sha256::new();
    hasher.update(b"murmur teacher v1");
    hasher.update(seed.to_le_bytes());
    hasher.update(index.to_le_bytes());
    hasher.update(what);
    ChaCha20Rng::from_seed(hasher.finalize().into())
}
