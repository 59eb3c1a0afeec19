//! What operators see, whoever asks for it: gRPC or the page. What is not public is read by nobody here, so that neither can show it.
//!
//! All of this is in ledgers, in released models, in the register or in the tasks themselves. There is no way from here to a cohort, an
//! update or a sum.

mod devices;
mod error;
mod ledgers;
mod models;

pub(crate) use devices::{InPopulation, Register};
pub(crate) use error::SeenError;
pub(crate) use ledgers::Checked;
pub(crate) use models::Stated;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use murmur_privacy::Digest;
use tokio::sync::watch;

use crate::{
    moment::Moment,
    service::Refusals,
    store::{Roll, Store},
    tasks::{PopulationView, TaskView, Tasks, Views},
};

/// The view of operators on a server. A clone is another handle on the same one. What is not `async` may wait for the store.
pub(crate) struct Seen<S>(Arc<Inner<S>>);

impl<S> Clone for Seen<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<S> {
    tasks: Tasks<S>,
    refusals: Refusals,
    since: Moment,
    /// What released models state: files never change, so it is read once.
    stated: Mutex<BTreeMap<Digest, Stated>>,
    checked: Mutex<BTreeMap<String, Arc<Checked>>>,
    register: Mutex<Option<(Roll, Arc<Register>)>>,
}

impl<S: Store> Seen<S> {
    pub(crate) fn new(tasks: Tasks<S>, refusals: Refusals) -> Self {
        let (stated, checked, register) = Default::default();
        Self(Arc::new(Inner { tasks, refusals, since: Moment::now(), stated, checked, register }))
    }

    /// What operators change things by.
    pub(crate) fn orders(&self) -> &Tasks<S> {
        &self.0.tasks
    }

    /// How every task stands, in the order in which they were created.
    pub(crate) fn tasks(&self) -> Vec<TaskView> {
        self.0.tasks.all()
    }

    /// What every population that has a ledger may spend, by name.
    pub(crate) fn populations(&self) -> Vec<PopulationView> {
        self.0.tasks.board().populations()
    }

    /// Tells whenever a task or a budget changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Views> {
        self.0.tasks.board().watch()
    }

    /// What devices and strangers were refused.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// When this process began to serve.
    pub(crate) fn since(&self) -> Moment {
        self.0.since
    }
}

/// Nobody leaves half of a change behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
