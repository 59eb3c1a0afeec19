//! Layers that are each device's own: the `[personal]` section (FedPer).
//!
//! In a round a device trains all of the model: the layers that it got, and its own, which begin as they were when it took part last (the
//! first time: as the task begins). It sends the difference of the former alone and keeps the latter, for good and for itself.
//!
//! # Guarantee
//! Nothing about what a task promises changes, since nothing that the promise rests on does:
//! - The layers of a device's own are no coordinates of an update. What is clipped, summed, noised and released is the rest, and the norm that
//!   is clipped is the rest's ([`Delta::set_apart`](murmur_privacy::Delta::set_apart)).
//! - What a device sends has the same bound whatever its own layers hold, and those follow from its own examples, the models that were
//!   released, and the rounds that it took part in. The last of these may be secret, where a claim rests on sampling. That costs nothing:
//!   a device's coin is independent of everything before its round, so a release, given those before it, is distributed as without the
//!   device with probability `1 - q`, and with probability `q` as a mixture, over what its own layers may hold by then, of the same with one
//!   contribution within the bound. Divergences that accountants add up are convex in such mixtures (jointly, for the coins of all other
//!   devices, whose law is the same in both worlds), so that none is larger than for the worst contribution, which is what a round is
//!   charged for. Of a block of random allocation the same holds where a device has one round in it; for several no theorem is at hand, and
//!   such tasks are refused ([`PersonalError::SeveralTurns`]).
//! - Whoever hands a device's own layers on releases its owner's data, and nothing here pays for that.
//!
//! # Source
//! Arivazhagan, Aggarwal, Singh and Choudhary 2019, "Federated Learning with Personalization Layers" (1912.00818), algorithms 1 and 2: base
//! layers are averaged, personalization layers stay where they are.

mod division;
mod error;
mod file;
#[cfg(test)]
mod tests;

pub use division::Division;
pub use error::PersonalError;
pub use file::{OwnFileError, read_own, with_own, write_own};

use serde::{Deserialize, Serialize};

use crate::{
    params::{Layout, ParameterShape},
    participation::Participation,
    pretrained::{Pretrained, means},
    task::Task,
};

/// The tensors of the model that each device keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Personal {
    /// Named in full, or by everything before a dot: `output` is `output.weight` and `output.bias`.
    pub layers: Vec<String>,
}

impl Personal {
    /// Whether this tensor of the model is each device's own.
    #[must_use]
    pub fn is_own(&self, tensor: &str) -> bool {
        self.layers.iter().any(|name| means(name, tensor))
    }

    /// Checks that the section fits the rest of the task, each part of which is valid by itself.
    ///
    /// # Errors
    /// [`PersonalError`] naming the key at fault.
    pub(crate) fn validate(&self, task: &Task) -> Result<(), PersonalError> {
        if self.layers.is_empty() {
            return Err(PersonalError::NoLayers);
        }
        if task.evaluation().is_some() {
            return Err(PersonalError::Evaluation);
        }
        let layout = task.model.layout();
        let nothing = |name: &&String| !layout.tensors().iter().any(|tensor| means(name, &tensor.name));
        if let Some(name) = self.layers.iter().find(nothing) {
            let tensors = layout.tensors().iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>();
            return Err(PersonalError::NoSuchTensor { name: name.clone(), tensors: tensors.join(", ") });
        }
        if let Some(pretrained) = &task.pretrained {
            let both = |tensor: &&ParameterShape| self.is_own(&tensor.name) && pretrained.is_frozen(&tensor.name);
            if let Some(tensor) = layout.tensors().iter().find(both) {
                return Err(PersonalError::Frozen { name: tensor.name.clone() });
            }
        }
        if task.shared_layout().dimension() == 0 {
            return Err(PersonalError::NothingShared);
        }
        match task.participation {
            Participation::Allocation { rounds_per_device, .. } if rounds_per_device > 1 => {
                Err(PersonalError::SeveralTurns { rounds_per_device })
            }
            _ => Ok(()),
        }
    }
}

impl Task {
    /// The table of the tensors that a device trains: those that it shares and those of its own, in the model's order. Without
    /// `[pretrained]`, all of the model's.
    #[must_use]
    pub fn local_layout(&self) -> Layout {
        match &self.pretrained {
            Some(pretrained) => Layout::new(pretrained.trained(&self.model, self.personal.as_ref())),
            None => self.model.layout(),
        }
    }

    /// The table of the tensors that are trained together: what an update has coordinates for, and what a released model file holds.
    #[must_use]
    pub fn shared_layout(&self) -> Layout {
        let local = self.local_layout();
        match &self.personal {
            Some(personal) => {
                let shared = local.tensors().iter().filter(|tensor| !personal.is_own(&tensor.name));
                Layout::new(shared.cloned().collect())
            }
            None => local,
        }
    }

    /// How what a device trains falls into what it shares and what is its own; none where all of it is shared.
    #[must_use]
    pub fn division(&self) -> Option<Division> {
        self.personal.as_ref().map(|personal| Division::of(&self.local_layout(), personal))
    }

    /// Whether a released model file holds a part of the model only: something stays as a file has it, or is each device's own.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.personal.is_some() || self.pretrained.as_ref().is_some_and(Pretrained::is_partial)
    }

    /// The file that whoever trains or uses a released model needs beside it: what stays as it has it, or what devices' own layers begin as.
    #[must_use]
    pub fn file_beside(&self) -> Option<&Pretrained> {
        self.pretrained.as_ref().filter(|_| self.is_partial())
    }
}
