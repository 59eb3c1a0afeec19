//! The few steps from which durability is made, each under its file's name in every error.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::StoreError;

/// The file system. In tests it remembers every step, so that their order can be seen.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) steps: Vec<String>,
}

impl Disk {
    #[cfg_attr(not(test), expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "only tests look"))]
    fn note(&mut self, _step: &str, _path: &Path) {
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

    /// Writes bytes to an open file and makes them durable.
    pub(super) fn write(&mut self, path: &Path, file: &mut File, bytes: &[u8]) -> Result<(), StoreError> {
        file.write_all(bytes).map_err(at(path))?;
        self.note("write", path);
        self.sync(path, file)
    }

    /// Makes a file durable.
    pub(super) fn sync(&mut self, path: &Path, file: &File) -> Result<(), StoreError> {
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
        let temporary = path.with_added_extension("part");
        let mut file = File::create(&temporary).map_err(at(&temporary))?;
        self.write(&temporary, &mut file, bytes)?;
        self.rename(&temporary, path)
    }

    /// Puts a whole file under its name, in the place of whatever is there; only its owner can ever read it.
    pub(super) fn replace_secret(&mut self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let temporary = path.with_added_extension("part");
        // One that a crash left behind may have been made by somebody else, for everybody to read.
        self.remove(&temporary)?;
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary).map_err(at(&temporary))?;
        self.write(&temporary, &mut file, bytes)?;
        self.rename(&temporary, path)
    }

    fn rename(&mut self, from: &Path, path: &Path) -> Result<(), StoreError> {
        fs::rename(from, path).map_err(at(path))?;
        self.note("rename to", path);
        self.sync_parent(path)
    }

    /// Makes sure that no file has this name.
    pub(super) fn remove(&mut self, path: &Path) -> Result<(), StoreError> {
        match fs::remove_file(path) {
            Ok(()) => self.note("remove", path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(path)(error)),
        }
        // Also when it was gone: an earlier process may have died before this step.
        self.sync_parent(path)
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
    |cause| StoreError::Io { path, cause }
}
