//! What the service knows without asking the coordinator, and how it asks.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use murmur_privacy::{Digest, Encoding};
use murmur_proto::answer::CheckIn;
use murmur_round::{
    coordinator::{Event, Verdict},
    device_id::DeviceId,
    task::{Schedule, TaskError, TaskHash},
};
use tokio::sync::{Semaphore, oneshot};

use super::{Gate, Offered, RequestError};
use crate::driver::{Published, Queue, Reply};

/// Events that may wait for the coordinator's thread; whoever comes later waits before its event is queued.
const ROOM: usize = 256;

/// The side of the coordinator that devices see. A clone serves the same task.
#[derive(Clone)]
pub(crate) struct Front(Arc<Inner>);

struct Inner {
    gate: Gate,
    offered: Offered,
}

/// The task that is served.
pub(crate) struct Served {
    task: TaskHash,
    json: Bytes,
    /// Of every round but for the step, which no check depends on.
    encoding: Encoding,
    enrolled: BTreeSet<DeviceId>,
    published: Published,
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
}

impl Served {
    pub(crate) fn new(
        schedule: &Schedule,
        enrolled: BTreeSet<DeviceId>,
        published: Published,
        queue: Arc<Queue>,
    ) -> Result<Self, TaskError> {
        Ok(Self {
            task: schedule.hash(),
            json: schedule.task().to_json()?.into(),
            encoding: schedule.encoding(schedule.task().privacy.clip),
            enrolled,
            published,
            queue,
            room: Arc::new(Semaphore::new(ROOM)),
        })
    }

    pub(crate) fn hash(&self) -> TaskHash {
        self.task
    }

    pub(super) fn is_for(&self, device: &DeviceId) -> bool {
        self.enrolled.contains(device)
    }

    pub(super) async fn check_in(&self, device: DeviceId) -> Result<CheckIn, RequestError> {
        match self.ask(Event::CheckIn(device)).await? {
            Reply::CheckIn(answer) => Ok(answer),
            Reply::Verdict(_) => Err(RequestError::Stopped),
        }
    }

    pub(super) fn json(&self) -> Bytes {
        self.json.clone()
    }

    pub(super) fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Whoever asks is one of those that this task is for, as far as that is known.
    pub(super) fn expect_enrolled(&self, device: Option<&DeviceId>) -> Result<(), RequestError> {
        match device {
            Some(device) if !self.enrolled.contains(device) => {
                Err(RequestError::UnknownDevice { device: device.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) async fn verdict(&self, event: Event) -> Result<Verdict, RequestError> {
        match self.ask(event).await? {
            Reply::Verdict(verdict) => Ok(verdict),
            Reply::CheckIn(_) => Err(RequestError::Stopped),
        }
    }

    async fn ask(&self, event: Event) -> Result<Reply, RequestError> {
        let permit = self.room.clone().acquire_owned().await.map_err(|_| RequestError::Stopped)?;
        let (reply, answer) = oneshot::channel();
        self.queue.put(self.task, event, reply, permit).map_err(|_| RequestError::Stopped)?;
        answer.await.map_err(|_| RequestError::Stopped)
    }
}

impl Front {
    /// With whatever is offered; while that is nothing devices can enrol, and come back later.
    pub(crate) fn new(gate: Gate, offered: Offered) -> Self {
        Self(Arc::new(Inner { gate, offered }))
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// The task of this hash. Which of its rounds are open is the coordinator's to say.
    pub(super) fn task(&self, found: TaskHash) -> Result<Arc<Served>, RequestError> {
        self.0.offered.task(&found).ok_or(RequestError::WrongTask { found })
    }

    /// A released model, for whoever a task that it belongs to is for.
    pub(super) fn model(&self, model: Digest, device: Option<&DeviceId>) -> Result<Bytes, RequestError> {
        let mut refusal = RequestError::NoSuchModel { model };
        for served in self.0.offered.all() {
            let Some(file) = served.published.get(&model) else { continue };
            match served.expect_enrolled(device) {
                Ok(()) => return Ok(file),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    pub(super) async fn check_in(&self, device: DeviceId) -> Result<CheckIn, RequestError> {
        self.0.offered.check_in(device).await
    }
}
