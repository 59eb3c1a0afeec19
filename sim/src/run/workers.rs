//! Threads that carry out the device's side: data, local training, encoding.

use std::{
    num::NonZeroUsize,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread::Scope,
};

use murmur_client::Examples;
use murmur_privacy::Sum;
use murmur_round::{
    coordinator::Assignment,
    device::{Device, DeviceEffect, DeviceEvent},
    params::Params,
    task::Task,
    time::Time,
    trainer::Trainer,
};

use super::{
    answer::{Answer, Worked},
    partial::PartialSum,
};
use crate::{SimError, population::Population, scenario::CandidateModels};

/// A device with work to do.
pub(super) struct Job {
    pub(super) index: u64,
    pub(super) device: Device,
    pub(super) assignment: Assignment,
    pub(super) params: Arc<Params>,
    /// The device's own layers, where the task has such.
    pub(super) own: Option<Arc<Params>>,
    pub(super) now: Time,
    /// Whether what it sends arrives in time, and so is sure to be counted.
    pub(super) counts: bool,
}

/// A pool of training threads, one resident trainer each. Which thread trains which device changes nothing: a trainer's
/// result depends on its arguments only, and sums do not depend on order.
pub(super) struct Workers {
    jobs: Sender<Vec<Job>>,
    answers: Receiver<Vec<Result<Answer, SimError>>>,
    threads: NonZeroUsize,
    /// One for each thread.
    sums: Vec<Arc<Mutex<PartialSum>>>,
}

