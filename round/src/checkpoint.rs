//! A model file and the optimiser state beside it, as bytes. Where they are kept is the driver's business.

use std::collections::HashMap;

use murmur_privacy::{Digest, units::Clip};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    evaluation::ReleasedEvaluation,
    founding::Founding,
    guarantee::Guarantee,
    measure::ReleasedMetrics,
    optimizer::{Averaging, OptimizerState, Server},
    params::{Layout, Params},
    pretrained::PretrainedFileError,
    proximal::ProximalState,
    task::{Task, TaskHash},
};

/// The one key of a file's metadata; safetensors writes several in no fixed order.
const METADATA: &str = "murmur";

/// What a model file says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the manifest: 1.
    pub version: u32,
    /// Hash of the task.
    pub task: TaskHash,
    /// Name of the task.
    pub name: String,
    /// Whose data it was trained on.
    pub population: String,
    /// Number of the round that released it; absent for the initial model. Numbers of abandoned rounds are left out.
    pub round: Option<u32>,
    /// What is promised, up to and including this round.
    pub guarantee: Guarantee,
    /// Head of the population's ledger when the round was paid for; for the initial model, when the task was reserved.
    pub ledger_head: Digest,
    /// What it was paid from: a ledger that was lost is set up again from here. Absent from models of before this was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founding: Option<Founding>,
    /// The clip of the round that begins with this model.
    pub clip: Clip,
    /// Where FedProx's pull stands, where that is adaptive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proximal: Option<ProximalState>,
    /// What the round said about the model before this one; absent where the task does not measure.
    pub metrics: Option<ReleasedMetrics>,
    /// What an evaluation's rounds said so far; absent where the task trains. The model is then the one that the task began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<ReleasedEvaluation>,
    /// Which average of released models the file holds; absent where it is the one that the round released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<Averaging>,
    /// SHA-256 of the file that was released, where that holds a part of the model only and this is the whole of it: what was trained, put
    /// together with what stayed as the task's pretrained file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_together_from: Option<Digest>,
    /// Tensors that each device has of its own (`[personal]`), where the file was put together: here they are as the task began with them,
    /// and nothing was learnt in them. Empty where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_layers: Vec<String>,
}

/// A model ready to be stored: file contents and their names.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The model file: safetensors, PyTorch's names and shapes, with its [`Manifest`]. Where only a part of the model is trained, it
    /// holds that part.
    pub model: Vec<u8>,
    /// SHA-256 of the model file: the model's name.
    pub digest: Digest,
    /// What the server optimiser remembers after this model: safetensors. Post-processing of releases, not secret.
    pub optimizer: Vec<u8>,
}

/// Bytes that are not the checkpoint expected.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// Not a safetensors file, or one that could not be written.
    #[error("not a readable safetensors file: {0}")]
    SafeTensors(safetensors::SafeTensorError),
    /// A tensor is missing or of another shape or type.
    #[error("tensor {name:?} is missing or not f32 of shape {shape:?}")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// Shape expected.
        shape: Vec<usize>,
    },
    /// The file that the task starts from is needed, and is not at hand.
    #[error(transparent)]
    Pretrained(Box<PretrainedFileError>),
    /// No manifest, or an unreadable one.
    #[error("the file's metadata is not Murmur's: {0}")]
    Metadata(String),
    /// The file is not the one the ledger names.
    #[error("the model file has digest {found}, the ledger names {expected}")]
    Digest {
        /// What the ledger says.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
}

impl From<safetensors::SafeTensorError> for CheckpointError {
    fn from(error: safetensors::SafeTensorError) -> Self {
        Self::SafeTensors(error)
    }
}

impl Checkpoint {
    /// Encodes a model and its optimiser state.
    ///
    /// # Errors
    /// [`CheckpointError::SafeTensors`] if encoding fails.
    pub fn encode(params: &Params, state: &OptimizerState, manifest: &Manifest) -> Result<Self, CheckpointError> {
        let model = write_model(params, manifest)?;
        let slots = state.slots.iter().enumerate();
        let slots = slots.map(|(index, values)| (slot_name(index), vec![values.len()], values.as_slice()));
        let optimizer = write(slots, &state.steps)?;
        Ok(Self { digest: Digest::of(&model), model, optimizer })
    }

    /// Decodes what a previous process stored, checking every name, shape and the model's digest: parameters, optimiser state and the
    /// manifest, which says with what clip and pull to go on.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn decode(&self, task: &Task, expected: Digest) -> Result<(Params, OptimizerState, Manifest), CheckpointError> {
        let found = Digest::of(&self.model);
        if found != expected {
            return Err(CheckpointError::Digest { expected, found });
        }
        let params = read_model(&self.model, task.shared_layout())?;
        let (_, metadata) = SafeTensors::read_metadata(&self.optimizer)?;
        let steps = metadata_of(metadata.metadata().as_ref())?;
        let file = SafeTensors::deserialize(&self.optimizer)?;
        let slots = (0..task.server().map_or(0, Server::slot_count))
            .map(|index| read_tensor(&file, &slot_name(index), &[params.dimension()]))
            .collect::<Result<_, _>>()?;
        Ok((params, OptimizerState { steps, slots }, read_manifest(&self.model)?))
    }
}

