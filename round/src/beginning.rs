//! What a task begins with, and how what it releases becomes a whole model.

use murmur_privacy::Digest;

use crate::{
    checkpoint::{CheckpointError, read_manifest, read_model, write_model},
    params::{DimensionMismatch, Params},
    personal::Division,
    pretrained::{Adaptation, PretrainedFileError},
    task::Task,
};

/// What a task begins with, before anything was learnt: drawn, or from the file that it starts from. A clone shares what a file holds.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// What is trained together.
    shared: Params,
    /// What each device's own layers begin as.
    own: Option<(Division, Params)>,
    adaptation: Option<Adaptation>,
}

impl Beginning {
    /// Of `task`; `file` is the one that it starts from, where it starts from one. Everything about the file is checked.
    ///
    /// # Errors
    /// [`PretrainedFileError`].
    pub fn of(task: &Task, file: Option<&[u8]>) -> Result<Self, PretrainedFileError> {
        let adaptation = Adaptation::of(task, file)?;
        let local = adaptation.as_ref().map_or_else(|| task.model.initial(), Adaptation::initial);
        let (shared, own) = match task.division() {
            Some(division) => {
                // PANIC: the division is of the table of what the task's devices train, which is this one's.
                let (shared, own) = division.part(&local).expect("a task's division fits what it begins with");
                (shared, Some((division, own)))
            }
            None => (local, None),
        };
        Ok(Self { shared, own, adaptation })
    }

    /// How what is trained and what stays as the file has it make a model; none where the task starts from no file.
    #[must_use]
    pub fn adaptation(&self) -> Option<&Adaptation> {
        self.adaptation.as_ref()
    }

    /// The first model: all that is trained together.
    #[must_use]
    pub fn shared(&self) -> &Params {
        &self.shared
    }

    /// What each device's own layers begin as; none where devices have none.
    #[must_use]
    pub fn own(&self) -> Option<&Params> {
        self.own.as_ref().map(|(_, own)| own)
    }

    /// All that a device trains, of a released model: with the layers of that device's own, or those that it would begin with.
    ///
    /// # Errors
    /// [`DimensionMismatch`] when they are not the task's.
    pub fn local(&self, shared: &Params, own: Option<&Params>) -> Result<Params, DimensionMismatch> {
        match &self.own {
            Some((division, initial)) => division.join(shared, own.unwrap_or(initial)),
            None => Ok(shared.clone()),
        }
    }

    /// The whole model of a released file, as a file of the model's own tensors, with the same manifest: what the ledger paid for, in the
    /// form in which others read it. The manifest names the released file, and the tensors that are each device's own, which are here as
    /// the task began with them.
    ///
    /// # Errors
    /// [`CheckpointError`] when the file is none of this task's.
    pub fn put_together(&self, released: &[u8]) -> Result<Vec<u8>, CheckpointError> {
        let other = |error: DimensionMismatch| CheckpointError::Metadata(error.to_string());
        let shared = read_model(released, self.shared.layout().clone())?;
        let mut whole = self.local(&shared, None).map_err(other)?;
        if let Some(adaptation) = &self.adaptation {
            whole = adaptation.whole(&whole).map_err(other)?;
        }
        let mut manifest = read_manifest(released)?;
        manifest.put_together_from = Some(Digest::of(released));
        let own = self.own().into_iter().flat_map(|own| own.layout().tensors());
        manifest.own_layers = own.map(|tensor| tensor.name.clone()).collect();
        write_model(&whole, &manifest)
    }
}

/// A released model file as one of all the model's tensors: itself, unless only a part of the model is trained together. `pretrained` is the
/// file that the task starts from.
///
/// # Errors
/// [`CheckpointError`] when it is no file of this task's; [`CheckpointError::Pretrained`].
pub fn whole_model(task: &Task, released: Vec<u8>, pretrained: Option<&[u8]>) -> Result<Vec<u8>, CheckpointError> {
    if !task.is_partial() {
        return Ok(released);
    }
    let beginning = Beginning::of(task, pretrained);
    beginning.map_err(|error| CheckpointError::Pretrained(Box::new(error)))?.put_together(&released)
}
