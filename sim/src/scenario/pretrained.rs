//! The file that a scenario's task starts from: where it lies, and what it holds.

use std::{
    fs,
    path::{Path, PathBuf},
};

use murmur_round::{
    pretrained::{Adaptation, Pretrained},
    task::Task,
};

use super::Scenario;
use crate::SimError;

/// Where the file is that `task`, whose own place is `path`, starts from: `given`, or the one that it names. Absolute, so that the resolved
/// scenario means the same file wherever it lies; none where the task starts from none.
pub(super) fn meant(task: &Task, path: &Path, given: Option<&Path>) -> Result<Option<PathBuf>, SimError> {
    let meant = match (&task.pretrained, given) {
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            let message = "a pretrained file was given, but the task has no [pretrained] section".to_owned();
            return Err(SimError::Scenario { path: path.to_owned(), message });
        }
        (Some(_), Some(given)) => given.to_owned(),
        (Some(Pretrained { file, .. }), None) => path.parent().unwrap_or(Path::new("")).join(file),
    };
    std::path::absolute(&meant).map(Some).map_err(SimError::file(meant))
}

/// Reads the file that a task starts from and checks it.
///
/// # Errors
/// [`SimError::File`]; [`SimError::Pretrained`] naming what is wrong with it.
pub(crate) fn read(task: &Task, file: Option<&Path>) -> Result<Option<(Vec<u8>, Adaptation)>, SimError> {
    let bytes = file.map(|file| fs::read(file).map_err(SimError::file(file))).transpose()?;
    let adaptation = Adaptation::of(task, bytes.as_deref())?;
    Ok(bytes.zip(adaptation))
}

/// As [`read`], for a task file at `path`: from `given`, or from where the task says that it lies.
///
/// # Errors
/// As [`read`].
pub(crate) fn check(task: &Task, path: &Path, given: Option<&Path>) -> Result<(), SimError> {
    read(task, meant(task, path, given)?.as_deref()).map(|_| ())
}

impl Scenario {
    /// The file that the task starts from, and what it makes of the task's model; none where the task starts from none.
    ///
    /// # Errors
    /// [`SimError::File`]; [`SimError::Pretrained`] naming what is wrong with it.
    pub fn starting_point(&self) -> Result<Option<(Vec<u8>, Adaptation)>, SimError> {
        read(&self.task, self.pretrained.as_deref())
    }
}