impl Checkpoint {
    /// The average of the models released so far as a model file, where the task asks for one and there is a model. Its manifest is that
    /// of the last released model: averaging released models costs nothing.
    ///
    /// # Errors
    /// [`CheckpointError`], as for [`decode`](Self::decode).
    pub fn averaged(&self, task: &Task) -> Result<Option<Vec<u8>>, CheckpointError> {
        let Some(server) = task.server() else { return Ok(None) };
        let (params, state, manifest) = self.decode(task, self.digest)?;
        let Some(params) = server.averaged(&state, &params) else { return Ok(None) };
        let manifest = Manifest { average: server.average, ..manifest };
        Ok(Some(write_model(&params, &manifest)?))
    }
}

/// Reads the parameters of a model file.
///
/// # Errors
/// [`CheckpointError`] when a tensor of the layout is missing or has another shape.
pub fn read_model(bytes: &[u8], layout: Layout) -> Result<Params, CheckpointError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut values = Vec::with_capacity(layout.dimension());
    for tensor in layout.tensors() {
        values.extend(read_tensor(&file, &tensor.name, &tensor.shape)?);
    }
    Params::new(layout, values).map_err(|error| CheckpointError::Metadata(error.to_string()))
}

/// Reads the manifest of a model file.
///
/// # Errors
/// [`CheckpointError`] when the file is no model of ours.
pub fn read_manifest(bytes: &[u8]) -> Result<Manifest, CheckpointError> {
    metadata_of_file(bytes)
}

/// What a file of ours says about itself.
pub(crate) fn metadata_of_file<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, CheckpointError> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    metadata_of(metadata.metadata().as_ref())
}

/// Reads the manifest from the head of a model file: JSON, without the length before it and the tensors after it.
///
/// # Errors
/// [`CheckpointError::Metadata`] when the file is no model of ours.
pub fn read_head(head: &[u8]) -> Result<Manifest, CheckpointError> {
    /// What the format says of a file as a whole.
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "__metadata__")]
        metadata: Option<HashMap<String, String>>,
    }
    let head: Head = serde_json::from_slice(head).map_err(|error| CheckpointError::Metadata(error.to_string()))?;
    metadata_of(head.metadata.as_ref())
}

fn slot_name(index: usize) -> String {
    format!("slot.{index}")
}

fn metadata_of<T: for<'de> Deserialize<'de>>(metadata: Option<&HashMap<String, String>>) -> Result<T, CheckpointError> {
    let text = metadata.and_then(|map| map.get(METADATA));
    let text = text.ok_or_else(|| CheckpointError::Metadata(format!("no key {METADATA:?}")))?;
    serde_json::from_str(text).map_err(|error| CheckpointError::Metadata(error.to_string()))
}

/// The file of a model: safetensors, with its manifest.
///
/// # Errors
/// [`CheckpointError::SafeTensors`] if encoding fails.
pub fn write_model(params: &Params, manifest: &Manifest) -> Result<Vec<u8>, CheckpointError> {
    write(params.tensors().map(|(tensor, values)| (tensor.name.clone(), tensor.shape.clone(), values)), manifest)
}

/// A safetensors file of these tensors that says this about itself.
pub(crate) fn write<'a>(
    tensors: impl Iterator<Item = (String, Vec<usize>, &'a [f32])>,
    metadata: &impl Serialize,
) -> Result<Vec<u8>, CheckpointError> {
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> =
        tensors.map(|(name, shape, values)| (name, shape, bytes_of(values))).collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, CheckpointError>>()?;
    let text = serde_json::to_string(metadata).map_err(|error| CheckpointError::Metadata(error.to_string()))?;
    Ok(safetensors::serialize(views, Some(HashMap::from([(METADATA.to_owned(), text)])))?)
}

/// Little-endian, as safetensors has them.
pub(crate) fn bytes_of(values: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(values)];
    let (words, _) = bytes.as_chunks_mut::<4>();
    words.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_le_bytes());
    bytes
}

fn read_tensor(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
    let wrong = || CheckpointError::Tensor { name: name.to_owned(), shape: shape.to_vec() };
    let view = file.tensor(name).map_err(|_| wrong())?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        return Err(wrong());
    }
    let (words, _) = view.data().as_chunks::<4>();
    Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
}
