//! One device's part in a task, from its first check-in to the end.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use murmur_privacy::{Digest, Upload};
use murmur_proto::{
    answer::CheckIn,
    transfer::Announcement,
    upload::{Header, Withdrawal},
};
use murmur_round::{
    beginning::Beginning,
    coordinator::{TurnedAway, Verdict},
    device::{DeviceEffect, DeviceEvent},
    device_id::DeviceId,
    measure::LocalMetrics,
    params::Params,
    task::{Task, TaskHash},
    time::{Millis, Time},
    trainer::Trainer,
};
use tokio::time::Instant;

use super::{Access, CallError, Course, LinkError, calls::Calls, course::Behind, memory::Memory, pretrained};
use crate::{data::Examples, trainer::BurnTrainer};

/// Failures in a row (each after its own retries) after which a device gives up.
const PATIENCE: u32 = 10;

/// Takes part with the device's own `examples` until the coordinator says that it is over, or the `course` does. A certificate is
/// renewed on the way.
///
/// # Errors
/// [`LinkError`] when the coordinator cannot be reached, does not know the device, or asks for what the device
/// refuses.
pub async fn take_part(access: Access, examples: Arc<Examples>, course: Course) -> Result<(), LinkError> {
    let checked = examples.clone();
    let trainer = move |task: &Task| {
        checked.check(&task.model)?;
        BurnTrainer::new(&task.model).map_err(|error| LinkError::Training(error.to_string()))
    };
    drive(access, trainer, examples, course, BurnTrainer::MODEL_KINDS).await
}

/// Takes part with an app's own trainer and data, of whatever type. `trainer` is asked for one when the device is first given
/// work of a task, and refuses a task whose model is not its own. Everything else is as in [`take_part`].
///
/// # Errors
/// [`LinkError`], also that of `trainer`.
pub async fn take_part_with<T, N>(
    access: Access,
    trainer: N,
    data: Arc<T::Data>,
    course: Course,
) -> Result<(), LinkError>
where
    T: Trainer + Send + 'static,
    T::Data: Send + Sync + 'static,
    N: FnMut(&Task) -> Result<T, LinkError>,
{
    // What the app can train only `trainer` knows, once it sees the task.
    drive(access, trainer, data, course, &[]).await
}

async fn drive<T, N>(
    access: Access,
    trainer: N,
    data: Arc<T::Data>,
    course: Course,
    model_kinds: &'static [&'static str],
) -> Result<(), LinkError>
where
    T: Trainer + Send + 'static,
    T::Data: Send + Sync + 'static,
    N: FnMut(&Task) -> Result<T, LinkError>,
{
    let device = access.device().clone();
    let calls = access.calls()?;
    let behind = access.behind()?;
    let (memory, mut machine) = access.remembered()?;
    let mut session = Session {
        access,
        calls,
        memory,
        device,
        data,
        new_trainer: trainer,
        model_kinds,
        course,
        behind,
        task: None,
        refused: None,
        trainer: None,
        beginning: None,
        assignment_token: Bytes::new(),
        failures: 0,
        counted: 0,
    };
    let start = Instant::now();
    let now = || Time(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
    while !machine.is_finished() && !session.is_done() {
        if let Some(wake) = machine.next_deadline() {
            tokio::time::sleep(Duration::from_millis(now().until(wake).0)).await;
            machine.handle(now(), DeviceEvent::Tick)?;
        }
        while let Some(effect) = machine.poll_effect() {
            let Some(event) = session.carry_out(effect).await? else { continue };
            if let Err(error) = machine.handle(now(), event) {
                if error.passes() {
                    tracing::warn!("this round is not taken part in: {error}");
                    continue;
                }
                if error.is_final() && session.course.patient {
                    tracing::warn!("this device takes no more part in this task: {error}");
                    continue;
                }
                // The device says no; its coordinator is told before its owner is.
                while let Some(effect) = machine.poll_effect() {
                    session.carry_out(effect).await?;
                }
                return Err(error.into());
            }
        }
    }
    Ok(())
}

struct Session<T: Trainer, N> {
    access: Access,
    calls: Calls,
    memory: Memory,
    device: DeviceId,
    data: Arc<T::Data>,
    new_trainer: N,
    /// Kinds of models that it can train, where that is known.
    model_kinds: &'static [&'static str],
    course: Course,
    behind: Behind,
    /// The task, once it was fetched; it never changes.
    task: Option<(TaskHash, Arc<Task>)>,
    /// The task that was refused last, and why: that is said once.
    refused: Option<(TaskHash, String)>,
    trainer: Option<T>,
    /// What the task begins with, where devices get a part of its model only; the trainer was told of it then.
    beginning: Option<Beginning>,
    /// What the update of the round under way is announced with.
    assignment_token: Bytes,
    failures: u32,
    /// Updates that were counted.
    counted: u32,
}

