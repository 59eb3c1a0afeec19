//! The device's side of a round, from its assignment to its answer, for one device or for many at once.

use std::{borrow::Cow, sync::Arc};

use murmur_client::Examples;
use murmur_privacy::local::ledger::LocalEntry;
use murmur_round::{
    device::{Device, DeviceEffect, DeviceEvent},
    evaluation::EvaluationPlan,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
    task::{Task, TaskHash},
    time::Time,
    trainer::Trainer,
};

use super::{
    answer::{Answer, Worked},
    workers::Job,
};
use crate::{SimError, population::Population, scenario::CandidateModels};

/// What all devices have in common.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) population: &'a Population,
    pub(super) task: &'a Arc<Task>,
    pub(super) models: &'a CandidateModels,
}

/// A device at work.
struct Work<'a> {
    setting: &'a Setting<'a>,
    index: u64,
    device: Device,
    task: TaskHash,
    params: Arc<Params>,
    own: Option<Arc<Params>>,
    now: Time,
    counts: bool,
    charged: Option<LocalEntry>,
    learnt: Option<Params>,
}

/// What comes next.
enum Next<'a> {
    /// The device needs a trainer.
    Wants(Work<'a>, Need),
    /// It is done.
    Answer(Answer),
}

/// What a device cannot do by itself.
enum Need {
    Train { params: Arc<Params>, plan: LocalPlan, seed: ShuffleSeed, measure: bool },
    Measure { params: Arc<Params>, plan: EvaluationPlan, seed: ShuffleSeed },
}

/// One device's work.
pub(super) fn alone<T: Trainer<Data = Examples>>(
    job: Job,
    trainer: &mut T,
    setting: &Setting<'_>,
) -> Result<Answer, SimError> {
    Work::begin(job, setting)?.next()?.finish(trainer)
}

/// That of many, trained at once where they follow the same plan from the same model; answers in their order.
pub(super) fn together<T: Trainer<Data = Examples>>(
    jobs: Vec<Job>,
    trainer: &mut T,
    setting: &Setting<'_>,
) -> Result<Vec<Answer>, SimError> {
    let mut answers: Vec<Option<Answer>> = jobs.iter().map(|_| None).collect();
    let (mut lessons, mut first) = (Vec::new(), None);
    for (place, job) in jobs.into_iter().enumerate() {
        match Work::begin(job, setting)?.next()? {
            Next::Answer(answer) => answers[place] = Some(answer),
            Next::Wants(work, Need::Train { params, plan, seed, measure: false })
                if first.as_ref().is_none_or(|(model, same)| Arc::ptr_eq(model, &params) && *same == plan) =>
            {
                first.get_or_insert((params, plan));
                lessons.push((place, work, seed));
            }
            other => answers[place] = Some(other.finish(trainer)?),
        }
    }
    if let Some((params, plan)) = first {
        let examples: Vec<_> = lessons.iter().map(|(_, work, _)| work.examples()).collect();
        let devices: Vec<(&Examples, ShuffleSeed)> =
            examples.iter().zip(&lessons).map(|(examples, (_, _, seed))| (&**examples, *seed)).collect();
        let deltas = trainer.train_together(&params, &plan, &devices).map_err(trainer_error)?;
        if deltas.len() != lessons.len() {
            let (found, expected) = (deltas.len(), lessons.len());
            return Err(SimError::Failed(format!("the trainer returned {found} updates of {expected} devices")));
        }
        for ((place, mut work, _), delta) in lessons.into_iter().zip(deltas) {
            work.device.handle(work.now, DeviceEvent::Trained { delta, metrics: None })?;
            answers[place] = Some(work.next()?.finish(trainer)?);
        }
    }
    answers.into_iter().map(|answer| answer.ok_or(SimError::Worker)).collect()
}

impl<'a> Work<'a> {
    fn begin(job: Job, setting: &'a Setting<'a>) -> Result<Self, SimError> {
        let Job { index, mut device, assignment, params, own, now, counts } = job;
        let task = assignment.task;
        device.handle(now, DeviceEvent::Assigned(assignment))?;
        Ok(Self { setting, index, device, task, params, own, now, counts, charged: None, learnt: None })
    }