impl Workers {
    pub(super) fn start<'scope, T: Trainer<Data = Examples> + Send + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        threads: NonZeroUsize,
        population: &'scope Population,
        task: &'scope Arc<Task>,
        models: &'scope CandidateModels,
        trainer: impl Fn(&Task) -> Result<T, SimError>,
    ) -> Result<Self, SimError> {
        let (jobs, queue) = channel::<Vec<Job>>();
        let (results, answers) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let sums: Vec<Arc<Mutex<PartialSum>>> = (0..threads.get()).map(|_| Arc::default()).collect();
        for sum in &sums {
            let (queue, results, sum) = (queue.clone(), results.clone(), sum.clone());
            let mut trainer = trainer(task)?;
            scope.spawn(move || {
                loop {
                    // The lock is held while waiting for jobs, not while working on them.
                    let jobs = match queue.lock() {
                        Ok(queue) => queue.recv(),
                        Err(_) => break,
                    };
                    let Ok(jobs) = jobs else { break };
                    let mut answer =
                        |job| caught(|| kept_here(work(job, &mut trainer, population, task, models)?, &sum));
                    if results.send(jobs.into_iter().map(&mut answer).collect()).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { jobs, answers, threads, sums })
    }

    /// How many threads there are.
    pub(super) fn threads(&self) -> usize {
        self.threads.get()
    }

    /// Hands jobs to one thread, which answers them together: waking a thread takes as long as training a small model.
    pub(super) fn give(&self, jobs: Vec<Job>) -> Result<(), SimError> {
        self.jobs.send(jobs).map_err(|_| SimError::Worker)
    }

    /// The answers to what some thread was handed.
    pub(super) fn take(&self) -> Result<Vec<Answer>, SimError> {
        self.answers.recv().map_err(|_| SimError::Worker)?.into_iter().collect()
    }

    /// Adds to the round's sum what threads added up of it; of how many updates it was.
    pub(super) fn pour_into(&self, sum: &mut Sum) -> Result<u64, SimError> {
        let partial = |partial: &Arc<Mutex<PartialSum>>| match partial.lock() {
            Ok(mut partial) => partial.pour_into(sum),
            Err(_) => Err(SimError::Worker),
        };
        self.sums.iter().map(partial).sum()
    }
}

/// An update that is sure to be counted goes no further than to the thread's own sum.
fn kept_here(mut answer: Answer, sum: &Mutex<PartialSum>) -> Result<Answer, SimError> {
    if let Some(upload) = answer.upload.take_if(|_| answer.added) {
        answer.upload = Some(sum.lock().map_err(|_| SimError::Worker)?.add(&upload)?);
    }
    Ok(answer)
}

/// A panic becomes an answer: the fleet would wait for ever for a thread that is gone.
fn caught<T>(work: impl FnOnce() -> Result<T, SimError>) -> Result<T, SimError> {
    // The run ends with this error, so nobody sees what a panic left half done.
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(SimError::Worker))
}

/// Drives one device from its assignment to its answer.
fn work<T: Trainer<Data = Examples>>(
    job: Job,
    trainer: &mut T,
    population: &Population,
    task: &Arc<Task>,
    models: &CandidateModels,
) -> Result<Answer, SimError> {
    let Job { index, mut device, assignment, params, own, now, counts: added } = job;
    let (mut charged, mut learnt, hash) = (None, None, assignment.task);
    device.handle(now, DeviceEvent::Assigned(assignment))?;
    while let Some(effect) = device.poll_effect() {
        match effect {
            DeviceEffect::FetchTask(_) => match device.handle(now, DeviceEvent::Task(task.clone())) {
                // It has used its own budget up, says so and comes no more.
                Err(error) if error.is_final() => {}
                other => other?,
            },
            DeviceEffect::FetchModel(model) => {
                // A candidate's, or the current one.
                let model = models.get(&model).unwrap_or(&params).clone();
                device.handle(now, DeviceEvent::Model(model))?;
            }
            DeviceEffect::RecallOwn { .. } => {
                let missing = || SimError::Failed("the device has no layers of its own".to_owned());
                let own = own.as_ref().ok_or_else(missing)?;
                device.handle(now, DeviceEvent::Own(Params::clone(own)))?;
            }
            DeviceEffect::KeepOwn { own, .. } => learnt = Some(own),
            DeviceEffect::Train { params, plan, seed, measure } => {
                let examples = population.examples(index, device.id());
                let done = trainer.work(&params, &plan, &examples, seed, measure);
                let (delta, metrics) = done.map_err(|error| SimError::Trainer(Box::new(error)))?;
                device.handle(now, DeviceEvent::Trained { delta, metrics })?;
            }
            DeviceEffect::Measure { params, plan, seed } => {
                let examples = population.examples(index, device.id());
                let measured = trainer.evaluate(&params, &plan, &examples, seed);
                let measured = measured.map_err(|error| SimError::Trainer(Box::new(error)))?;
                device.handle(now, DeviceEvent::Measured(measured))?;
            }
            DeviceEffect::Send { round, upload, open_metrics } => {
                let (device, upload, task) = (Worked::Here(device), Some(upload), hash);
                return Ok(Answer { index, task, device, round, upload, added, open_metrics, charged, own: learnt });
            }
            DeviceEffect::Withdraw { round } => {
                let (device, task, added) = (Worked::Here(device), hash, false);
                let (upload, open_metrics) = (None, None);
                return Ok(Answer { index, task, device, round, upload, added, open_metrics, charged, own: learnt });
            }
            DeviceEffect::Keep { entry, .. } => {
                device.handle(now, DeviceEvent::Kept { entry: entry.index })?;
                charged = Some(entry);
            }
            // No round is entered twice.
            DeviceEffect::Recall { .. } => device.handle(now, DeviceEvent::Recalled(None))?,
            // The fleet reads the device's turns when it comes back.
            DeviceEffect::CheckIn | DeviceEffect::Remember { .. } => {}
        }
    }
    Err(SimError::Failed(format!("device {} stopped without an answer", device.id())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_still_answers() {
        let lost: Result<(), SimError> = caught(|| panic!("as asked"));
        assert!(matches!(lost, Err(SimError::Worker)));
        assert!(matches!(caught(|| Ok(5)), Ok(5)));
    }
}
