//! Released models: which there are, what they state, and their files.

use murmur_privacy::Digest;
use murmur_round::{
    beginning::whole_model,
    checkpoint::Checkpoint,
    measure::ReleasedMetrics,
    task::{Task, TaskHash},
};

use super::{Seen, SeenError, locked};
use crate::{
    releases::{Release, releases},
    store::Store,
};

/// What a released model says about itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stated {
    /// Bytes of its file.
    pub(crate) bytes: u64,
    /// What its round said about the model before it, where that is within the budget.
    pub(crate) metrics: Option<ReleasedMetrics>,
}

impl<S: Store> Seen<S> {
    /// The released models with their populations, of one task or of all, in the order of their release.
    pub(crate) fn models(&self, task: Option<&TaskHash>) -> Result<Vec<(String, Release)>, SeenError> {
        let mut store = self.0.tasks.store();
        let mut models = Vec::new();
        for population in store.populations()? {
            let released = releases(&store.entries(&population)?);
            let wanted = released.into_iter().filter(|release| task.is_none_or(|task| release.task == *task));
            models.extend(wanted.map(|release| (population.clone(), release)));
        }
        Ok(models)
    }

    /// A released model's file.
    pub(crate) fn model(&self, model: &Digest) -> Result<Vec<u8>, SeenError> {
        // Models that were stored and not released are for nobody's eyes.
        if !self.models(None)?.iter().any(|(_, release)| release.model_sha256 == *model) {
            return Err(SeenError::NoModel { model: *model });
        }
        Ok(self.checkpoint(model)?.model)
    }

    /// A released model with all its tensors: its file, or where the task trains a part of a model only, that put together with the rest.
    pub(crate) fn whole(&self, model: &Digest) -> Result<Vec<u8>, SeenError> {
        let released = self.models(None)?;
        let none = SeenError::NoModel { model: *model };
        let (_, release) = released.iter().find(|(_, release)| release.model_sha256 == *model).ok_or(none)?;
        let file = self.checkpoint(model)?.model;
        // A task of `serve --task` is not among the orders, and what was released of it is shown as it is.
        match self.task(&release.task) {
            Ok(task) => self.put_together(&task, file),
            Err(SeenError::NoTask { .. }) => Ok(file),
            Err(error) => Err(error),
        }
    }

    fn task(&self, task: &TaskHash) -> Result<Task, SeenError> {
        let orders = self.0.tasks.store().orders()?;
        let order = orders.into_iter().find(|order| order.task == *task).ok_or(SeenError::NoTask { task: *task })?;
        Ok(Task::from_json(&order.json)?)
    }

    fn put_together(&self, task: &Task, file: Vec<u8>) -> Result<Vec<u8>, SeenError> {
        let pretrained = match task.file_beside() {
            Some(pretrained) => self.0.tasks.store().pretrained(&pretrained.sha256)?,
            None => None,
        };
        Ok(whole_model(task, file, pretrained.as_deref())?)
    }

    /// What a released model says about itself; none if its file is gone.
    pub(crate) fn stated(&self, release: &Release) -> Result<Option<Stated>, SeenError> {
        let model = release.model_sha256;
        if let Some(stated) = locked(&self.0.stated).get(&model) {
            return Ok(Some(*stated));
        }
        let Some((manifest, bytes)) = self.0.tasks.store().manifest(&model)? else { return Ok(None) };
        let stated = Stated { bytes, metrics: manifest.metrics.filter(|metrics| metrics.private) };
        locked(&self.0.stated).insert(model, stated);
        Ok(Some(stated))
    }

    /// The average of the models that a task released so far, where it keeps one, as a file. It costs nothing: all of them are released.
    pub(crate) fn average(&self, task: &TaskHash) -> Result<Vec<u8>, SeenError> {
        let parsed = self.task(task)?;
        let none = SeenError::NoAverage { task: *task };
        let Some((_, last)) = self.models(Some(task))?.pop() else { return Err(none) };
        let average = self.checkpoint(&last.model_sha256)?.averaged(&parsed)?.ok_or(none)?;
        self.put_together(&parsed, average)
    }

    fn checkpoint(&self, model: &Digest) -> Result<Checkpoint, SeenError> {
        let checkpoint = self.0.tasks.store().checkpoint(model)?.ok_or(SeenError::NoModel { model: *model })?;
        let found = Digest::of(&checkpoint.model);
        if found == *model { Ok(checkpoint) } else { Err(SeenError::Damaged { model: *model, found }) }
    }
}
