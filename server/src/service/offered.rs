//! The tasks that devices may take part in, and which of them a device is given work in.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use murmur_proto::answer::CheckIn;
use murmur_round::{coordinator::TurnedAway, device_id::DeviceId, task::TaskHash, time::Millis};

use super::{RequestError, Served, pace::Pace};

/// When to ask again where there is nothing to do.
const IDLE: Millis = Millis(2_000);

/// The tasks on offer. A clone is another handle on the same ones.
#[derive(Clone, Default)]
pub(crate) struct Offered(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// There is one task and never another: its coordinator answers everybody, and says when it is over.
    only: Option<Arc<Served>>,
    tasks: RwLock<Vec<Arc<Served>>>,
    /// Whoever checks in begins at another task than the one before.
    turn: AtomicUsize,
    pace: Pace,
}

impl Offered {
    /// One task.
    pub(crate) fn only(served: Served) -> Self {
        Self(Arc::new(Inner { only: Some(Arc::new(served)), ..Inner::default() }))
    }

    /// Offers a task from now on.
    pub(crate) fn add(&self, served: Served) {
        self.0.tasks.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(served));
    }

    /// Offers it no longer.
    pub(crate) fn remove(&self, task: &TaskHash) {
        self.0.tasks.write().unwrap_or_else(PoisonError::into_inner).retain(|served| served.hash() != *task);
    }

    pub(super) fn all(&self) -> Vec<Arc<Served>> {
        self.0.only.iter().cloned().chain(self.0.others()).collect()
    }

    pub(super) fn task(&self, task: &TaskHash) -> Option<Arc<Served>> {
        self.all().into_iter().find(|served| served.hash() == *task)
    }

    /// Work in the first of the device's tasks that has some; else when to come back.
    ///
    /// A task whose kind of model the device cannot train is none of its. Every task that is asked hears that the device is about. A device that is given work in one task is not asked by the others until
    /// it checks in again: it is then absent from a round of theirs that ends before, which changes nothing about anybody else.
    pub(super) async fn check_in(&self, device: DeviceId, model_kinds: &[String]) -> Result<CheckIn, RequestError> {
        if let Some(only) = self.0.only.as_ref().filter(|only| only.can_be_done_with(model_kinds)) {
            return only.check_in(device).await;
        }
        let mut mine = self.0.others();
        mine.retain(|served| served.is_for(&device) && served.can_be_done_with(model_kinds));
        if !mine.is_empty() {
            let turn = self.0.turn.fetch_add(1, Ordering::Relaxed) % mine.len();
            mine.rotate_left(turn);
        }
        let mut wait: Option<Millis> = None;
        for served in mine {
            match served.check_in(device.clone()).await? {
                CheckIn::Assigned(assignment) => return Ok(CheckIn::Assigned(assignment)),
                CheckIn::TurnedAway(TurnedAway::ComeBack { after }) => {
                    wait = Some(wait.map_or(after, |wait| wait.min(after)));
                }
                // Its end may come before it is taken from the offer.
                CheckIn::TurnedAway(TurnedAway::Finished | TurnedAway::NotEnrolled) => {}
            }
        }
        let after = self.0.pace.spread(Instant::now(), wait.unwrap_or(IDLE));
        Ok(CheckIn::TurnedAway(TurnedAway::ComeBack { after }))
    }
}

impl Inner {
    fn others(&self) -> Vec<Arc<Served>> {
        self.tasks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
