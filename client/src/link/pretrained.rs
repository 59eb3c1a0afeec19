//! Public files that a task names: what it starts from, where only a part of the model is released, and what candidates of an evaluation
//! begin with. Fetched once, kept beside the device's identity under their digests, and checked whenever they are read.

use std::{fs, time::SystemTime};

use murmur_privacy::Digest;
use murmur_round::{beginning::Beginning, evaluation::MODEL_LIMIT, params::Params, pretrained::Pretrained, task::Task};

use super::{CallError, StateError, calls::Calls, state::Folder};

/// Files that are kept, as many as a task may name; of more, those that were written first go.
const KEPT: usize = MODEL_LIMIT;
const PREFIX: &str = "pretrained-";

/// What the task begins with, of which a released model is a part only.
pub(super) async fn beginning(task: &Task, calls: &Calls, folder: Option<&Folder>) -> Result<Beginning, CallError> {
    let Some(pretrained) = task.file_beside() else { return Ok(Beginning::of(task, None)?) };
    let limit = Pretrained::longest_file(&task.model);
    let file = kept_or_fetched("pretrained file", pretrained.sha256, limit, calls, folder).await?;
    Ok(Beginning::of(task, Some(&file))?)
}

/// The model that candidates of an evaluation begin with, where they begin with this one; none where none does.
pub(super) async fn candidate(
    task: &Task,
    sha256: Digest,
    calls: &Calls,
    folder: Option<&Folder>,
) -> Result<Option<Params>, CallError> {
    let Some(model) = task.candidate_models().into_iter().find(|model| model.sha256 == sha256) else {
        return Ok(None);
    };
    let limit = Pretrained::longest_file(&task.model);
    let file = kept_or_fetched("candidate's model", sha256, limit, calls, folder).await?;
    Ok(Some(model.read(&task.model, Some(&file))?))
}

async fn kept_or_fetched(
    what: &'static str,
    sha256: Digest,
    limit: usize,
    calls: &Calls,
    folder: Option<&Folder>,
) -> Result<Vec<u8>, CallError> {
    let name = file_name(&sha256);
    let kept = match folder.map(|folder| folder.read(&name)).transpose() {
        // Damaged, or not to be read: it is fetched again.
        Ok(kept) => kept.flatten().filter(|bytes| Digest::of(bytes) == sha256),
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    };
    if let Some(file) = kept {
        return Ok(file);
    }
    let file = calls.file(what, sha256, limit).await?;
    if let Some(folder) = folder
        && let Err(error) = keep(folder, &name, &file)
    {
        // It is at hand for as long as it is worked with.
        tracing::warn!("the {what} is not kept: {error}");
    }
    Ok(file)
}

fn file_name(sha256: &Digest) -> String {
    format!("{PREFIX}{sha256}.safetensors")
}

/// Keeps a file, in the place of those that were written first where there are too many.
fn keep(folder: &Folder, name: &str, file: &[u8]) -> Result<(), StateError> {
    folder.replace(name, file)?;
    let at = |cause| StateError::Io { path: folder.path().to_owned(), cause };
    let mut others: Vec<(SystemTime, String)> = Vec::new();
    for entry in fs::read_dir(folder.path()).map_err(at)? {
        let entry = entry.map_err(at)?;
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with(PREFIX) && other != name {
            let written = entry.metadata().and_then(|metadata| metadata.modified()).map_err(at)?;
            others.push((written, other));
        }
    }
    others.sort_unstable();
    let more = (others.len() + 1).saturating_sub(KEPT);
    others.iter().take(more).try_for_each(|(_, other)| folder.remove(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_files_are_kept_and_the_oldest_go() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        folder.replace("identity.pem", "key").unwrap();
        let names: Vec<String> = (0..10_u8).map(|file| file_name(&Digest::of(&[file]))).collect();
        for (file, name) in names.iter().enumerate() {
            keep(&folder, name, &[file as u8]).unwrap();
            // File systems tell times in steps.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let there = |name: &String| folder.read(name).unwrap().is_some();
        assert_eq!(
            names.iter().map(there).collect::<Vec<_>>(),
            [false, false, true, true, true, true, true, true, true, true]
        );
        assert_eq!(folder.read(&names[9]).unwrap().unwrap(), [9]);
        assert!(folder.read("identity.pem").unwrap().is_some());
    }
}
