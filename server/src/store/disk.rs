//! The few steps from which durability is made, each under its file's name in every error.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::StoreError;
use crate::failpoint::reached;

/// The file system. In tests it remembers every step, so that their order can be seen.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) steps: Vec<String>,
}

impl Disk {
    /// Remembers a step, for tests.
    #[cfg_attr(not(test), expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "only tests look"))]
    pub(super) fn note(&mut self, _step: &str, _path: &Path) {
        #[cfg(test)]
        {
            let name = _path.file_name().unwrap_or_default().to_string_lossy();
            self.steps.push(format!("{_step} {name}"));
        }
    }

    /// Makes a folder (its parent exists) and its name durable.
    pub(super) fn create_folder(&mut self, folder: &Path) -> Result<(), StoreError> {
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            result => result.map_err(at(folder))?,
        }
        // Also when it was there: an earlier process may have died before this step.
        self.sync_parent(folder)
    }

    /// Makes the names inside a path's parent durable.
    pub(super) fn sync_parent(&mut self, path: &Path) -> Result<(), StoreError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(at(parent))?;
        self.note("sync folder of", path);
        Ok(())
    }

    /// Makes what was written to a path durable, whoever wrote it; fine when there is no such file.
    pub(super) fn sync_path(&mut self, path: &Path) -> Result<(), StoreError> {
        match File::open(path) {
            Ok(file) => self.sync(path, &file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(at(path)(error)),
        }
    }

    fn sync(&mut self, path: &Path, file: &File) -> Result<(), StoreError> {
        file.sync_all().map_err(at(path))?;
        self.note("sync", path);
        Ok(())
    }

    /// Puts a whole file under its name: either all of it is there after a crash, or no file of this name.
    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        match fs::read(path) {
            Ok(existing) if existing == bytes => return self.sync_parent(path),
            Ok(_) => return Err(StoreError::Conflict { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(path)(error)),
        }
        let part = path.with_added_extension("part");
        self.write_part(&part, bytes).inspect_err(|_| {
            // A disk that is full needs its room back. What cannot be removed is overwritten by the next attempt.
            let _ = fs::remove_file(&part);
        })?;
        reached("store.synced");
        fs::rename(&part, path).map_err(at(path))?;
        reached("store.renamed");
        self.note("rename to", path);
        self.sync_parent(path)
    }

    fn write_part(&mut self, part: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = File::create(part).map_err(at(part))?;
        file.write_all(bytes).map_err(at(part))?;
        reached("store.written");
        self.note("write", part);
        self.sync(part, &file)
    }
}

/// A file's bytes; none when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// Names the file in an error.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path: PathBuf = path.to_owned();
    |cause| match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full { path, cause: cause.into() }
        }
        _ => StoreError::Io { path, cause },
    }
}
