//! The folder that a run leaves: all of it or nothing, whenever the program is stopped. Until then the run is kept beside it, under the
//! folder's name with `.unfinished`, from where it can be gone on with.

mod candidates;
mod record;
mod rounds;

pub use candidates::CandidateRow;
pub use record::{Record, Summary, TestUser};
pub use rounds::Row;

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    SimError, output, report,
    run::Finished,
    scenario::{Overrides, Scenario},
};

/// What a run left in its folder, as its one JSON object.
const SUMMARY: &str = "summary.json";
/// The resolved scenario, in the folder and beside it.
const SCENARIO: &str = "scenario.toml";
/// Every released round, a line each.
const ROUNDS: &str = "rounds.csv";
/// What an evaluation said after every round, a line for each candidate.
const CANDIDATES: &str = "candidates.csv";
/// The population's ledger, a line for each entry.
const LEDGER: &str = "ledger.jsonl";
/// All of it for a person.
pub const REPORT: &str = "report.html";
/// Where an unfinished run stands.
const SNAPSHOT: &str = "snapshot.bin";

/// A place for one run's results that was found free.
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    /// Beside it, on the same file system: what is written there appears in `folder` by one rename.
    staging: PathBuf,
    /// Beside it: the run on its way.
    unfinished: PathBuf,
}

/// What `--resume` finds.
#[derive(Debug)]
pub enum Found {
    /// A run to be gone on with, and where it stands; from its beginning where it kept nothing yet.
    Unfinished(Box<Scenario>, Folder, Option<Vec<u8>>),
    /// The run is over: its summary.
    Finished(String),
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
        let name = name.ok_or_else(none)?;
        let beside = |suffix: String| {
            let mut beside = name.to_owned();
            beside.push(suffix);
            beside
        };
        let partial = beside(format!(".partial-{}", std::process::id()));
        let folder = match fs::read_dir(folder).map(|entries| entries.count()) {
            // Through links to the folder itself, which a rename can replace.
            Ok(0) => fs::canonicalize(folder).map_err(SimError::file(folder))?,
            Ok(_) => return Err(SimError::FolderInUse { folder: folder.to_owned() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => folder.to_owned(),
            Err(error) => return Err(SimError::file(folder)(error)),
        };
        let parent = folder.parent().ok_or_else(none)?;
        fs::create_dir_all(parent).map_err(SimError::file(parent))?;
        let (staging, unfinished) = (parent.join(partial), parent.join(beside(".unfinished".to_owned())));
        fs::create_dir(&staging).and_then(|()| fs::remove_dir(&staging)).map_err(SimError::file(&staging))?;
        Ok(Self { folder, staging, unfinished })
    }

    /// Writes down which run is begun.
    ///
    /// # Errors
    /// [`SimError::Unfinished`] where one was begun before and did not end; [`SimError::File`].
    pub fn begin(&self, scenario: &Scenario) -> Result<(), SimError> {
        let Self { folder, unfinished, .. } = self;
        if unfinished.exists() {
            return Err(SimError::Unfinished { folder: folder.clone(), unfinished: unfinished.clone() });
        }
        fs::create_dir(unfinished).map_err(SimError::file(unfinished))?;
        self.replace(SCENARIO, scenario.to_toml()?.as_bytes())
    }

    /// Keeps where the run stands, in the place of where it stood.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn keep(&self, snapshot: &[u8]) -> Result<(), SimError> {
        self.replace(SNAPSHOT, snapshot)
    }

    /// The run that was begun for this folder.
    ///
    /// # Errors
    /// [`SimError::NothingToResume`], or [`SimError::File`] naming what cannot be read.
    pub fn resume(folder: &Path) -> Result<Found, SimError> {
        let summary = folder.join(SUMMARY);
        if summary.exists() {
            let text = fs::read_to_string(&summary).map_err(SimError::file(&summary))?;
            return Ok(Found::Finished(text.trim_end().to_owned()));
        }
        let nothing = || SimError::NothingToResume { folder: folder.to_owned() };
        if fs::read_dir(folder).is_ok_and(|entries| entries.count() > 0) {
            return Err(nothing());
        }
        let claimed = Self::claim(folder)?;
        let written = claimed.unfinished.join(SCENARIO);
        if !written.exists() {
            return Err(nothing());
        }
        let reference = written.to_str().ok_or_else(nothing)?;
        let scenario = Scenario::load(reference, &Overrides::default())?;
        let snapshot = claimed.unfinished.join(SNAPSHOT);
        let snapshot = match fs::read(&snapshot) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(SimError::file(&snapshot)(error)),
        };
        Ok(Found::Unfinished(Box::new(scenario), claimed, snapshot))
    }

    /// Removes what [`begin`](Self::begin) wrote, if nothing was kept since. Whether there is something to go on with.
    #[must_use]
    pub fn give_up_unless_begun(&self) -> bool {
        let begun = self.unfinished.join(SNAPSHOT).exists();
        if !begun {
            // What cannot be removed is said when the next run begins.
            let _ = fs::remove_dir_all(&self.unfinished);
        }
        begun
    }

    /// Puts a whole file in the place of another: after a crash it is the old one or the new one.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), SimError> {
        let (path, part) = (self.unfinished.join(name), self.unfinished.join(format!("{name}.part")));
        let written = File::create(&part).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(SimError::file(&part))?;
        fs::rename(&part, &path).map_err(SimError::file(&path))
    }

    /// Writes `model.safetensors`, `released.safetensors` where only a part of it is trained, `averaged.safetensors` where the task asks for an average, `ledger.jsonl`, `rounds.csv`,
    /// `candidates.csv` where it only measures, `summary.json`, the resolved `scenario.toml` and, drawn from all these, `report.html`, then shows them all at once under the folder's name; what was
    /// kept on the way is removed.
    ///
    /// # Errors
    /// [`SimError::File`] naming the file; the folder is then as it was.
    pub fn fill(self, scenario: &Scenario, finished: &Finished) -> Result<(), SimError> {
        let Self { folder, staging, unfinished } = &self;
        fs::create_dir(staging).map_err(SimError::file(staging))?;
        let shown = write(staging, scenario, finished)
            .and_then(|()| fs::rename(staging, folder).map_err(SimError::file(folder)));
        if shown.is_err() {
            // What cannot be removed is named as partial; the error that matters is the first one.
            let _ = fs::remove_dir_all(staging);
        } else if unfinished.exists() {
            fs::remove_dir_all(unfinished).map_err(SimError::file(unfinished))?;
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
    if let Some(released) = &finished.released {
        write("released.safetensors", released)?;
    }
    if let Some(averaged) = &finished.averaged {
        write("averaged.safetensors", averaged)?;
    }
    let mut ledger = String::new();
    for entry in &finished.ledger {
        ledger.push_str(&entry.to_line()?);
        ledger.push('\n');
    }
    write(LEDGER, ledger.as_bytes())?;
    write(ROUNDS, &rounds::table(finished)?)?;
    if let Some(table) = candidates::table(finished)? {
        write(CANDIDATES, &table)?;
    }
    write(SUMMARY, format!("{}\n", output::summary(scenario, finished)?).as_bytes())?;
    write(SCENARIO, scenario.to_toml()?.as_bytes())?;
    // From what was just written, so that drawing it again gives the same bytes.
    write(REPORT, report::run(&Record::read(folder)?)?.as_bytes())
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
        let options = Options { threads: NonZeroUsize::MIN, stop_after: None, accelerator: None };
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
        assert_eq!(names(&world.path().join("free")).len(), 6);
    }
}