    fn examples(&self) -> Cow<'a, Examples> {
        self.setting.population.examples(self.index, self.device.id())
    }

    /// Has a trainer do what the device needs.
    fn take<T: Trainer<Data = Examples>>(&mut self, need: Need, trainer: &mut T) -> Result<(), SimError> {
        let event = match need {
            Need::Train { params, plan, seed, measure } => {
                let done = trainer.work(&params, &plan, &self.examples(), seed, measure);
                let (delta, metrics) = done.map_err(trainer_error)?;
                DeviceEvent::Trained { delta, metrics }
            }
            Need::Measure { params, plan, seed } => {
                let measured = trainer.evaluate(&params, &plan, &self.examples(), seed);
                DeviceEvent::Measured(measured.map_err(trainer_error)?)
            }
        };
        Ok(self.device.handle(self.now, event)?)
    }

    /// What the device needs next of a trainer, or its answer.
    fn next(mut self) -> Result<Next<'a>, SimError> {
        while let Some(effect) = self.device.poll_effect() {
            match effect {
                DeviceEffect::FetchTask(_) => {
                    match self.device.handle(self.now, DeviceEvent::Task(self.setting.task.clone())) {
                        // It has used its own budget up, says so and comes no more.
                        Err(error) if error.is_final() => {}
                        other => other?,
                    }
                }
                DeviceEffect::FetchModel(model) => {
                    // A candidate's, or the current one.
                    let model = self.setting.models.get(&model).unwrap_or(&self.params).clone();
                    self.device.handle(self.now, DeviceEvent::Model(model))?;
                }
                DeviceEffect::RecallOwn { .. } => {
                    let missing = || SimError::Failed("the device has no layers of its own".to_owned());
                    let own = self.own.as_ref().ok_or_else(missing)?;
                    self.device.handle(self.now, DeviceEvent::Own(Params::clone(own)))?;
                }
                DeviceEffect::KeepOwn { own, .. } => self.learnt = Some(own),
                DeviceEffect::Train { params, plan, seed, measure } => {
                    return Ok(Next::Wants(self, Need::Train { params, plan, seed, measure }));
                }
                DeviceEffect::Measure { params, plan, seed } => {
                    return Ok(Next::Wants(self, Need::Measure { params, plan, seed }));
                }
                DeviceEffect::Send { round, upload, open_metrics } => {
                    let (upload, added) = (Some(upload), self.counts);
                    return Ok(Next::Answer(Answer { upload, added, open_metrics, ..self.silent(round) }));
                }
                DeviceEffect::Withdraw { round } => return Ok(Next::Answer(self.silent(round))),
                DeviceEffect::Keep { entry, .. } => {
                    self.device.handle(self.now, DeviceEvent::Kept { entry: entry.index })?;
                    self.charged = Some(entry);
                }
                // No round is entered twice.
                DeviceEffect::Recall { .. } => self.device.handle(self.now, DeviceEvent::Recalled(None))?,
                // The fleet reads the device's turns when it comes back.
                DeviceEffect::CheckIn | DeviceEffect::Remember { .. } => {}
            }
        }
        Err(SimError::Failed(format!("device {} stopped without an answer", self.device.id())))
    }

    /// An answer without an update.
    fn silent(self, round: u32) -> Answer {
        let Self { index, device, task, charged, learnt: own, .. } = self;
        let (device, upload, added, open_metrics) = (Worked::Here(device), None, false, None);
        Answer { index, task, device, round, upload, added, open_metrics, charged, own }
    }
}

impl Next<'_> {
    /// Whatever it takes until the device has answered.
    fn finish<T: Trainer<Data = Examples>>(self, trainer: &mut T) -> Result<Answer, SimError> {
        let mut next = self;
        loop {
            match next {
                Self::Answer(answer) => return Ok(answer),
                Self::Wants(mut work, need) => {
                    work.take(need, trainer)?;
                    next = work.next()?;
                }
            }
        }
    }
}

fn trainer_error(error: impl std::error::Error + Send + Sync + 'static) -> SimError {
    SimError::Trainer(Box::new(error))
}
