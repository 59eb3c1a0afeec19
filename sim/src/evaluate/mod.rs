//! How good a model file is on data: `murmur-sim evaluate`.

mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use murmur_client::{Evaluation, Examination, Examples, data::User, evaluate, examine};
use murmur_round::{
    checkpoint::{Manifest, read_manifest, read_model},
    device_id::DeviceId,
    model::ModelSpec,
    params::Params,
    task::Task,
};
use serde_json::{Value, json};

use crate::{
    SimError,
    budget::Answer,
    population::{Population, Tested},
    scenario::{Overrides, Scenario, read},
};

/// What a folder of results calls its model.
pub(crate) const MODEL: &str = "model.safetensors";
/// What it calls its scenario.
pub(crate) const SCENARIO: &str = "scenario.toml";

/// A model to evaluate.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// Model file (safetensors), or the folder that a run left.
    pub model: PathBuf,
    /// Scenario whose model and test data these are. Left out: the scenario.toml beside the model, or --task with --data.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<String>,
    /// Task whose `[model]` it is, instead of the scenario's.
    #[arg(long, value_name = "FILE")]
    pub task: Option<PathBuf>,
    /// Folder or file with the data, instead of the scenario's.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON object on stdout, with every user's accuracy.
    #[arg(long)]
    pub json: bool,
}

/// Quality on examples that were not trained on.
struct Part {
    examination: Examination,
    /// By user, where the data say whose examples they are.
    users: Vec<(DeviceId, Evaluation)>,
}

/// What was evaluated, and how good it is.
struct Findings {
    path: PathBuf,
    /// Absent where the file is not one that Murmur released.
    manifest: Option<Manifest>,
    test: Part,
    unseen: Option<Part>,
}

impl Evaluate {
    /// Evaluates.
    ///
    /// # Errors
    /// [`SimError`] when model, task and data cannot be read or do not fit each other.
    pub fn answer(&self) -> Result<Answer, SimError> {
        let path = if self.model.is_dir() { self.model.join(MODEL) } else { self.model.clone() };
        let bytes = fs::read(&path).map_err(SimError::file(&path))?;
        let (spec, tested) = self.subject(&path)?;
        let wrong = |cause| SimError::Model { path: path.clone(), cause };
        let params = read_model(&bytes, spec.layout()).map_err(wrong)?;
        // Any file of the same tensors will do: only those that Murmur released say where they come from.
        let manifest = read_manifest(&bytes).ok();
        let test = part(&spec, &params, &tested.test, &tested.test_users)?;
        let unseen = tested.unseen.as_ref().filter(|(examples, _)| !examples.is_empty());
        let unseen = unseen.map(|(examples, users)| part(&spec, &params, examples, users)).transpose()?;
        let findings = Findings { path, manifest, test, unseen };
        Ok(Answer { json: findings.json(), text: words::text(&findings) })
    }

    /// Which model it is, and what it is to be tested on.
    fn subject(&self, model: &Path) -> Result<(ModelSpec, Tested), SimError> {
        let beside = model.parent().unwrap_or(Path::new("")).join(SCENARIO);
        let scenario = match (&self.scenario, &self.task, &self.data) {
            (Some(scenario), ..) => scenario.clone(),
            (None, Some(path), Some(folder)) => {
                let task =
                    Task::from_toml(&read(path)?).map_err(|cause| SimError::Task { path: path.clone(), cause })?;
                return Ok((task.model.clone(), Tested::of_folder(folder, &task.model)?));
            }
            (None, ..) if beside.exists() => beside.to_string_lossy().into_owned(),
            (None, ..) => return Err(SimError::UnknownModel { path: model.to_owned() }),
        };
        let overrides = Overrides { task: self.task.clone(), data: self.data.clone(), ..Overrides::default() };
        let scenario = Scenario::load(&scenario, &overrides)?;
        let tested = Population::of(&scenario)?.into_tested();
        Ok((scenario.task.model, tested))
    }
}

fn part(spec: &ModelSpec, params: &Params, examples: &Examples, users: &[User]) -> Result<Part, SimError> {
    let examination = examine(spec, params, examples)?;
    let tested = users.iter().filter(|user| !user.indices.is_empty());
    let by_user = tested.map(|user| {
        Ok::<_, SimError>((user.name.clone(), evaluate(spec, params, &examples.slice(user.indices.clone()))?))
    });
    let users = by_user.collect::<Result<_, _>>()?;
    Ok(Part { examination, users })
}

impl Part {
    /// Every user counts the same, however many examples there are; none where nobody is known.
    fn mean_over_users(&self) -> Option<f64> {
        let sum: f64 = self.users.iter().map(|(_, evaluation)| evaluation.accuracy).sum();
        (!self.users.is_empty()).then(|| sum / self.users.len() as f64)
    }

    fn json(&self) -> Value {
        let Examination { evaluation: Evaluation { loss, accuracy, examples }, calibration, ranking } =
            &self.examination;
        let users = self.users.iter().map(|(user, evaluation)| {
            json!({ "user": user.as_str(), "accuracy": evaluation.accuracy, "loss": evaluation.loss, "examples": evaluation.examples })
        });
        json!({
            "accuracy": accuracy,
            "loss": loss,
            "expected_calibration_error": calibration.error(),
            "among_first_three": ranking.among_shown(),
            "mean_reciprocal_rank": ranking.mean_reciprocal_rank(),
            "examples": examples,
            "mean_user_accuracy": self.mean_over_users(),
            "users": users.collect::<Vec<_>>(),
        })
    }
}

impl Findings {
    fn json(&self) -> Value {
        json!({
            "model": self.path,
            "manifest": self.manifest,
            "test": self.test.json(),
            "unseen": self.unseen.as_ref().map(Part::json),
        })
    }
}
