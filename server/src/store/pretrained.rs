//! Files that tasks start from: `pretrained/<sha256>.safetensors`. They are public, and come from operators.

use std::path::{Path, PathBuf};

use murmur_privacy::Digest;

use super::{
    StoreError,
    disk::{Disk, read},
};

/// A folder of such files.
#[derive(Debug)]
pub(super) struct PretrainedFiles {
    folder: PathBuf,
}

impl PretrainedFiles {
    /// The folder below `parent`, whether it is there or not.
    pub(super) fn of(parent: &Path) -> Self {
        Self { folder: parent.join("pretrained") }
    }

    fn path(&self, sha256: &Digest) -> PathBuf {
        self.folder.join(format!("{sha256}.safetensors"))
    }

    /// Keeps a file durably under its digest.
    pub(super) fn put(&self, disk: &mut Disk, file: &[u8]) -> Result<Digest, StoreError> {
        let sha256 = Digest::of(file);
        disk.create_folder(&self.folder)?;
        disk.put(&self.path(&sha256), file)?;
        Ok(sha256)
    }

    /// The file of this digest, if it is there.
    pub(super) fn get(&self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(file) = read(&self.path(sha256))? else { return Ok(None) };
        let (expected, found) = (*sha256, Digest::of(&file));
        if expected == found { Ok(Some(file)) } else { Err(StoreError::Misnamed { expected, found }) }
    }
}

/// Keeps a file that a task starts from in a data directory, durably, beside whoever serves from there; again is fine.
///
/// # Errors
/// [`StoreError`].
pub fn keep_pretrained(folder: &Path, file: &[u8]) -> Result<Digest, StoreError> {
    PretrainedFiles::of(folder).put(&mut Disk::default(), file)
}
