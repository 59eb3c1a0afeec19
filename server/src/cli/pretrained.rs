//! The files that a task names, as an operator brings them: what it starts from, and what candidates of an evaluation begin with.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use murmur_round::{pretrained::Adaptation, task::Task};

/// Reads the files that `task` names and checks them: each where the task says, seen from its own place at `path`, and the one that it starts
/// from at `given`, where that is given.
pub(super) fn read(task: &Task, path: &Path, given: Option<&PathBuf>) -> Result<Vec<Vec<u8>>> {
    let named = || format!("task {}", path.display());
    let beside = |file: &str| path.parent().unwrap_or(Path::new("")).join(file);
    let bytes = |file: PathBuf| fs::read(&file).with_context(|| file.display().to_string());
    let mut files = Vec::new();
    match (&task.pretrained, given) {
        (Some(pretrained), given) => {
            let file = bytes(given.cloned().unwrap_or_else(|| beside(&pretrained.file)))?;
            Adaptation::of(task, Some(&file)).with_context(named)?;
            files.push(file);
        }
        (None, Some(_)) => bail!("{}: --pretrained was given, and the task has no [pretrained] section", named()),
        (None, None) => {}
    }
    for model in task.candidate_models() {
        let file = bytes(beside(&model.file))?;
        model.read(&task.model, Some(&file)).with_context(named)?;
        files.push(file);
    }
    Ok(files)
}
