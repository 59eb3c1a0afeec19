//! One device taking part until its task is over.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use murmur_privacy::Delta;
use murmur_proto::answer::CheckIn;
use murmur_round::{
    coordinator::{TurnedAway, Verdict},
    device::{Device, DeviceEffect, DeviceEvent},
    device_id::DeviceId,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
    task::{Task, TaskHash},
    time::Time,
    trainer::Trainer,
};

use super::{Link, LinkError};
use crate::{BurnTrainer, Examples};

/// What a device may say of itself at the end: nothing about its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenPart {
    /// Rounds in which its update was counted.
    pub rounds: u32,
}

/// Drives one device until the coordinator says that the task is over.
///
/// # Errors
/// [`LinkError`] when the coordinator stays silent, does not know the device, or the data do not fit the task. A round
/// that fails for another reason is given up, and the device asks again.
pub async fn take_part(link: &Link, id: DeviceId, examples: Arc<Examples>) -> Result<TakenPart, LinkError> {
    let mut session = Session { link, examples, started: Instant::now(), task: None, rounds: 0 };
    let mut device = Device::new(id);
    while !device.is_finished() {
        if let Some(wake) = device.next_deadline() {
            tokio::time::sleep(Duration::from_millis(session.now().until(wake).0)).await;
            session.tell(&mut device, DeviceEvent::Tick);
        }
        while let Some(effect) = device.poll_effect() {
            let event = session.carry_out(effect).await?;
            if let Some(event) = event {
                session.tell(&mut device, event);
            }
        }
    }
    Ok(TakenPart { rounds: session.rounds })
}

struct Session<'a> {
    link: &'a Link,
    examples: Arc<Examples>,
    started: Instant,
    task: Option<(TaskHash, Arc<Task>)>,
    rounds: u32,
}

impl Session<'_> {
    /// Rounded up, so that a sleep until a deadline is never a moment short.
    fn now(&self) -> Time {
        Time(u64::try_from(self.started.elapsed().as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
    }

    fn tell(&self, device: &mut Device, event: DeviceEvent) {
        if let Err(refusal) = device.handle(self.now(), event) {
            tracing::warn!(%refusal, "this device refuses");
        }
    }

    async fn carry_out(&mut self, effect: DeviceEffect) -> Result<Option<DeviceEvent>, LinkError> {
        Ok(match effect {
            DeviceEffect::CheckIn => match self.link.check_in().await? {
                CheckIn::Assigned(assignment) => {
                    tracing::info!(round = assignment.round, "assigned");
                    Some(DeviceEvent::Assigned(assignment))
                }
                CheckIn::TurnedAway(TurnedAway::NotEnrolled) => return Err(LinkError::NotEnrolled),
                CheckIn::TurnedAway(reason) => Some(DeviceEvent::TurnedAway(reason)),
            },
            DeviceEffect::FetchTask(hash) => Some(DeviceEvent::Task(self.fetch_task(hash).await?)),
            DeviceEffect::FetchModel(digest) => {
                let (_, task) = self.task.as_ref().ok_or(LinkError::Interrupted)?;
                match self.link.model(digest, &task.model.layout()).await {
                    Ok(params) => Some(DeviceEvent::Model(Arc::new(params))),
                    Err(error) => Some(give_up(&error)),
                }
            }
            DeviceEffect::Train { params, plan, seed } => {
                Some(DeviceEvent::Trained(self.train(params, plan, seed).await?))
            }
            DeviceEffect::Send { round, upload } => {
                let (hash, _) = self.task.as_ref().ok_or(LinkError::Interrupted)?;
                match self.link.upload(*hash, round, &upload).await {
                    Ok(verdict) => {
                        tracing::info!(round, ?verdict, "answered");
                        self.rounds += u32::from(verdict == Verdict::Accepted);
                        Some(DeviceEvent::Answered(verdict))
                    }
                    Err(error) => Some(give_up(&error)),
                }
            }
            DeviceEffect::Withdraw { round } => {
                if let Some((hash, _)) = self.task.as_ref()
                    && let Err(error) = self.link.withdraw(*hash, round).await
                {
                    tracing::warn!(round, %error, "could not withdraw");
                }
                None
            }
        })
    }

    async fn fetch_task(&mut self, hash: TaskHash) -> Result<Arc<Task>, LinkError> {
        match &self.task {
            Some((known, task)) if *known == hash => Ok(task.clone()),
            _ => {
                let task = Arc::new(self.link.task(hash).await?);
                // Better now than in the middle of a round: data of another shape never fit.
                self.examples.check(&task.model).map_err(crate::TrainError::from)?;
                self.task = Some((hash, task.clone()));
                Ok(task)
            }
        }
    }

    async fn train(&self, params: Arc<Params>, plan: LocalPlan, seed: ShuffleSeed) -> Result<Delta, LinkError> {
        let (_, task) = self.task.as_ref().ok_or(LinkError::Interrupted)?;
        let (task, examples) = (task.clone(), self.examples.clone());
        let training =
            tokio::task::spawn_blocking(move || BurnTrainer::new(&task.model)?.train(&params, &plan, &examples, seed));
        Ok(training.await.map_err(|_| LinkError::Interrupted)??)
    }
}

fn give_up(error: &LinkError) -> DeviceEvent {
    tracing::warn!(%error, "this round is given up");
    DeviceEvent::Failed
}