impl<T, N> Session<T, N>
where
    T: Trainer + Send + 'static,
    T::Data: Send + Sync + 'static,
    N: FnMut(&Task) -> Result<T, LinkError>,
{
    async fn carry_out(&mut self, effect: DeviceEffect) -> Result<Option<DeviceEvent>, LinkError> {
        Ok(Some(match effect {
            DeviceEffect::CheckIn => self.check_in().await?,
            DeviceEffect::FetchTask(hash) => match self.fetch_task(hash).await {
                Ok(task) if self.agrees(hash, &task)? => match self.adapt(hash, &task).await? {
                    Ok(true) => DeviceEvent::Task(task),
                    Ok(false) => DeviceEvent::Failed,
                    Err(error) => self.failed(error)?,
                },
                Ok(_) => DeviceEvent::Failed,
                Err(error) => self.failed(error)?,
            },
            DeviceEffect::FetchModel(model) => match self.fetch_model(model).await {
                Ok(params) => DeviceEvent::Model(Arc::new(params)),
                Err(error) => self.failed(error)?,
            },
            DeviceEffect::RecallOwn { task } => match self.beginning.as_ref().and_then(Beginning::own) {
                Some(initial) => DeviceEvent::Own(self.memory.recall_own(&task, initial)?),
                None => DeviceEvent::Failed,
            },
            DeviceEffect::KeepOwn { task, own } => {
                self.memory.keep_own(task, own)?;
                return Ok(None);
            }
            DeviceEffect::Train { params, plan, seed, measure } => {
                let work = move |trainer: &mut T, data: &T::Data| trainer.work(&params, &plan, data, seed, measure);
                let (delta, metrics) = self.by_trainer(work).await?;
                DeviceEvent::Trained { delta, metrics }
            }
            DeviceEffect::Measure { params, plan, seed } => {
                let work = move |trainer: &mut T, data: &T::Data| trainer.evaluate(&params, &plan, data, seed);
                DeviceEvent::Measured(self.by_trainer(work).await?)
            }
            DeviceEffect::Send { round, upload, open_metrics } => match self.send(round, &upload, open_metrics).await {
                Ok(event) => event,
                Err(error) => self.failed(error)?,
            },
            DeviceEffect::Remember { task, turn } => {
                self.memory.remember(task, turn)?;
                return Ok(None);
            }
            DeviceEffect::Keep { task, sealed, entry, .. } => {
                self.memory.keep(task, sealed, &entry)?;
                DeviceEvent::Kept { entry: entry.index }
            }
            DeviceEffect::Recall { task, .. } => DeviceEvent::Recalled(self.memory.recall(&task)?),
            DeviceEffect::Withdraw { round } => {
                self.withdraw(round).await;
                return Ok(None);
            }
        }))
    }

    fn is_done(&self) -> bool {
        self.course.once && self.counted > 0
    }

    /// Whether the device takes part in the task; if not, its owner is told why, once.
    fn agrees(&mut self, hash: TaskHash, task: &Task) -> Result<bool, LinkError> {
        let refusal = match self.find_trainer(task) {
            Err(error) if !self.course.patient => return Err(error),
            Err(error) => error.to_string(),
            Ok(()) => match self.behind.agree(&self.course.policy, &self.access, hash, task)? {
                Ok(()) => return Ok(true),
                Err(refusal) => refusal.to_string(),
            },
        };
        self.say(hash, task, refusal);
        Ok(false)
    }

    /// Tells the device's owner, once, why it takes no part in a task.
    fn say(&mut self, hash: TaskHash, task: &Task, refusal: String) {
        let refused = Some((hash, refusal));
        if self.refused != refused {
            let (_, refusal) = refused.as_ref().map_or((hash, ""), |(hash, refusal)| (*hash, refusal));
            tracing::warn!("this device takes no part in task {} ({hash}): {refusal}", task.name);
            self.refused = refused;
        }
    }

    /// A trainer of the task's model, for this device's data.
    fn find_trainer(&mut self, task: &Task) -> Result<(), LinkError> {
        if self.trainer.is_none() {
            self.trainer = Some((self.new_trainer)(task)?);
        }
        Ok(())
    }

    /// Tells the trainer, once, of what it trains a part only, and what the rest is. False where it cannot do that.
    async fn adapt(&mut self, hash: TaskHash, task: &Task) -> Result<Result<bool, CallError>, LinkError> {
        if self.beginning.is_some() || !task.is_partial() {
            return Ok(Ok(true));
        }
        let beginning = match pretrained::beginning(task, &self.calls, self.access.folder().as_ref()).await {
            Ok(beginning) => beginning,
            Err(error) => return Ok(Err(error)),
        };
        // Layers of the device's own are nothing that a trainer must know of: it trains them like all others.
        let adapts = match (&mut self.trainer, beginning.adaptation()) {
            (Some(trainer), Some(adaptation)) if adaptation.is_partial() => trainer.adapt(adaptation.clone()),
            _ => true,
        };
        if !adapts {
            let refusal = LinkError::WholeModelsOnly { task: task.name.clone() };
            if !self.course.patient {
                return Err(refusal);
            }
            self.say(hash, task, refusal.to_string());
            return Ok(Ok(false));
        }
        self.beginning = Some(beginning);
        Ok(Ok(true))
    }

    /// Whether the device may ask for work, by its policy.
    async fn may_ask(&self) -> bool {
        if self.course.policy.only_when.is_none() {
            return true;
        }
        let policy = self.course.policy.clone();
        // A thread that panicked has not said yes.
        tokio::task::spawn_blocking(move || policy.may_ask()).await.unwrap_or(false)
    }

    async fn check_in(&mut self) -> Result<DeviceEvent, LinkError> {
        if !self.may_ask().await {
            let after = Millis(u64::try_from(self.course.policy.pause().as_millis()).unwrap_or(u64::MAX));
            tracing::debug!("only_when says no; it is asked again in {} s", after.0 / 1_000);
            return Ok(DeviceEvent::TurnedAway(TurnedAway::ComeBack { after }));
        }
        if let Some(calls) = self.access.renewed(&self.calls).await? {
            self.calls = calls;
        }
        let (answer, token) = match self.calls.check_in(&self.device, self.model_kinds).await {
            Err(error) if self.course.patient && error.is_passing() => {
                tracing::warn!("the coordinator is not there, and is asked again and again: {error}");
                return Ok(DeviceEvent::Failed);
            }
            answer => answer.map_err(|error| self.access.failed(error))?,
        };
        self.assignment_token = token;
        match answer {
            CheckIn::Assigned(assignment) => Ok(DeviceEvent::Assigned(assignment)),
            CheckIn::TurnedAway(TurnedAway::NotEnrolled) => Err(LinkError::NotEnrolled(self.device.clone())),
            CheckIn::TurnedAway(reason) => Ok(DeviceEvent::TurnedAway(reason)),
        }
    }

    async fn fetch_task(&mut self, hash: TaskHash) -> Result<Arc<Task>, CallError> {
        if let Some((known, task)) = &self.task
            && *known == hash
        {
            return Ok(task.clone());
        }
        let task = Arc::new(self.calls.task(hash).await?);
        self.trainer = None;
        self.beginning = None;
        self.task = Some((hash, task.clone()));
        Ok(task)
    }

    async fn fetch_model(&self, model: Digest) -> Result<Params, CallError> {
        let (_, task) = self.task.as_ref().ok_or_else(no_task)?;
        match pretrained::candidate(task, model, &self.calls, self.access.folder().as_ref()).await? {
            Some(params) => Ok(params),
            None => self.calls.model(model, task).await,
        }
    }

    /// What the trainer makes of the device's data, on a thread of its own.
    async fn by_trainer<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut T, &T::Data) -> Result<R, T::Error> + Send + 'static,
    ) -> Result<R, LinkError> {
        let training = |error: &dyn std::fmt::Display| LinkError::Training(error.to_string());
        let trainer = self.trainer.take().ok_or_else(|| training(&no_task()))?;
        let data = self.data.clone();
        let working = tokio::task::spawn_blocking(move || {
            let mut trainer = trainer;
            let result = work(&mut trainer, &data);
            (trainer, result)
        });
        let (trainer, result) = working.await.map_err(|error| training(&error))?;
        self.trainer = Some(trainer);
        result.map_err(|error| training(&error))
    }

    async fn send(
        &mut self,
        round: u32,
        upload: &Upload,
        open_metrics: Option<LocalMetrics>,
    ) -> Result<DeviceEvent, CallError> {
        let (task, _) = self.task.as_ref().ok_or_else(no_task)?;
        let bytes = upload.to_bytes();
        let total_length = bytes.len() as u64;
        let header = Header { device: self.device.clone(), task: *task, round, total_length, open_metrics };
        let announcement = Announcement { header, assignment_token: self.assignment_token.clone() };
        let verdict = self.calls.upload(announcement, bytes.into()).await?;
        tracing::info!(round, "update sent: {}", words(&verdict));
        self.failures = 0;
        self.counted += u32::from(verdict == Verdict::Accepted);
        Ok(DeviceEvent::Answered(verdict))
    }

    async fn withdraw(&self, round: u32) {
        let Some((task, _)) = &self.task else { return };
        let withdrawal = Withdrawal { device: self.device.clone(), task: *task, round };
        if let Err(error) = self.calls.withdraw(withdrawal).await {
            // The coordinator then counts the device as absent, which comes to the same.
            tracing::debug!(round, "the withdrawal was not taken in: {error}");
        }
    }

    /// A failure is the device's to get over, up to a point.
    fn failed(&mut self, error: CallError) -> Result<DeviceEvent, LinkError> {
        self.failures += 1;
        if self.failures >= PATIENCE && !self.course.patient {
            return Err(LinkError::Failures(self.failures, error));
        }
        tracing::warn!("this round is given up: {error}");
        Ok(DeviceEvent::Failed)
    }
}

fn no_task() -> CallError {
    tonic::Status::failed_precondition("no task was fetched").into()
}

fn words(verdict: &murmur_round::coordinator::Verdict) -> String {
    match verdict {
        murmur_round::coordinator::Verdict::Accepted => "accepted".to_owned(),
        murmur_round::coordinator::Verdict::Refused(refusal) => format!("not counted, {refusal}"),
    }
}
