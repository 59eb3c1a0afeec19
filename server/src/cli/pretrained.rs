//! The file that a task starts from, as an operator brings it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use murmur_round::{pretrained::Adaptation, task::Task};

/// Reads the file that `task` starts from, if it starts from one, and checks it: `given`, or the one that the task names, seen from its
/// own place at `path`.
pub(super) fn read(task: &Task, path: &Path, given: Option<&PathBuf>) -> Result<Option<Vec<u8>>> {
    let named = || format!("task {}", path.display());
    let Some(pretrained) = &task.pretrained else {
        if given.is_some() {
            bail!("{}: --pretrained was given, and the task has no [pretrained] section", named());
        }
        return Ok(None);
    };
    let beside = || path.parent().unwrap_or(Path::new("")).join(&pretrained.file);
    let file = given.cloned().unwrap_or_else(beside);
    let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
    Adaptation::of(task, Some(&bytes)).with_context(named)?;
    Ok(Some(bytes))
}
