//! A model of a candidate's own.

use murmur_privacy::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    checkpoint::{CheckpointError, read_model},
    model::ModelSpec,
    params::Params,
    pretrained::{PATH_LIMIT, Pretrained},
    task::Task,
};

/// A safetensors file of all tensors of the task's `[model]`, under its names and shapes (PyTorch's): what a candidate begins with in the place
/// of the task's own model. The file is public: every device fetches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateModel {
    /// Where it lies, seen from the task file. What counts are its bytes.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// Why a file is not what a candidate begins with.
#[derive(Debug, Error)]
pub enum CandidateModelError {
    /// Nobody has it.
    #[error("the candidate begins with {file} (sha256 {sha256}), and that file is not here: bring it")]
    Missing {
        /// How the task calls it.
        file: String,
        /// Its digest.
        sha256: Digest,
    },
    /// Another file.
    #[error(
        "evaluation.candidates: model.sha256 is {expected}, and {file} has {found}: bring the file that was meant, or write sha256 = \
         \"{found}\""
    )]
    Digest {
        /// How the task calls it.
        file: String,
        /// What the task says.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
    /// More than the model by far.
    #[error(
        "{file} has {found} bytes, and every device would have to fetch them: leave only the model's tensors in it, {limit} bytes at most"
    )]
    TooLong {
        /// How the task calls it.
        file: String,
        /// Its length.
        found: usize,
        /// The longest that it may be.
        limit: usize,
    },
    /// Not a safetensors file, or not the model's tensors.
    #[error("{file}: {cause}; a candidate's model has all tensors of the task's [model]")]
    Tensors {
        /// How the task calls it.
        file: String,
        /// What is wrong.
        cause: CheckpointError,
    },
}

impl CandidateModel {
    pub(super) fn has_path(&self) -> bool {
        !self.file.is_empty() && self.file.len() <= PATH_LIMIT && !self.file.chars().any(char::is_control)
    }

    /// The parameters that these bytes hold, which are checked: digest, length, tensors. Numbers that are not finite are measured as they
    /// are: a model that went astray is no better for that.
    ///
    /// # Errors
    /// [`CandidateModelError`].
    pub fn read(&self, model: &ModelSpec, bytes: Option<&[u8]>) -> Result<Params, CandidateModelError> {
        let (file, expected) = (|| self.file.clone(), self.sha256);
        let bytes = bytes.ok_or_else(|| CandidateModelError::Missing { file: file(), sha256: expected })?;
        let found = Digest::of(bytes);
        if found != expected {
            return Err(CandidateModelError::Digest { file: file(), expected, found });
        }
        let limit = Pretrained::longest_file(model);
        if bytes.len() > limit {
            return Err(CandidateModelError::TooLong { file: file(), found: bytes.len(), limit });
        }
        read_model(bytes, model.layout()).map_err(|cause| CandidateModelError::Tensors { file: file(), cause })
    }
}

impl Task {
    /// The models that candidates begin with in the place of the task's own, each once, in the order of their first mention.
    #[must_use]
    pub fn candidate_models(&self) -> Vec<&CandidateModel> {
        let candidates = self.evaluation().map_or(&[][..], |(plan, _)| plan.candidates.as_slice());
        let mut models: Vec<&CandidateModel> = Vec::new();
        for model in candidates.iter().filter_map(|candidate| candidate.model.as_ref()) {
            if !models.iter().any(|known| known.sha256 == model.sha256) {
                models.push(model);
            }
        }
        models
    }
}
