//! What the service knows without asking the coordinator, and how it asks.

use std::{collections::BTreeSet, io, sync::Arc, time::Duration};

use bytes::Bytes;
use murmur_privacy::{Digest, Encoding};
use murmur_proto::answer::CheckIn;
use murmur_round::{
    coordinator::{Event, Verdict},
    device_id::DeviceId,
    task::{Schedule, TaskError, TaskHash},
};
use tokio::sync::{Semaphore, oneshot};
use tonic::Request;

use super::{Gate, Offered, Refusals, RequestError, gate::Caller, rate::Rate, uploads::Uploads};
use crate::{
    driver::{Published, Queue, Reply},
    limits::Limits,
};

/// Events that may wait for the coordinator's thread; whoever comes later waits before its event is queued.
const ROOM: usize = 256;

/// The side of the coordinator that devices see. A clone serves the same task.
#[derive(Clone)]
pub(crate) struct Front(Arc<Inner>);

struct Inner {
    gate: Gate,
    offered: Offered,
    uploads: Uploads,
    rate: Rate,
    refusals: Refusals,
}

/// The task that is served.
pub(crate) struct Served {
    task: TaskHash,
    json: Bytes,
    model_kind: &'static str,
    /// Of every round but for the step, which no check depends on.
    encoding: Encoding,
    /// How long a round is open, and how long a device without work stays away.
    window: Duration,
    come_back: Duration,
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
            model_kind: schedule.task().model.kind(),
            encoding: schedule.encoding(schedule.task().privacy.clip),
            window: Duration::from_secs(schedule.task().participation.window_seconds().into()),
            come_back: Duration::from_millis(schedule.task().participation.come_back().0),
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

    /// Whether a device that trains models of these kinds can do the work; one that names none is taken at its word when it fails.
    pub(super) fn can_be_done_with(&self, model_kinds: &[String]) -> bool {
        model_kinds.is_empty() || model_kinds.iter().any(|kind| kind == self.model_kind)
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

    /// When a device without work is to check in again.
    pub(super) fn come_back(&self) -> Duration {
        self.come_back
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
    ///
    /// # Errors
    /// Without entropy from the operating system.
    pub(crate) fn new(gate: Gate, offered: Offered, limits: &Limits, refusals: Refusals) -> io::Result<Self> {
        let uploads = Uploads::new(limits.clone()).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self(Arc::new(Inner { gate, offered, uploads, rate: Rate::new(limits), refusals })))
    }

    /// What was refused so far.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// Who asks, unless it asks too often.
    pub(super) fn caller<T>(&self, request: &Request<T>) -> Result<Caller, RequestError> {
        let caller = self.gate().caller(request)?;
        if let Some(device) = caller.device() {
            self.0.rate.admit(device)?;
        }
        Ok(caller)
    }

    pub(super) fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// What an assigned device shows when it has its update; nothing for any other answer.
    pub(super) fn assignment_token(&self, device: &DeviceId, answer: &CheckIn) -> Result<Bytes, RequestError> {
        let CheckIn::Assigned(assignment) = answer else { return Ok(Bytes::new()) };
        let window = self.task(assignment.task)?.window;
        Ok(self.uploads().assignment_token(device, assignment, window))
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

    pub(super) async fn check_in(&self, device: DeviceId, model_kinds: &[String]) -> Result<CheckIn, RequestError> {
        self.0.offered.check_in(device, model_kinds).await
    }
}
