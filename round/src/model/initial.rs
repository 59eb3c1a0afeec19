//! The first parameters of a model, drawn from the model's own description.

use chacha20::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::{Initial, ModelSpec};
use crate::params::Params;

impl ModelSpec {
    /// The parameters that round 0 starts from.
    ///
    /// They depend on the `[model]` section and nothing else, so that two tasks which differ only in privacy start
    /// from the same model and a device can check the first model it is given. Softmax regression starts at zero (its
    /// loss is convex); other weights are uniform with variance `2 / fan_in` before a ReLU (He et al. 2015, eq. 10)
    /// and `1 / fan_in` in the output layer; biases are zero. Of a language model, embeddings have variance 1, the weights of a normalisation are 1, and all
    /// matrices have `1 / fan_in` but for those before a ReLU. An app says for each of its own tensors. No device's data are involved: this is public.
    #[must_use]
    pub fn initial(&self) -> Params {
        let mut params = Params::zeros(self.layout());
        if matches!(self, Self::Linear { .. }) {
            return params;
        }
        // PANIC: a ModelSpec is plain strings and integers, which JSON can always hold.
        let description = serde_json::to_vec(self).expect("a model section serialises");
        let mut rng = ChaCha20Rng::from_seed(Sha256::digest(description).into());
        let layout = params.layout().clone();
        let mut rest = params.values_mut();
        for tensor in layout.tensors() {
            let (values, tail) = rest.split_at_mut(tensor.len());
            rest = tail;
            let limit = match self.initial_of(&tensor.name) {
                Some(Initial::Zeros) => continue,
                Some(Initial::Ones) => {
                    values.fill(1.0);
                    continue;
                }
                Some(Initial::Uniform(limit)) => limit,
                // What is normalised stays as it is at first.
                None if tensor.name.contains("norm") && tensor.name.ends_with(".weight") => {
                    values.fill(1.0);
                    continue;
                }
                None if tensor.shape.len() == 1 => continue,
                None => {
                    let fan_in: usize = tensor.shape[1..].iter().product();
                    let (gain, fan_in) = match tensor.name.split('.').next() {
                        Some("embedding" | "position") => (1.0, 1),
                        Some("output" | "gru") => (1.0, fan_in),
                        Some("encoder") if !tensor.name.ends_with("linear1.weight") => (1.0, fan_in),
                        _ => (2.0, fan_in),
                    };
                    (3.0 * gain / fan_in as f32).sqrt()
                }
            };
            for value in values {
                *value = limit * symmetric(rng.next_u32());
            }
        }
        params
    }

    /// What an app says about a tensor of its own.
    fn initial_of(&self, name: &str) -> Option<Initial> {
        let Self::External { tensors, .. } = self else { return None };
        tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.initial)
    }
}

/// Uniform in (-1, 1) on a grid of 2^24 points that is symmetric about zero.
pub(crate) fn symmetric(word: u32) -> f32 {
    let step = (word >> 8) as f32;
    (step + 0.5) / 8_388_608.0 - 1.0
}
