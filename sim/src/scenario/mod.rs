//! A scenario: a task, a population of virtual devices, test data, and a seed.

mod bundled;
mod file;
mod pretrained;

pub use bundled::{QUICKSTART, bundled_names};
pub use file::{Evaluation, FleetSpec, Partition, PopulationSpec, Source, Spread};

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use murmur_client::data::Standardise;
use murmur_privacy::Digest;
use murmur_round::task::Task;
use serde::{Deserialize, Serialize};

use crate::SimError;
use file::{ScenarioFile, TaskReference};
pub use pretrained::CandidateModels;
pub(crate) use pretrained::check as check_pretrained;

/// A resolved scenario: nothing in it points elsewhere but the data folder and the file that the task starts from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Seeds the population, the partition, the coins and the noise.
    pub seed: u64,
    /// Where the file lies that the task starts from, if it starts from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<PathBuf>,
    /// Where the files lie that candidates of an evaluation begin with, by their SHA-256.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub candidate_models: BTreeMap<Digest, PathBuf>,
    /// The devices.
    pub population: PopulationSpec,
    /// How long devices take, and when they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetSpec>,
    /// How models are measured.
    pub evaluation: Evaluation,
    /// What is learnt, and under what privacy.
    pub task: Task,
}

/// What the command line may replace in a scenario.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Another task file.
    pub task: Option<PathBuf>,
    /// Another data folder.
    pub data: Option<PathBuf>,
    /// Another seed.
    pub seed: Option<u64>,
    /// Another place of the file that the task starts from.
    pub pretrained: Option<PathBuf>,
}

impl Scenario {
    /// Loads a scenario by path or, where no such file exists, by the name of one that is built in.
    ///
    /// # Errors
    /// [`SimError`] naming the file and the key at fault.
    pub fn load(reference: &str, overrides: &Overrides) -> Result<Self, SimError> {
        let path = Path::new(reference);
        match bundled::find(reference) {
            Some(bundled) if !path.exists() => {
                let task = |name: &str| bundled::find(name.trim_end_matches(".toml")).map(|file| file.text.to_owned());
                Self::resolve(path, bundled.text, overrides, |name| {
                    task(name).ok_or_else(|| scenario_error(path, format!("no built-in task {name:?}")))
                })
            }
            None if !path.exists() => Err(SimError::NoSuchScenario { reference: reference.to_owned() }),
            _ => {
                let text = read(path)?;
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                Self::resolve(path, &text, overrides, |name| read(&folder.join(name)))
            }
        }
    }

    /// Reads a scenario that holds its task as a table; `path` is where it was found.
    ///
    /// # Errors
    /// [`SimError`] naming the key at fault.
    pub(crate) fn from_text(path: &Path, text: &str, overrides: &Overrides) -> Result<Self, SimError> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::resolve(path, text, overrides, |name| read(&folder.join(name)))
    }

    fn resolve(
        path: &Path,
        text: &str,
        overrides: &Overrides,
        read_task: impl Fn(&str) -> Result<String, SimError>,
    ) -> Result<Self, SimError> {
        let file: ScenarioFile =
            toml::from_str(text).map_err(|error| scenario_error(path, error.to_string().trim().to_owned()))?;
        let named = |path: PathBuf, text: String| match Task::from_toml(&text) {
            Ok(task) => Ok((task, path)),
            Err(cause) => Err(SimError::Task { path, cause }),
        };
        let (task, task_path) = match (&overrides.task, file.task) {
            (Some(other), _) => named(other.clone(), read(other)?)?,
            (None, TaskReference::Path(name)) => {
                let text = read_task(&name)?;
                named(path.parent().unwrap_or(Path::new("")).join(&name), text)?
            }
            (None, TaskReference::Inline(table)) => {
                let text = toml::to_string(&table).map_err(|error| scenario_error(path, error.to_string()))?;
                named(path.to_owned(), text)?
            }
        };
        // Seen from the scenario where that says so, else from the task.
        let written = file.pretrained.map(|written| path.parent().unwrap_or(Path::new("")).join(written));
        let given = overrides.pretrained.clone().or(written);
        let pretrained = pretrained::meant(&task, &task_path, given.as_deref())?;
        let beside = |(sha256, file): (Digest, PathBuf)| (sha256, path.parent().unwrap_or(Path::new("")).join(file));
        let written = file.candidate_models.into_iter().map(beside).collect();
        let candidate_models = pretrained::candidates(&task, &task_path, &written)?;
        let mut population = file.population;
        match (&mut population.source, &overrides.data) {
            (Source::Folder { path: folder }, given) => {
                // Absolute, so that the resolved scenario means the same folder wherever it lies.
                let beside = |written: &PathBuf| path.parent().unwrap_or(Path::new("")).join(written);
                let meant = given.clone().or_else(|| folder.as_ref().map(beside));
                *folder = meant.map(|meant| std::path::absolute(&meant).map_err(SimError::file(meant))).transpose()?;
            }
            (Source::Table(table), given) => {
                table.path = file_meant(table.path.as_deref(), given.as_deref(), path)?;
                if table.standardise == Some(Standardise::Whole) && task.privacy.delta().is_some() {
                    return Err(SimError::StandardisedByAll { path: path.to_owned() });
                }
            }
            (Source::Text(text), given) => text.path = file_meant(text.path.as_deref(), given.as_deref(), path)?,
            (Source::Audio(audio), given) => audio.path = file_meant(audio.path.as_deref(), given.as_deref(), path)?,
            (Source::Strokes {} | Source::AppUsage {} | Source::Teacher {}, Some(_)) => {
                let message = "--data was given, but the population's source is not a folder";
                return Err(scenario_error(path, message.to_owned()));
            }
            (Source::Strokes {} | Source::AppUsage {} | Source::Teacher {}, None) => {}
        }
        population.validate().map_err(|message| scenario_error(path, message))?;
        file.evaluation.validate().map_err(|message| scenario_error(path, message))?;
        let fleet = file.fleet;
        fleet.as_ref().map_or(Ok(()), FleetSpec::validate).map_err(|message| scenario_error(path, message))?;
        let seed = overrides.seed.unwrap_or(file.seed);
        Ok(Self { seed, pretrained, candidate_models, population, fleet, evaluation: file.evaluation, task })
    }

    /// The scenario as one self-contained file that can be run again.
    ///
    /// # Errors
    /// [`SimError::Serialise`] if TOML cannot hold it.
    pub fn to_toml(&self) -> Result<String, SimError> {
        toml::to_string(self).map_err(|error| SimError::Serialise(error.to_string()))
    }
}

/// The one file of a source, absolute: what the scenario at `scenario` writes, or what the command line gives in its place, a file or a
/// folder that has a file of that name.
fn file_meant(written: Option<&Path>, given: Option<&Path>, scenario: &Path) -> Result<Option<PathBuf>, SimError> {
    let meant = match (given, written) {
        (Some(folder), Some(written)) if folder.is_dir() => {
            Some(folder.join(written.file_name().unwrap_or(written.as_os_str())))
        }
        (Some(file), _) => Some(file.to_owned()),
        (None, Some(written)) => Some(scenario.parent().unwrap_or(Path::new("")).join(written)),
        (None, None) => None,
    };
    meant.map(|meant| std::path::absolute(&meant).map_err(SimError::file(meant))).transpose()
}

fn scenario_error(path: &Path, message: String) -> SimError {
    SimError::Scenario { path: path.to_owned(), message }
}

/// Reads a text file, naming it when that fails.
pub(crate) fn read(path: &Path) -> Result<String, SimError> {
    fs::read_to_string(path).map_err(SimError::file(path))
}
