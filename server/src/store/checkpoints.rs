//! Models and the optimiser states beside them, as files: `models/<digest>.safetensors`, `models/<digest>.optimizer.safetensors`.

use std::path::{Path, PathBuf};

use murmur_privacy::Digest;
use murmur_round::checkpoint::Checkpoint;

use super::{
    StoreError,
    disk::{Disk, read},
};

/// A folder of checkpoints. A file is durable before anybody is told that it is there.
#[derive(Debug)]
pub(super) struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Opens the folder below `parent`, making it when it is not there.
    pub(super) fn open(disk: &mut Disk, parent: &Path) -> Result<Self, StoreError> {
        let checkpoints = Self::of(parent);
        disk.create_folder(&checkpoints.folder)?;
        Ok(checkpoints)
    }

    /// The folder below `parent`, whether it is there or not.
    pub(super) fn of(parent: &Path) -> Self {
        Self { folder: parent.join("models") }
    }

    pub(super) fn model_path(&self, model: &Digest) -> PathBuf {
        self.folder.join(format!("{model}.safetensors"))
    }

    fn optimizer_path(&self, model: &Digest) -> PathBuf {
        self.folder.join(format!("{model}.optimizer.safetensors"))
    }

    pub(super) fn put(&self, disk: &mut Disk, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let (expected, found) = (checkpoint.digest, Digest::of(&checkpoint.model));
        if expected != found {
            return Err(StoreError::Misnamed { expected, found });
        }
        // The model last: where its file is, the optimiser's is too.
        disk.put(&self.optimizer_path(&expected), &checkpoint.optimizer)?;
        disk.put(&self.model_path(&expected), &checkpoint.model)
    }

    pub(super) fn get(&self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        let files = (read(&self.model_path(model))?, read(&self.optimizer_path(model))?);
        Ok(match files {
            (Some(bytes), Some(optimizer)) => Some(Checkpoint { model: bytes, digest: *model, optimizer }),
            _ => None,
        })
    }
}
