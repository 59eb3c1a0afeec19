//! What the service knows without asking the coordinator, and how it asks.

use std::{
    collections::BTreeSet,
    sync::{Arc, mpsc::Sender},
};

use bytes::Bytes;
use murmur_privacy::{Digest, Grid};
use murmur_proto::answer::CheckIn;
use murmur_round::{
    coordinator::{Event, Verdict},
    device_id::DeviceId,
    task::{Schedule, TaskError, TaskHash},
};
use tokio::sync::{Semaphore, oneshot};

use super::RequestError;
use crate::driver::{Command, Published, Reply};

/// Events that may wait for the coordinator's thread; whoever comes later waits before its event is queued.
const QUEUE: usize = 256;

/// The side of the coordinator that devices see. A clone serves the same task.
#[derive(Clone)]
pub(crate) struct Front(Arc<Inner>);

struct Inner {
    task: TaskHash,
    json: Bytes,
    rounds: u32,
    grid: Grid,
    enrolled: BTreeSet<DeviceId>,
    published: Published,
    commands: Sender<Command>,
    room: Arc<Semaphore>,
}

impl Front {
    pub(crate) fn new(
        schedule: &Schedule,
        enrolled: BTreeSet<DeviceId>,
        published: Published,
        commands: Sender<Command>,
    ) -> Result<Self, TaskError> {
        Ok(Self(Arc::new(Inner {
            task: schedule.hash(),
            json: schedule.task().to_json()?.into(),
            rounds: schedule.task().rounds,
            grid: schedule.grid(),
            enrolled,
            published,
            commands,
            room: Arc::new(Semaphore::new(QUEUE)),
        })))
    }

    pub(super) fn task_json(&self) -> Bytes {
        self.0.json.clone()
    }

    pub(super) fn grid(&self) -> Grid {
        self.0.grid
    }

    pub(super) fn expect_task(&self, found: TaskHash) -> Result<(), RequestError> {
        let expected = self.0.task;
        if found == expected { Ok(()) } else { Err(RequestError::WrongTask { expected, found }) }
    }

    /// An enrolled device speaks of a round that the task has.
    pub(super) fn expect_part(&self, device: &DeviceId, task: TaskHash, round: u32) -> Result<(), RequestError> {
        self.expect_task(task)?;
        if !self.0.enrolled.contains(device) {
            return Err(RequestError::UnknownDevice { device: device.clone() });
        }
        let rounds = self.0.rounds;
        if round < rounds { Ok(()) } else { Err(RequestError::NoSuchRound { round, rounds }) }
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
        self.0.commands.send(Command::Device { event, reply, permit }).map_err(|_| RequestError::Stopped)?;
        answer.await.map_err(|_| RequestError::Stopped)
    }
}
