//! The models that devices may read.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use murmur_privacy::Digest;

/// Models are kept readable for a round longer than they are current: a slow reader finishes, memory stays bounded.
const KEPT: usize = 2;

/// Released models by digest, and the public files that devices need, what the task starts from or its candidates begin with; nothing else is ever put in. A clone is
/// another handle on the same ones.
#[derive(Clone, Debug, Default)]
pub struct Published {
    models: Arc<RwLock<VecDeque<(Digest, Bytes)>>>,
    public: Arc<[(Digest, Bytes)]>,
}

impl Published {
    pub(super) fn with_public(files: Vec<(Digest, Bytes)>) -> Self {
        Self { models: Arc::default(), public: files.into() }
    }

    pub(super) fn put(&self, model: Digest, file: Bytes) {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        models.push_front((model, file));
        models.truncate(KEPT);
    }

    /// The file of this digest, if it is a released model that is still kept, or one that devices need.
    #[must_use]
    pub fn get(&self, model: &Digest) -> Option<Bytes> {
        if let Some((_, file)) = self.public.iter().find(|(digest, _)| digest == model) {
            return Some(file.clone());
        }
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.iter().find(|(digest, _)| digest == model).map(|(_, file)| file.clone())
    }

    /// The current model.
    #[must_use]
    pub fn latest(&self) -> Option<Digest> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.front().map(|(digest, _)| *digest)
    }
}
