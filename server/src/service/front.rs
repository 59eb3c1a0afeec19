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

use super::{Gate, RequestError};
use crate::driver::{Published, Queue, Reply};

/// Events that may wait for the coordinator's thread; whoever comes later waits before its event is queued.
const ROOM: usize = 256;

/// The side of the coordinator that devices see. A clone serves the same task.
#[derive(Clone)]
pub(crate) struct Front(Arc<Inner>);

struct Inner {
    gate: Gate,
    task: TaskHash,
    json: Bytes,
    /// Of every round but for the step, which no check depends on.
    encoding: Encoding,
    enrolled: BTreeSet<DeviceId>,
    published: Published,
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
}

impl Front {
    pub(crate) fn new(
        gate: Gate,
        schedule: &Schedule,
        enrolled: BTreeSet<DeviceId>,
        published: Published,
        queue: Arc<Queue>,
    ) -> Result<Self, TaskError> {
        Ok(Self(Arc::new(Inner {
            gate,
            task: schedule.hash(),
            json: schedule.task().to_json()?.into(),
            encoding: schedule.encoding(schedule.task().privacy.clip),
            enrolled,
            published,
            queue,
            room: Arc::new(Semaphore::new(ROOM)),
        })))
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(super) fn task_json(&self) -> Bytes {
        self.0.json.clone()
    }

    pub(super) fn encoding(&self) -> &Encoding {
        &self.0.encoding
    }

    pub(super) fn expect_task(&self, found: TaskHash) -> Result<(), RequestError> {
        let expected = self.0.task;
        if found == expected { Ok(()) } else { Err(RequestError::WrongTask { expected, found }) }
    }

    /// An enrolled device speaks of this task. Which rounds are open is the coordinator's to say.
    pub(super) fn expect_part(&self, device: &DeviceId, task: TaskHash) -> Result<(), RequestError> {
        self.expect_task(task)?;
        self.expect_enrolled(Some(device))
    }

    /// Whoever asks is one of those that this task is for, as far as that is known.
    pub(super) fn expect_enrolled(&self, device: Option<&DeviceId>) -> Result<(), RequestError> {
        match device {
            Some(device) if !self.0.enrolled.contains(device) => {
                Err(RequestError::UnknownDevice { device: device.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn model(&self, model: Digest) -> Result<Bytes, RequestError> {
        self.0.published.get(&model).ok_or(RequestError::NoSuchModel { model })
    }

    pub(super) async fn check_in(&self, device: DeviceId) -> Result<CheckIn, RequestError> {
        match self.ask(Event::CheckIn(device)).await? {
            Reply::CheckIn(answer) => Ok(answer),
            Reply::Verdict(_) => Err(RequestError::Stopped),
        }
    }

    pub(super) async fn verdict(&self, event: Event) -> Result<Verdict, RequestError> {
        match self.ask(event).await? {
            Reply::Verdict(verdict) => Ok(verdict),
            Reply::CheckIn(_) => Err(RequestError::Stopped),
        }
    }

    async fn ask(&self, event: Event) -> Result<Reply, RequestError> {
        let permit = self.0.room.clone().acquire_owned().await.map_err(|_| RequestError::Stopped)?;
        let (reply, answer) = oneshot::channel();
        self.0.queue.put(event, reply, permit).map_err(|_| RequestError::Stopped)?;
        answer.await.map_err(|_| RequestError::Stopped)
    }
}
