//! The models that devices may read.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use murmur_privacy::Digest;

/// Models are kept readable for a round longer than they are current: a slow reader finishes, memory stays bounded.
const KEPT: usize = 2;

/// Released models by digest; nothing else is ever put in. A clone is another handle on the same ones.
#[derive(Clone, Debug, Default)]
pub struct Published(Arc<RwLock<VecDeque<(Digest, Bytes)>>>);

impl Published {
    pub(super) fn put(&self, model: Digest, file: Bytes) {
        let mut models = self.0.write().unwrap_or_else(PoisonError::into_inner);
        models.push_front((model, file));
        models.truncate(KEPT);
    }

    /// The file of this model, if it was released and is still kept.
    #[must_use]
    pub fn get(&self, model: &Digest) -> Option<Bytes> {
        let models = self.0.read().unwrap_or_else(PoisonError::into_inner);
        models.iter().find(|(digest, _)| digest == model).map(|(_, file)| file.clone())
    }

    /// The current model.
    #[must_use]
    pub fn latest(&self) -> Option<Digest> {
        let models = self.0.read().unwrap_or_else(PoisonError::into_inner);
        models.front().map(|(digest, _)| *digest)
    }
}
