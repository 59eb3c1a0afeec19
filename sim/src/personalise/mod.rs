//! What users gain by making a released model their own: `murmur-sim personalise`.
//!
//! All of it happens on the users' devices, after a model was released: nothing leaves them, and it costs no budget. That its gain can be told
//! by user is a simulation's privilege.

mod adapt;
mod findings;
mod held_out;
mod picture;
mod quality;
mod words;

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::Args;
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    plan::LocalPlan,
};

use crate::{
    SimError,
    budget::Answer,
    evaluate::{MODEL, SCENARIO},
    population::Population,
    scenario::{Overrides, Scenario},
};
use adapt::Adaptation;
use findings::{Findings, Trial};

/// Models to make personal.
#[derive(Debug, Args)]
pub struct Personalise {
    /// Folders that runs left, or model files, of one scenario: a mean over them is shown. With --leave-one-out, the scenario.
    #[arg(required = true, value_name = "RUN|MODEL")]
    pub models: Vec<PathBuf>,
    /// Scenario whose model and users these are. Left out: the scenario.toml beside each model.
    #[arg(long, value_name = "FILE", conflicts_with = "leave_one_out")]
    pub scenario: Option<String>,
    /// Run the scenario once for each user, without that user, and make the model personal for that user.
    #[arg(long)]
    pub leave_one_out: bool,
    /// With --leave-one-out: seeds to run with, in place of the scenario's.
    #[arg(long, value_name = "N,...", value_delimiter = ',', requires = "leave_one_out")]
    pub seeds: Vec<u64>,
    /// Folder or file with the data, instead of the scenario's.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Passes over a user's own examples. Left out, like the next two: as in the task's plan.
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Examples of a step.
    #[arg(long, value_name = "N")]
    pub batch_size: Option<u32>,
    /// Step size.
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f32>,
    /// Train on so many of each user's examples, spread over all of them. Left out: on all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub examples: Option<u32>,
    /// How strongly Ditto is held by the shared model.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.1)]
    pub lambda: f32,
    /// Threads that train; the result does not depend on it. Default: all cores.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Draw every user's quality into this SVG file.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

impl Personalise {
    /// Trains, measures and draws.
    ///
    /// # Errors
    /// [`SimError`] when models, scenario and data cannot be read or do not fit each other, or the data name no users.
    pub fn answer(&self) -> Result<Answer, SimError> {
        let threads = self.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let found = if self.leave_one_out { self.without_each(threads)? } else { self.released(threads)? };
        if let Some(path) = &self.plot {
            let picture = picture::of(&found).svg().map_err(SimError::Plot)?;
            fs::write(path, picture).map_err(SimError::file(path))?;
        }
        Ok(Answer { json: found.json(self.plot.as_deref()), text: words::text(&found, self.plot.as_deref()) })
    }

    /// Models that were released before.
    fn released(&self, threads: NonZeroUsize) -> Result<Findings, SimError> {
        let (mut trials, mut subject) = (Vec::new(), None);
        for named in &self.models {
            let path = if named.is_dir() { named.join(MODEL) } else { named.clone() };
            let bytes = fs::read(&path).map_err(SimError::file(&path))?;
            let scenario = self.scenario_of(&path)?;
            let params = read_model(&bytes, scenario.task.model.layout());
            let params = params.map_err(|cause| SimError::Model { path: path.clone(), cause })?;
            let own = Population::of(&scenario)?.own()?;
            if own.is_empty() {
                return Err(nobody());
            }
            let adaptation = self.adaptation(&scenario)?;
            let rows = adaptation.rows(&params, &own, scenario.seed, threads)?;
            // Only files that Murmur released say what was paid for them.
            let guarantee = read_manifest(&bytes).ok().map(|manifest| manifest.guarantee);
            trials.push(Trial { name: named.display().to_string(), guarantee, rows });
            subject.get_or_insert((scenario.task.name, adaptation));
        }
        let (task, adaptation) = subject.ok_or_else(nobody)?;
        Findings::new(task, adaptation, false, trials)
    }

    /// Models of everybody but one.
    fn without_each(&self, threads: NonZeroUsize) -> Result<Findings, SimError> {
        let [reference] = self.models.as_slice() else {
            let what = "--leave-one-out runs one scenario: name one".to_owned();
            return Err(SimError::Personal { what });
        };
        let overrides = Overrides { data: self.data.clone(), ..Overrides::default() };
        let scenario = Scenario::load(&reference.to_string_lossy(), &overrides)?;
        let adaptation = self.adaptation(&scenario)?;
        let seeds = if self.seeds.is_empty() { vec![scenario.seed] } else { self.seeds.clone() };
        let trials = held_out::trials(&scenario, &adaptation, &seeds, threads)?;
        Findings::new(scenario.task.name, adaptation, true, trials)
    }

    fn scenario_of(&self, model: &Path) -> Result<Scenario, SimError> {
        let beside = model.parent().unwrap_or(Path::new("")).join(SCENARIO);
        let reference = match &self.scenario {
            Some(scenario) => scenario.clone(),
            None if beside.exists() => beside.to_string_lossy().into_owned(),
            None => {
                let what = format!("{}: no scenario.toml lies beside it: name a --scenario", model.display());
                return Err(SimError::Personal { what });
            }
        };
        Scenario::load(&reference, &Overrides { data: self.data.clone(), ..Overrides::default() })
    }

    fn adaptation(&self, scenario: &Scenario) -> Result<Adaptation, SimError> {
        let Some(task) = scenario.task.plan() else {
            let what = format!("the task {} trains nothing: there is no model to make personal", scenario.task.name);
            return Err(SimError::Personal { what });
        };
        let plan = LocalPlan {
            epochs: self.epochs.unwrap_or(task.epochs),
            batch_size: self.batch_size.unwrap_or(task.batch_size),
            learning_rate: self.learning_rate.unwrap_or(task.learning_rate),
            adaptive_proximal: None,
            ..*task
        };
        plan.validate().map_err(|error| SimError::Personal { what: error.to_string() })?;
        if !(self.lambda > 0.0 && self.lambda.is_finite()) {
            let what = format!("--lambda must be a positive number, not {}", self.lambda);
            return Err(SimError::Personal { what });
        }
        let examples = self.examples.map(|count| count as usize);
        Ok(Adaptation { model: scenario.task.model.clone(), plan, lambda: self.lambda, examples })
    }
}

fn nobody() -> SimError {
    let what =
        "the data do not say whose test examples there are: there is nobody to make a model personal for".to_owned();
    SimError::Personal { what }
}
