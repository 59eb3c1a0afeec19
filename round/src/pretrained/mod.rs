//! What a task starts from, and what of its model is trained: the `[pretrained]` section.
//!
//! The file is public: everybody who takes part may have it, and nothing that it holds is this task's to protect. So what stays as the file
//! has it is never sent, clipped or noised: an update has coordinates for the tensors that are trained, and for no others.

mod adaptation;
mod error;
#[cfg(test)]
mod tests;

pub use adaptation::{Adaptation, Part};
pub use error::{PretrainedError, PretrainedFileError};

use murmur_privacy::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    model::{DIMENSION_LIMIT, ModelSpec},
    params::ParameterShape,
    personal::Personal,
};

/// What a file may hold beside the model's own numbers: names, a manifest, tensors of other layers.
const BESIDE: usize = 1 << 20;
/// Longest path of a file, in bytes.
pub(crate) const PATH_LIMIT: usize = 255;

/// A safetensors file whose tensors have the model's own names and shapes (PyTorch's), and what becomes of them.
///
/// Tensors are named in full, or by everything before a dot: `hidden.0` is `hidden.0.weight` and `hidden.0.bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pretrained {
    /// Where it lies, seen from the task file. Whoever has it elsewhere says so: what counts are its bytes.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Tensors that are not taken from the file but drawn, as without one: a new output layer, say. They are trained whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<String>,
    /// Tensors that stay as the file has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Everything from the file stays as it is, and matrices get adapters, which are trained in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<Lora>,
}

/// Adapters of low rank (Hu et al. 2021, 2106.09685, section 4.1): in the place of a matrix `W` (`[outputs, inputs]`) the model has
/// `W + (alpha / rank) B A`, of which `A` (`[rank, inputs]`, drawn) and `B` (`[outputs, rank]`, zero at first) are trained and sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    /// Rows of `A`: how many directions a matrix may move in.
    pub rank: usize,
    /// How much an adapter counts, times the rank.
    pub alpha: f32,
}

impl Lora {
    /// What the product of the adapters is multiplied by.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.alpha / self.rank as f32
    }
}

/// What becomes of one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Trained,
    Frozen,
    Adapted,
}

impl Pretrained {
    /// Whether something of the file stays as it is: then whoever trains must know of it ([`Trainer::adapt`](crate::trainer::Trainer::adapt)).
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.freeze.is_empty() || self.lora.is_some()
    }

    fn is_fresh(&self, tensor: &str) -> bool {
        self.fresh.iter().any(|name| means(name, tensor))
    }

    pub(crate) fn is_frozen(&self, tensor: &str) -> bool {
        self.freeze.iter().any(|name| means(name, tensor))
    }

    /// What is a device's own is trained whole, where it would get an adapter otherwise.
    fn role(&self, tensor: &ParameterShape, personal: Option<&Personal>) -> Role {
        let whole = self.is_fresh(&tensor.name) || personal.is_some_and(|personal| personal.is_own(&tensor.name));
        match (whole, self.is_frozen(&tensor.name), self.lora) {
            (true, ..) | (false, false, None) => Role::Trained,
            (false, false, Some(_)) if tensor.shape.len() == 2 => Role::Adapted,
            (false, ..) => Role::Frozen,
        }
    }

    /// The tensors that are trained, in the model's order; an adapted one is there by its two adapters, under the names that PEFT has.
    pub(crate) fn trained(&self, model: &ModelSpec, personal: Option<&Personal>) -> Vec<ParameterShape> {
        let mut shapes = Vec::new();
        for tensor in model.layout().tensors() {
            match (self.role(tensor, personal), self.lora, tensor.shape.as_slice()) {
                (Role::Trained, ..) => shapes.push(tensor.clone()),
                (Role::Adapted, Some(Lora { rank, .. }), &[outputs, inputs]) => {
                    let (layer, suffix) = match tensor.name.strip_suffix(".weight") {
                        Some(layer) => (layer, ".weight"),
                        None => (tensor.name.as_str(), ""),
                    };
                    let named = |which| format!("{layer}.{which}{suffix}");
                    shapes.push(ParameterShape { name: named("lora_A"), shape: vec![rank, inputs] });
                    shapes.push(ParameterShape { name: named("lora_B"), shape: vec![outputs, rank] });
                }
                _ => {}
            }
        }
        shapes
    }

    /// Checks that the section fits the task's model, which is valid.
    ///
    /// # Errors
    /// [`PretrainedError`] naming the key at fault.
    pub(crate) fn validate(&self, model: &ModelSpec, personal: Option<&Personal>) -> Result<(), PretrainedError> {
        if self.file.is_empty() || self.file.len() > PATH_LIMIT || self.file.chars().any(char::is_control) {
            return Err(PretrainedError::File { file: self.file.clone() });
        }
        let layout = model.layout();
        for (key, names) in [("fresh", &self.fresh), ("freeze", &self.freeze)] {
            let nothing = |name: &&String| !layout.tensors().iter().any(|tensor| means(name, &tensor.name));
            if let Some(name) = names.iter().find(nothing) {
                let tensors = layout.tensors().iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>();
                return Err(PretrainedError::NoSuchTensor { key, name: name.clone(), tensors: tensors.join(", ") });
            }
        }
        let both = |tensor: &&ParameterShape| self.is_fresh(&tensor.name) && self.is_frozen(&tensor.name);
        if let Some(tensor) = layout.tensors().iter().find(both) {
            return Err(PretrainedError::FreshAndFrozen { name: tensor.name.clone() });
        }
        if let Some(Lora { rank, alpha }) = self.lora {
            if rank == 0 || rank > DIMENSION_LIMIT {
                return Err(PretrainedError::Rank { rank });
            }
            if !(alpha > 0.0 && alpha.is_finite()) {
                return Err(PretrainedError::Alpha { alpha });
            }
        }
        if self.is_partial() && matches!(model, ModelSpec::External { .. }) {
            return Err(PretrainedError::External);
        }
        let size =
            |tensor: &ParameterShape| tensor.shape.iter().try_fold(1_usize, |size, &more| size.checked_mul(more));
        let trained = self.trained(model, personal);
        match trained.iter().try_fold(0_usize, |total, tensor| total.checked_add(size(tensor)?)) {
            Some(0) => Err(PretrainedError::NothingTrained),
            Some(dimension) if dimension <= DIMENSION_LIMIT => Ok(()),
            _ => Err(PretrainedError::TooManyAdapters),
        }
    }

    /// The longest that the file of this model may be, in bytes: it goes to every device that trains a part only.
    #[must_use]
    pub fn longest_file(model: &ModelSpec) -> usize {
        model.layout().dimension().saturating_mul(8).saturating_add(BESIDE)
    }
}

/// Whether a written name means a tensor: its own name, or everything before a dot of it.
pub(crate) fn means(written: &str, tensor: &str) -> bool {
    tensor.strip_prefix(written).is_some_and(|rest| !written.is_empty() && (rest.is_empty() || rest.starts_with('.')))
}
