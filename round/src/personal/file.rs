//! A device's own layers as a file: for its owner's folder, and for whoever puts them to use there.

use murmur_privacy::Digest;
use safetensors::SafeTensorError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    checkpoint::{CheckpointError, bytes_of, metadata_of_file, read_manifest, read_model, write, write_model},
    params::{DimensionMismatch, Layout, Params},
    task::{Task, TaskHash},
};

/// What such a file says about itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnManifest {
    /// Version of the form: 1.
    version: u32,
    /// In which task they were learnt.
    own_layers_of: TaskHash,
    /// Of all values, end to end.
    sha256: Digest,
}

/// Why bytes are not a device's own layers.
#[derive(Debug, Error)]
pub enum OwnFileError {
    /// Not such a file, or not the task's tensors.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// They are of another task.
    #[error("these layers were learnt in task {found}, not in {expected}")]
    OtherTask {
        /// The task that they should be of.
        expected: TaskHash,
        /// The one that they name.
        found: TaskHash,
    },
    /// Something changed them after they were written.
    #[error("the values have digest {found}, and were written with {expected}: the file was damaged")]
    Damaged {
        /// What the file says.
        expected: Digest,
        /// What its values have.
        found: Digest,
    },
    /// A model of another task, or none with all tensors.
    #[error("the model file is of task {found}, the layers are of {expected}")]
    OtherModel {
        /// The layers' task.
        expected: TaskHash,
        /// The model's.
        found: TaskHash,
    },
    /// The task has no layers of a device's own.
    #[error("the task has no [personal] section: devices keep no layers for themselves")]
    NotPersonal,
    /// Tensors that do not make the model.
    #[error(transparent)]
    Params(#[from] DimensionMismatch),
}

impl From<SafeTensorError> for OwnFileError {
    fn from(error: SafeTensorError) -> Self {
        Self::File(error.into())
    }
}

/// The file of a device's own layers: safetensors, under the model's names.
///
/// # Errors
/// [`OwnFileError::File`] if encoding fails.
pub fn write_own(task: &TaskHash, own: &Params) -> Result<Vec<u8>, OwnFileError> {
    let sha256 = Digest::of(&bytes_of(own.values()));
    let manifest = OwnManifest { version: 1, own_layers_of: *task, sha256 };
    let tensors = own.tensors().map(|(tensor, values)| (tensor.name.clone(), tensor.shape.clone(), values));
    Ok(write(tensors, &manifest)?)
}

/// Reads what [`write_own`] wrote for this task.
///
/// # Errors
/// [`OwnFileError`], also for values that changed since.
pub fn read_own(task: &TaskHash, layout: Layout, bytes: &[u8]) -> Result<Params, OwnFileError> {
    let OwnManifest { own_layers_of: found, sha256: expected, .. } = metadata_of_file(bytes)?;
    if found != *task {
        return Err(OwnFileError::OtherTask { expected: *task, found });
    }
    let own = read_model(bytes, layout)?;
    let found = Digest::of(&bytes_of(own.values()));
    if found == expected { Ok(own) } else { Err(OwnFileError::Damaged { expected, found }) }
}

/// A whole model file with a device's own layers in the place of those that the task began with: what the device uses. `whole` is a
/// released model with all its tensors, as a run leaves it and `model export` writes it. The file is the device's own, too.
///
/// # Errors
/// [`OwnFileError`] when the files are not both this task's.
pub fn with_own(task: &Task, whole: &[u8], own: &[u8]) -> Result<Vec<u8>, OwnFileError> {
    let division = task.division().ok_or(OwnFileError::NotPersonal)?;
    let unhashed = |error: crate::task::TaskError| CheckpointError::Metadata(error.to_string());
    let (hash, manifest) = (task.hash().map_err(unhashed)?, read_manifest(whole)?);
    if manifest.task != hash {
        return Err(OwnFileError::OtherModel { expected: hash, found: manifest.task });
    }
    let own = read_own(&hash, division.own_layout().clone(), own)?;
    let model = read_model(whole, task.model.layout())?;
    let mut values = Vec::with_capacity(model.dimension());
    for (tensor, theirs) in model.tensors() {
        let mine = own.tensors().find(|(own, _)| own.name == tensor.name);
        values.extend_from_slice(mine.map_or(theirs, |(_, mine)| mine));
    }
    Ok(write_model(&Params::new(task.model.layout(), values)?, &manifest)?)
}
