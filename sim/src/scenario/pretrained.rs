//! The files that a scenario's task names, what it starts from and what candidates begin with: where they lie, and what they hold.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use murmur_privacy::Digest;
use murmur_round::{
    beginning::Beginning, evaluation::CandidateModel, params::Params, pretrained::Pretrained, task::Task,
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

/// Where the files are that candidates of `task` begin with, by their SHA-256: absolute, seen from the task's own place at `path` where `written`
/// does not say otherwise.
pub(super) fn candidates(
    task: &Task,
    path: &Path,
    written: &BTreeMap<Digest, PathBuf>,
) -> Result<BTreeMap<Digest, PathBuf>, SimError> {
    let models = task.candidate_models();
    if let Some(sha256) = written.keys().find(|sha256| models.iter().all(|model| model.sha256 != **sha256)) {
        let message = format!("candidate_models names {sha256}, and no candidate of the task begins with that file");
        return Err(SimError::Scenario { path: path.to_owned(), message });
    }
    let place = |model: &CandidateModel| {
        let beside = || path.parent().unwrap_or(Path::new("")).join(&model.file);
        let meant = written.get(&model.sha256).cloned().unwrap_or_else(beside);
        Ok((model.sha256, std::path::absolute(&meant).map_err(SimError::file(meant))?))
    };
    models.into_iter().map(place).collect()
}

/// Models that candidates begin with in the place of the task's, by the SHA-256 of their files.
pub type CandidateModels = BTreeMap<Digest, Arc<Params>>;

/// Reads the models that candidates begin with, and checks them.
fn read_candidates(task: &Task, files: &BTreeMap<Digest, PathBuf>) -> Result<CandidateModels, SimError> {
    let read = |model: &CandidateModel| {
        let bytes = files.get(&model.sha256).map(|file| fs::read(file).map_err(SimError::file(file))).transpose()?;
        Ok((model.sha256, Arc::new(model.read(&task.model, bytes.as_deref())?)))
    };
    task.candidate_models().into_iter().map(read).collect()
}

/// Reads the file that a task starts from, if it starts from one, and checks it.
///
/// # Errors
/// [`SimError::File`]; [`SimError::Pretrained`] naming what is wrong with it.
pub(crate) fn read(task: &Task, file: Option<&Path>) -> Result<(Option<Vec<u8>>, Beginning), SimError> {
    let bytes = file.map(|file| fs::read(file).map_err(SimError::file(file))).transpose()?;
    let beginning = Beginning::of(task, bytes.as_deref())?;
    Ok((bytes, beginning))
}

/// As [`read`], for a task file at `path`: from `given`, or from where the task says that it lies.
///
/// # Errors
/// As [`read`].
pub(crate) fn check(task: &Task, path: &Path, given: Option<&Path>) -> Result<(), SimError> {
    read(task, meant(task, path, given)?.as_deref())?;
    read_candidates(task, &candidates(task, path, &BTreeMap::new())?).map(|_| ())
}

impl Scenario {
    /// The file that the task starts from, if it starts from one, and what it begins with.
    ///
    /// # Errors
    /// [`SimError::File`]; [`SimError::Pretrained`] naming what is wrong with it.
    pub fn starting_point(&self) -> Result<(Option<Vec<u8>>, Beginning), SimError> {
        read(&self.task, self.pretrained.as_deref())
    }

    /// The models that candidates of an evaluation begin with in the place of the task's own.
    ///
    /// # Errors
    /// [`SimError::File`]; [`SimError::CandidateModel`] naming what is wrong with one.
    pub fn candidate_models(&self) -> Result<CandidateModels, SimError> {
        read_candidates(&self.task, &self.candidate_models)
    }
}
