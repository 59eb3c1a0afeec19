//! Models and the optimiser states beside them, as files: `models/<digest>.safetensors`, `models/<digest>.optimizer.safetensors`.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use murmur_privacy::Digest;
use murmur_round::checkpoint::{Checkpoint, Manifest, read_head};

use super::{
    StoreError,
    disk::{Disk, at, read},
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

    /// What every model states, read from the heads of the files alone.
    pub(super) fn manifests(&self) -> Result<Vec<(Digest, Manifest)>, StoreError> {
        let mut manifests = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(at(&self.folder))? {
            let path = entry.map_err(at(&self.folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // Optimiser states have another name, and so has a file that is being written.
            let Some(Ok(digest)) = name.strip_suffix(".safetensors").map(str::parse::<Digest>) else { continue };
            if let Ok(manifest) = read_head(&head(&path)?) {
                manifests.push((digest, manifest));
            }
        }
        manifests.sort_by_key(|(digest, _)| *digest);
        Ok(manifests)
    }

    /// What one model states, and the length of its file.
    pub(super) fn manifest(&self, model: &Digest) -> Result<Option<(Manifest, u64)>, StoreError> {
        let path = self.model_path(model);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        Ok(read_head(&head(&path)?).ok().map(|manifest| (manifest, length)))
    }

    pub(super) fn get(&self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        let files = (read(&self.model_path(model))?, read(&self.optimizer_path(model))?);
        Ok(match files {
            (Some(bytes), Some(optimizer)) => Some(Checkpoint { model: bytes, digest: *model, optimizer }),
            _ => None,
        })
    }
}

/// The head of a safetensors file, which begins with its length in eight bytes.
fn head(path: &Path) -> Result<Vec<u8>, StoreError> {
    /// No manifest comes near it: what says that it is longer is no model of ours.
    const LONGEST: u64 = 16 << 20;
    let mut file = File::open(path).map_err(at(path))?;
    let (mut length, mut bytes) = (Vec::new(), Vec::new());
    file.by_ref().take(8).read_to_end(&mut length).map_err(at(path))?;
    let length = length.as_slice().try_into().map_or(0, u64::from_le_bytes);
    file.take(length.min(LONGEST)).read_to_end(&mut bytes).map_err(at(path))?;
    Ok(bytes)
}
