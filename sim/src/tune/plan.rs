//! A search, resolved: nothing in it points elsewhere but the data folder.

use std::path::Path;

use murmur_privacy::units::{Epsilon, NoiseMultiplier};
use murmur_round::task::{NoiseLevel, Promise, Task};
use serde::{Deserialize, Serialize};

use super::{
    TuneError,
    file::{DataKind, Method, Recommend, ScenarioReference, Search, Simulate, TuneFile},
    scaled::UNREACHED,
    space::{Settings, Space, TRAINS_NOTHING},
};
use crate::scenario::{Overrides, Scenario, Source, read};

const QUICKSTART: &str = include_str!("../../scenarios/quickstart-tune.toml");

/// What is searched for, how, in what.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Whose data the search looks at.
    pub data: DataKind,
    /// How it searches.
    pub search: Search,
    /// Among what.
    pub space: Space,
    /// How many devices stand for the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulate: Option<Simulate>,
    /// Which point is recommended.
    pub recommend: Recommend,
    /// What is tuned, as it is to be deployed.
    pub scenario: Scenario,
}

/// A noise level: one point of the frontier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    Epsilon(f64),
    Multiplier(f64),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Epsilon(value) => write!(f, "epsilon {value}"),
            Self::Multiplier(value) => write!(f, "noise multiplier {value}"),
        }
    }
}

impl Plan {
    /// Loads a search by path or, where no such file exists, by the name of one that is built in.
    ///
    /// # Errors
    /// [`TuneError`] naming the file and the key at fault.
    pub fn load(reference: &str, overrides: &Overrides) -> Result<Self, TuneError> {
        let path = Path::new(reference);
        let text = match (path.exists(), reference) {
            (true, _) => read(path)?,
            (false, "quickstart") => QUICKSTART.to_owned(),
            (false, _) => return Err(TuneError::NoSuchSearch { reference: reference.to_owned() }),
        };
        let wrong = |message: String| TuneError::File { path: path.to_owned(), message };
        let file: TuneFile = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        file.validate().map_err(wrong)?;
        let scenario = match &file.scenario {
            ScenarioReference::Path(name) => {
                let beside = path.parent().unwrap_or(Path::new("")).join(name);
                let found = if beside.exists() { beside.display().to_string() } else { name.clone() };
                Scenario::load(&found, overrides)?
            }
            ScenarioReference::Inline(table) => {
                let text = toml::to_string(table).map_err(|error| wrong(error.to_string()))?;
                Scenario::from_text(path, &text, overrides)?
            }
        };
        let TuneFile { data, search, space, simulate, recommend, .. } = file;
        let plan = Self { data, search, space, simulate, recommend, scenario };
        plan.validate().map_err(wrong)?;
        Ok(plan)
    }

    fn validate(&self) -> Result<(), String> {
        // Named one by one: a new kind of source is real until somebody says otherwise.
        let source = &self.scenario.population.source;
        let synthetic = matches!(source, Source::Strokes {} | Source::AppUsage {} | Source::Teacher {});
        match (self.data, synthetic) {
            (DataKind::Synthetic, false) => {
                return Err("data = \"synthetic\", and the scenario's source is files: say \"public\" or \"private\""
                    .to_owned());
            }
            (DataKind::Public | DataKind::Private, true) => {
                return Err("the scenario's data are drawn by a program: write data = \"synthetic\"".to_owned());
            }
            _ => {}
        }
        if matches!(self.scenario.task.privacy.promise, Promise::None) {
            return Err(
                "the scenario's task has mechanism = \"none\", and no noise to tune: choose a mechanism and a delta"
                    .to_owned(),
            );
        }
        if self.scenario.task.plan().is_none() {
            return Err(TRAINS_NOTHING.to_owned());
        }
        let (devices, simulated) =
            (self.scenario.population.devices, self.simulate.and_then(|simulate| simulate.devices));
        match (devices, simulated) {
            (None, Some(_)) => {
                return Err("simulate.devices needs a scenario that names its devices: where the data do, say simulate.deployed".to_owned());
            }
            (Some(devices), Some(simulated)) if simulated > devices => {
                return Err(format!(
                    "simulate.devices is {simulated}, and the scenario has {devices}: fewer stand for more, not the other way round"
                ));
            }
            _ => {}
        }
        match self.simulate {
            None => Ok(()),
            Some(_) if self.scenario.task.privacy.local.is_some() => Err(
                "[simulate] scales the noise on sums; with [privacy.local] each device brings its own, which fewer of them would \
                 average less: remove one of the two"
                    .to_owned(),
            ),
            Some(_) => Ok(()),
        }
    }

    /// The search as one self-contained file.
    ///
    /// # Errors
    /// [`TuneError`] if TOML cannot hold it.
    pub fn to_toml(&self) -> Result<String, TuneError> {
        let failed = |error: toml::ser::Error| crate::SimError::Serialise(error.to_string());
        Ok(toml::to_string(self).map_err(failed)?)
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        let epsilons = self.space.epsilon.iter().copied().map(Target::Epsilon);
        epsilons.chain(self.space.noise_multiplier.iter().copied().map(Target::Multiplier)).collect()
    }

    /// The settings that are tried at every noise level.
    ///
    /// # Errors
    /// [`TuneError::File`] for a grid that nobody waits for.
    pub(super) fn settings(&self) -> Result<Vec<Settings>, TuneError> {
        let drawn = self.search.settings.unwrap_or_default();
        match (self.search.kind, self.space.grid()) {
            (Method::Grid, None) => Err(TuneError::File {
                path: "[space]".into(),
                message: "more than 100,000 combinations: choose random or halving".to_owned(),
            }),
            (Method::Grid, Some(all)) => Ok(all),
            // Chosen on the way.
            (Method::Bayesian, _) => Ok(Vec::new()),
            (_, Some(all)) if all.len() <= drawn as usize => Ok(all),
            _ => {
                let mut settings: Vec<Settings> = Vec::new();
                // The same ones may be drawn twice from short lists; there are more than are asked for.
                for index in 0..drawn.saturating_mul(20) {
                    let next = self.space.draw(self.scenario.seed, index);
                    if !settings.contains(&next) {
                        settings.push(next);
                    }
                    if settings.len() == drawn as usize {
                        break;
                    }
                }
                Ok(settings)
            }
        }
    }

    /// The deployed task of some settings at a noise level, priced for `devices`.
    pub(super) fn task(&self, settings: &Settings, target: Target, devices: u64) -> Result<Task, String> {
        let mut task = settings.apply(&self.scenario.task, devices)?;
        if let Promise::Gaussian { epsilon, noise, .. } = &mut task.privacy.promise {
            match target {
                Target::Epsilon(value) => {
                    *epsilon = Epsilon::new(value).map_err(|error| error.to_string())?;
                    *noise = NoiseLevel::Calibrate;
                }
                Target::Multiplier(value) => {
                    // Priced below; until then it may cost anything.
                    *epsilon = Epsilon::new(UNREACHED).map_err(|error| error.to_string())?;
                    *noise = NoiseLevel::Multiplier(NoiseMultiplier::new(value).map_err(|error| error.to_string())?);
                }
            }
        }
        // The one way in checks it.
        let bytes = task.to_json().map_err(|error| error.to_string())?;
        Task::from_json(&bytes).map_err(|error| error.to_string())
    }
}
