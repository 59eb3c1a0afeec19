//! A task: what is to be learnt, how, under what privacy. Immutable, and named by its hash.

mod correlated;
mod error;
mod local;
mod privacy;
mod purpose;
mod schedule;
mod section;

pub use error::TaskError;
pub use local::Randomiser;
pub(crate) use local::reach;
pub use privacy::{Metrics, NoiseLevel, Privacy, Promise};
pub use purpose::Purpose;
pub use schedule::Schedule;

use serde::{Deserialize, Serialize};

use crate::{
    evaluation::EvaluationError, model::ModelSpec, participation::Participation, personal::Personal,
    pretrained::Pretrained,
};
use section::Section;

/// SHA-256 of a task's canonical form. Two tasks with the same hash are the same task.
pub type TaskHash = murmur_privacy::Digest;

/// Longest name of a task or a population, in bytes.
const NAME_LIMIT: usize = 64;

/// One task file, validated. The same file runs in the simulator and on a coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Section", into = "Section")]
pub struct Task {
    /// What people call it: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// Whose ledger pays. Several tasks may share a population.
    pub population: String,
    /// Rounds of the schedule: whole blocks, where participation has blocks.
    pub rounds: u32,
    /// What is learnt, or measured.
    pub model: ModelSpec,
    /// What is done with it: trained by `[plan]` and `[server]`, or measured by `[evaluation]`.
    pub purpose: Purpose,
    /// Who takes part in a round.
    pub participation: Participation,
    /// What is promised. Nothing in it has a default.
    pub privacy: Privacy,
    /// What the model starts from, and what of it is trained; without it, all of it, from what is drawn.
    pub pretrained: Option<Pretrained>,
    /// What of the model each device keeps for itself; without it, nothing.
    pub personal: Option<Personal>,
}

impl Task {
    /// Reads a task file. Unknown keys, missing keys and numbers out of range are errors that name the key.
    ///
    /// # Errors
    /// [`TaskError`].
    pub fn from_toml(text: &str) -> Result<Self, TaskError> {
        let task: Self = toml::from_str(text).map_err(|error| TaskError::Toml(error.to_string().trim().to_owned()))?;
        task.validate()?;
        Ok(task)
    }

    /// Reads the canonical form, as it travels to devices.
    ///
    /// # Errors
    /// [`TaskError`], as for a file.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TaskError> {
        let task: Self = serde_json::from_slice(bytes).map_err(|error| TaskError::Json(error.to_string()))?;
        task.validate()?;
        Ok(task)
    }

    /// The canonical form: JSON, keys in declaration order, numbers in their shortest exact form.
    ///
    /// # Errors
    /// [`TaskError::Json`] if serialisation fails, which no validated task does.
    pub fn to_json(&self) -> Result<Vec<u8>, TaskError> {
        serde_json::to_vec(self).map_err(|error| TaskError::Json(error.to_string()))
    }

    /// SHA-256 of the canonical form: comments and layout of the file do not matter, every value does.
    ///
    /// # Errors
    /// As [`to_json`](Self::to_json).
    pub fn hash(&self) -> Result<TaskHash, TaskError> {
        Ok(TaskHash::of(&self.to_json()?))
    }

    fn validate(&self) -> Result<(), TaskError> {
        check_name("name", &self.name)?;
        check_name("population", &self.population)?;
        if self.rounds == 0 {
            return Err(TaskError::NoRounds);
        }
        self.model.validate()?;
        let pretrained = self.pretrained.as_ref();
        pretrained.map_or(Ok(()), |pretrained| pretrained.validate(&self.model, self.personal.as_ref()))?;
        self.purpose.validate(&self.privacy)?;
        self.participation.validate()?;
        self.personal.as_ref().map_or(Ok(()), |personal| personal.validate(self))?;
        self.check_correlation()?;
        let block_rounds = self.participation.block_rounds().get();
        if !self.rounds.is_multiple_of(block_rounds) {
            return Err(TaskError::PartialBlock { rounds: self.rounds, block_rounds });
        }
        self.randomiser(0)?;
        if self.evaluation().is_some() && pretrained.is_some_and(Pretrained::is_partial) {
            return Err(EvaluationError::Partial.into());
        }
        if self.plan().is_some_and(|plan| plan.adaptive_proximal.is_some()) && self.privacy.metrics.is_none() {
            return Err(TaskError::NoLossToFollow);
        }
        if self.plan().is_some_and(|plan| plan.adaptive_proximal.is_some())
            && self.privacy.metrics_are_open()
            && self.privacy.delta().is_some()
        {
            return Err(TaskError::UnnoisedLossToFollow);
        }
        if self.privacy.metrics_are_open() && self.privacy.delta().is_some() && self.participation.is_secret() {
            return Err(TaskError::OpenMetricsOfASecretCohort);
        }
        Ok(())
    }
}

/// What names of tasks and populations have in common: 1 to 64 of `A-Z a-z 0-9 . _ -`, not starting with a dot.
///
/// # Errors
/// [`TaskError::Name`] naming `field`.
pub fn check_name(field: &'static str, name: &str) -> Result<(), TaskError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_LIMIT || !name.chars().all(legal) || name.starts_with('.') {
        return Err(TaskError::Name { field, name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
