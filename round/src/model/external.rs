//! The tensors of a model that an app brings.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ModelError, ModelSpec};
use crate::params::ParameterShape;

/// One tensor of an app's model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalTensor {
    /// Its name, unique in the model.
    pub name: String,
    /// Extents, outermost first (row-major).
    pub shape: Vec<usize>,
    /// What it starts from.
    pub initial: Initial,
}

/// How the first values of a tensor are made. They are public, and depend on the `[model]` section alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initial {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// Uniform between this number and its negative.
    Uniform(f32),
}

impl ModelSpec {
    /// The `[model]` section as a task file has it.
    ///
    /// # Errors
    /// [`ModelError::Unwritten`] if TOML cannot hold it, as it can every section that is valid.
    pub fn to_toml(&self) -> Result<String, ModelError> {
        #[derive(Serialize)]
        struct File<'a> {
            model: &'a ModelSpec,
        }
        toml::to_string(&File { model: self }).map_err(|error| ModelError::Unwritten(error.to_string()))
    }
}

impl ExternalTensor {
    pub(super) fn shape(&self) -> ParameterShape {
        ParameterShape { name: self.name.clone(), shape: self.shape.clone() }
    }
}

pub(super) fn validate(tensors: &[ExternalTensor]) -> Result<(), ModelError> {
    if tensors.is_empty() {
        return Err(ModelError::NoLayer { field: "tensors" });
    }
    let mut names = BTreeSet::new();
    for ExternalTensor { name, shape, initial } in tensors {
        if name.is_empty() || !names.insert(name) {
            return Err(ModelError::Name { name: name.clone() });
        }
        if shape.contains(&0) {
            return Err(ModelError::Zero { field: "tensors.shape" });
        }
        if let Initial::Uniform(limit) = *initial
            && !(limit > 0.0 && limit.is_finite())
        {
            return Err(ModelError::Limit { name: name.clone(), limit });
        }
    }
    Ok(())
}
