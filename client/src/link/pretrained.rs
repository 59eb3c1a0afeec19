//! The file that a task starts from, where only a part of the model is trained: fetched once, kept beside the device's identity under its
//! digest, and checked whenever it is read.

use std::{fs, time::SystemTime};

use murmur_privacy::Digest;
use murmur_round::{
    pretrained::{Adaptation, Pretrained},
    task::Task,
};

use super::{CallError, StateError, calls::Calls, state::Folder};

/// Files that are kept; of more, those that were written first go.
const KEPT: usize = 4;
const PREFIX: &str = "pretrained-";

/// How what the task trains makes a whole model; none where that is the model itself.
pub(super) async fn adaptation(
    task: &Task,
    calls: &Calls,
    folder: Option<&Folder>,
) -> Result<Option<Adaptation>, CallError> {
    let Some(pretrained) = task.pretrained.as_ref().filter(|pretrained| pretrained.is_partial()) else {
        return Ok(None);
    };
    let name = file_name(&pretrained.sha256);
    let kept = match folder.map(|folder| folder.read(&name)).transpose() {
        // Damaged, or not to be read: it is fetched again.
        Ok(kept) => kept.flatten().filter(|bytes| Digest::of(bytes) == pretrained.sha256),
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    };
    let file = match kept {
        Some(file) => file,
        None => {
            let file = calls.file("pretrained file", pretrained.sha256, Pretrained::longest_file(&task.model)).await?;
            if let Some(folder) = folder
                && let Err(error) = keep(folder, &name, &file)
            {
                // It is at hand for as long as this process lives.
                tracing::warn!("the pretrained file is not kept: {error}");
            }
            file
        }
    };
    Ok(Adaptation::of(task, Some(&file))?)
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
        let names: Vec<String> = (0..6_u8).map(|file| file_name(&Digest::of(&[file]))).collect();
        for (file, name) in names.iter().enumerate() {
            keep(&folder, name, &[file as u8]).unwrap();
            // File systems tell times in steps.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let there = |name: &String| folder.read(name).unwrap().is_some();
        assert_eq!(names.iter().map(there).collect::<Vec<_>>(), [false, false, true, true, true, true]);
        assert_eq!(folder.read(&names[5]).unwrap().unwrap(), [5]);
        assert!(folder.read("identity.pem").unwrap().is_some());
    }
}
