//! Threads that carry out the device's side: data, local training, encoding.

use std::{
    cell::RefCell,
    num::NonZeroUsize,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
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
    work_queue::{Broken, Next, WorkQueue},
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

/// A thread's way of driving a device from its assignment to its answer, with a trainer of its own.
type Hand<'scope> = dyn FnMut(Job) -> Result<Answer, SimError> + Send + 'scope;

/// Training threads with one resident trainer each; the thread that waits for their answers is one of them. Which thread trains which device
/// changes nothing: a trainer's result depends on its arguments only, and sums do not depend on order.
pub(super) struct Workers<'scope> {
    queue: Arc<WorkQueue<Job, Result<Answer, SimError>>>,
    /// The waiting thread's own.
    own: RefCell<Box<Hand<'scope>>>,
    /// One for each thread.
    sums: Vec<Arc<Mutex<PartialSum>>>,
}

impl<'scope> Workers<'scope> {
    pub(super) fn start<T: Trainer<Data = Examples> + Send + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        threads: NonZeroUsize,
        population: &'scope Population,
        task: &'scope Arc<Task>,
        models: &'scope CandidateModels,
        trainer: impl Fn(&Task) -> Result<T, SimError>,
    ) -> Result<Self, SimError> {
        let hand = || -> Result<(Box<Hand<'scope>>, Arc<Mutex<PartialSum>>), SimError> {
            let (sum, mut trainer) = (Arc::<Mutex<PartialSum>>::default(), trainer(task)?);
            let own = sum.clone();
            let hand = move |job| caught(|| kept_here(work(job, &mut trainer, population, task, models)?, &own));
            Ok((Box::new(hand), sum))
        };
        let queue = Arc::new(WorkQueue::new(threads));
        let (own, sum) = hand()?;
        let mut workers = Self { queue, own: RefCell::new(own), sums: vec![sum] };
        for _ in 1..threads.get() {
            let (mut hand, sum) = hand()?;
            workers.sums.push(sum);
            let queue = workers.queue.clone();
            scope.spawn(move || {
                while let Ok(Some(jobs)) = queue.next() {
                    if queue.hand_in(jobs.into_iter().map(&mut hand).collect()).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(workers)
    }

    /// How many threads there are.
    pub(super) fn threads(&self) -> usize {
        self.queue.threads().get()
    }

    /// Hands jobs out, behind what threads have not begun yet or before it.
    pub(super) fn give(&self, jobs: impl IntoIterator<Item = Job>, first: bool) -> Result<(), SimError> {
        Ok(self.queue.add(jobs, first)?)
    }

    /// Some answers, for which it works itself while others do.
    pub(super) fn take(&self) -> Result<Vec<Answer>, SimError> {
        match self.queue.results_or_work()? {
            Next::Results(answers) => answers.into_iter().collect(),
            Next::Work(jobs) => jobs.into_iter().map(&mut *self.own.borrow_mut()).collect(),
        }
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

impl Drop for Workers<'_> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl From<Broken> for SimError {
    fn from(_: Broken) -> Self {
        Self::Worker
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
