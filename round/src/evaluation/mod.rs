//! What a device does in a task that trains nothing: the `[evaluation]` section.
//!
//! Each device measures every candidate on examples of its own that the candidate did not train on, and sends those measures and nothing
//! else. So several models, and several local plans or none, are compared in one round (federated evaluation and tuning, as in Paulik et al.
//! 2021, arXiv 2102.08503, section 3).

mod candidate_model;
mod error;
mod groups;
mod released;
#[cfg(test)]
mod tests;

pub use candidate_model::{CandidateModel, CandidateModelError};
pub use error::EvaluationError;
pub use groups::Group;
pub use released::{CandidateMetrics, EvaluationTerms, MeasureSums, ReleasedEvaluation};

use serde::{Deserialize, Serialize};

use crate::{
    measure::{LocalMetrics, Measure},
    plan::LocalPlan,
};

/// Most candidates of a task: each of them takes from the budget of all others.
pub const CANDIDATE_LIMIT: usize = 32;
/// Most models of candidates' own in a task: every device fetches and keeps them.
pub const MODEL_LIMIT: usize = 8;
/// Longest name of a candidate, in characters.
const NAME_LIMIT: usize = 64;

/// The `[evaluation]` section: what is compared, and on which of a device's examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationPlan {
    /// The part of a device's examples on which it measures, above 0 and at most 1: the last of a seeded order. The others are what a
    /// candidate trains on.
    pub held_out: f64,
    /// What is compared, 1 to [`CANDIDATE_LIMIT`].
    pub candidates: Vec<Candidate>,
}

/// One way of getting a model on a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// What people call it: 1 to 64 characters, no two alike.
    pub name: String,
    /// What it begins with. Left out: with the task's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<CandidateModel>,
    /// How each device trains that model first, on its other examples. What it trained never leaves it. Left out: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<LocalPlan>,
}

impl EvaluationPlan {
    /// Checks the section.
    ///
    /// # Errors
    /// [`EvaluationError`] naming the key, or the candidate, at fault.
    pub fn validate(&self) -> Result<(), EvaluationError> {
        let held_out = self.held_out;
        if !(held_out > 0.0 && held_out <= 1.0) {
            return Err(EvaluationError::HeldOut { held_out });
        }
        let found = self.candidates.len();
        if !(1..=CANDIDATE_LIMIT).contains(&found) {
            return Err(EvaluationError::Count { found });
        }
        for (place, candidate) in self.candidates.iter().enumerate() {
            candidate.validate()?;
            if self.candidates[..place].iter().any(|other| other.name == candidate.name) {
                return Err(EvaluationError::SameName { name: candidate.name.clone() });
            }
            if held_out == 1.0 && candidate.plan.is_some() {
                return Err(EvaluationError::NothingToTrainOn { candidate: candidate.name.clone() });
            }
        }
        let mut models: Vec<_> = self.candidates.iter().filter_map(|candidate| candidate.model.as_ref()).collect();
        models.sort_unstable_by_key(|model| model.sha256);
        models.dedup_by_key(|model| model.sha256);
        match models.len() {
            found if found > MODEL_LIMIT => Err(EvaluationError::Models { found }),
            _ => Ok(()),
        }
    }

    /// How many of a device's examples are held out: the part that is asked for, to the nearest, but one at least, and of several not
    /// all, unless that is asked for. 0 of none.
    #[must_use]
    pub fn held(&self, examples: usize) -> usize {
        let wanted = (self.held_out * examples as f64).round() as usize;
        let most = if self.held_out < 1.0 { examples.saturating_sub(1).max(1) } else { examples };
        wanted.max(1).min(most).min(examples)
    }

    /// How many examples a device of so many looks at: each candidate's plan at those it trains on, once a pass, and each candidate at
    /// those held out.
    #[must_use]
    pub fn looks(&self, examples: usize) -> u64 {
        let held = self.held(examples);
        let trains = |candidate: &Candidate| {
            candidate.plan.map_or(0, |plan| u64::from(plan.epochs).saturating_mul((examples - held) as u64))
        };
        self.candidates.iter().map(|candidate| trains(candidate).saturating_add(held as u64)).sum()
    }

    /// How many numbers a device sends: whether it measured, then loss and accuracy of each candidate.
    #[must_use]
    pub fn measure_count(&self) -> usize {
        1 + 2 * self.candidates.len()
    }

    /// What a device sends, each number from -1 to 1: [`Measure::Reports`], then [`Measure::Loss`] and [`Measure::Accuracy`] of each
    /// candidate. Only zeros from a device that measured nothing, for want of examples.
    ///
    /// A loss that is not a number counts as the bound: training that went astray is no better for that.
    #[must_use]
    pub fn contribution(&self, measured: Option<&[LocalMetrics]>, loss_bound: f64) -> Vec<f64> {
        let of_candidate = |place: usize| {
            let metrics = measured.and_then(|measured| measured.get(place)).copied();
            let metrics = metrics.map(|LocalMetrics { loss, accuracy }| LocalMetrics {
                loss: if loss.is_nan() { f64::INFINITY } else { loss },
                accuracy,
            });
            [Measure::Loss { bound: loss_bound }, Measure::Accuracy].map(|measure| measure.of(metrics.as_ref(), true))
        };
        let reports = if measured.is_some() { 1.0 } else { 0.0 };
        std::iter::once(reports).chain((0..self.candidates.len()).flat_map(of_candidate)).collect()
    }
}

impl Candidate {
    fn validate(&self) -> Result<(), EvaluationError> {
        let (name, length) = (&self.name, self.name.chars().count());
        if length == 0 || length > NAME_LIMIT || name.trim() != name || name.chars().any(char::is_control) {
            return Err(EvaluationError::Name { name: name.clone() });
        }
        if self.model.as_ref().is_some_and(|model| !model.has_path()) {
            return Err(EvaluationError::File { candidate: name.clone() });
        }
        let Some(plan) = &self.plan else { return Ok(()) };
        let candidate = || name.clone();
        plan.validate().map_err(|cause| EvaluationError::Plan { candidate: candidate(), cause })?;
        let changes = [
            ("schedule", plan.schedule.is_some()),
            ("adaptive_proximal", plan.adaptive_proximal.is_some()),
            ("weight_decay.rounds", plan.weight_decay.is_some_and(|decay| decay.rounds.is_some())),
        ];
        match changes.into_iter().find(|(_, written)| *written) {
            Some((key, _)) => Err(EvaluationError::Changing { candidate: candidate(), key }),
            None => Ok(()),
        }
    }
}
