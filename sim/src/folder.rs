//! The folder that a run leaves: all of it or nothing, whenever the program is stopped.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::{SimError, run::Finished, scenario::Scenario};

/// A place for one run's results that was found free.
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    /// Beside it, on the same file system: what is written there appears in `folder` by one rename.
    staging: PathBuf,
}

impl Folder {
    /// Checks that `folder` is new or empty and that it can be made. Leaves nothing behind but its parents.
    ///
    /// # Errors
    /// [`SimError::FolderInUse`], [`SimError::NoFolder`], or [`SimError::File`] naming what cannot be made.
    pub fn claim(folder: &Path) -> Result<Self, SimError> {
        let none = || SimError::NoFolder { folder: folder.to_owned() };
        // A path that ends in `..` has no name of its own; one that ends in `.` hides it.
        let name = folder.file_name().filter(|_| !folder.as_os_str().to_string_lossy().ends_with("/."));
        let mut partial = name.ok_or_else(none)?.to_owned();
        partial.push(format!(".partial-{}", std::process::id()));
        let folder = match fs::read_dir(folder).map(|entries| entries.count()) {
            // Through links to the folder itself, which a rename can replace.
            Ok(0) => fs::canonicalize(folder).map_err(SimError::file(folder))?,
            Ok(_) => return Err(SimError::FolderInUse { folder: folder.to_owned() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => folder.to_owned(),
            Err(error) => return Err(SimError::file(folder)(error)),
        };
        let parent = folder.parent().ok_or_else(none)?;
        fs::create_dir_all(parent).map_err(SimError::file(parent))?;
        let staging = parent.join(partial);
        fs::create_dir(&staging).and_then(|()| fs::remove_dir(&staging)).map_err(SimError::file(&staging))?;
        Ok(Self { folder, staging })
    }

    /// Writes `model.safetensors`, `ledger.jsonl`, `rounds.csv` and the resolved `scenario.toml`, then shows them all at
    /// once under the folder's name.
    ///
    /// # Errors
    /// [`SimError::File`] naming the file; the folder is then as it was.
    pub fn fill(self, scenario: &Scenario, finished: &Finished) -> Result<(), SimError> {
        let Self { folder, staging } = &self;
        fs::create_dir(staging).map_err(SimError::file(staging))?;
        let shown = write(staging, scenario, finished)
            .and_then(|()| fs::rename(staging, folder).map_err(SimError::file(folder)));
        if shown.is_err() {
            // What cannot be removed is named as partial; the error that matters is the first one.
            let _ = fs::remove_dir_all(staging);
        }
        shown
    }
}

fn write(folder: &Path, scenario: &Scenario, finished: &Finished) -> Result<(), SimError> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(SimError::file(path))
    };
    write("model.safetensors", &finished.model)?;
    let mut ledger = String::new();
    for entry in &finished.ledger {
        ledger.push_str(&entry.to_line()?);
        ledger.push('\n');
    }
    write("ledger.jsonl", ledger.as_bytes())?;
    write("rounds.csv", table(scenario, finished).as_bytes())?;
    write("scenario.toml", scenario.to_toml()?.as_bytes())
}

/// One line for each measurement; what devices measured in columns of their own, where the task asks for it.
fn table(scenario: &Scenario, finished: &Finished) -> String {
    let privacy = &finished.schedule.task().privacy;
    let mut text = String::from("round,epsilon,accuracy,loss");
    text.push_str(if privacy.adaptive_clip.is_some() { ",next_clip" } else { "" });
    text.push_str(if privacy.metrics.is_some() { ",reports,device_accuracy,device_loss" } else { "" });
    text.push_str(if scenario.fleet.is_some() { ",simulated_seconds" } else { "" });
    text.push('\n');
    for measured in &finished.measurements {
        let evaluation = &measured.evaluation;
        // Writing to a String cannot fail.
        let _ = write!(text, "{},{},{},{}", measured.round + 1, measured.epsilon, evaluation.accuracy, evaluation.loss);
        if privacy.adaptive_clip.is_some() {
            let _ = write!(text, ",{}", measured.clip);
        }
        match (&privacy.metrics, &measured.metrics) {
            (None, _) => {}
            (Some(_), Some(metrics)) => {
                let _ = write!(text, ",{},{},{}", metrics.reports, metrics.accuracy, metrics.loss);
            }
            (Some(_), None) => text.push_str(",,,"),
        }
        if scenario.fleet.is_some() {
            let _ = write!(text, ",{}", measured.at.0 as f64 / 1e3);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::{
        run::{Options, Silent, run},
        scenario::Overrides,
    };

    const TINY: &str = r#"
seed = 1
population = { devices = 4, samples_per_device = 1, source = { kind = "strokes" } }
evaluation = { examples = 10 }
[task]
name = "tiny"
population = "writers"
rounds = 1
model = { kind = "linear", input = [1, 28, 28], classes = 10 }
plan = { epochs = 1, batch_size = 1, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 0.5, window_seconds = 10, minimum_reports = 1 }
privacy = { clip = 0.5, mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate" }
server = { optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }
"#;

    #[test]
    fn results_that_cannot_all_be_shown_are_not_shown_at_all() {
        let source = tempfile::NamedTempFile::new().unwrap();
        fs::write(&source, TINY).unwrap();
        let scenario = Scenario::load(source.path().to_str().unwrap(), &Overrides::default()).unwrap();
        let options = Options { threads: NonZeroUsize::MIN, stop_after: None };
        let world = tempfile::tempdir().unwrap();
        let names = |folder: &Path| -> Vec<_> {
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let folder = world.path().join("results");
        let claimed = Folder::claim(&folder).unwrap();
        assert!(names(world.path()).is_empty(), "claiming leaves no trace");
        let finished = run(&scenario, &options, &mut Silent).unwrap();
        // Somebody else was quicker.
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("other"), "").unwrap();
        assert!(matches!(claimed.fill(&scenario, &finished), Err(SimError::File { .. })));
        assert_eq!((names(world.path()), names(&folder)), (vec!["results".to_owned()], vec!["other".to_owned()]));
        assert!(matches!(Folder::claim(&folder), Err(SimError::FolderInUse { .. })));

        Folder::claim(&world.path().join("free")).unwrap().fill(&scenario, &finished).unwrap();
        assert_eq!(names(&world.path().join("free")).len(), 4);
    }
}
