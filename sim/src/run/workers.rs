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
use murmur_round::{coordinator::Assignment, device::Device, params::Params, task::Task, time::Time, trainer::Trainer};

use super::{
    answer::Answer,
    partial::{PartialSum, kept_here},
    work::{self, Setting},
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

/// Devices for each thread, trained one by one, for which it is worth waking: fewer are done before it is awake.
const ENOUGH: usize = 4;

/// What a thread does with jobs, with a trainer of its own: their answers, or errors, of which one ends the run.
type Hand<'scope> = dyn FnMut(Vec<Job>) -> Vec<Result<Answer, SimError>> + Send + 'scope;

/// What a thread works with.
struct Thread<'scope> {
    hand: Box<Hand<'scope>>,
    sum: Arc<Mutex<PartialSum>>,
    /// How many devices are best trained at once.
    together: NonZeroUsize,
}

/// Training threads with one resident trainer each; the thread that waits for their answers is one of them. Which thread trains which device
/// changes nothing: a trainer's result depends on its arguments only, and sums do not depend on order.
pub(super) struct Workers<'scope> {
    queue: Arc<WorkQueue<Job, Result<Answer, SimError>>>,
    enough: usize,
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
        let setting = Setting { population, task, models };
        let thread = || Ok::<_, SimError>(Thread::with(trainer(task)?, setting));
        let Thread { hand: own, sum, together } = thread()?;
        let queue = Arc::new(WorkQueue::new(threads, together));
        let each = if together == NonZeroUsize::MIN { ENOUGH } else { together.get() };
        let enough = each.saturating_mul(threads.get());
        let mut workers = Self { queue, enough, own: RefCell::new(own), sums: vec![sum] };
        for _ in 1..threads.get() {
            let Thread { mut hand, sum, .. } = thread()?;
            workers.sums.push(sum);
            let queue = workers.queue.clone();
            scope.spawn(move || {
                while let Ok(Some(jobs)) = queue.next() {
                    if queue.hand_in(hand(jobs)).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(workers)
    }

    /// So many devices are enough for all threads to begin while others still check in.
    pub(super) fn enough(&self) -> usize {
        self.enough
    }

    /// Hands jobs out: behind what threads have not begun yet, and one before it.
    pub(super) fn give(&self, first: Option<Job>, jobs: Vec<Job>) -> Result<(), SimError> {
        Ok(self.queue.add(first, jobs)?)
    }

    /// Some answers, for which it works itself while others do.
    pub(super) fn take(&self) -> Result<Vec<Answer>, SimError> {
        match self.queue.results_or_work()? {
            Next::Results(answers) => answers.into_iter().collect(),
            Next::Work(jobs) => (self.own.borrow_mut())(jobs).into_iter().collect(),
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

impl<'scope> Thread<'scope> {
    fn with<T: Trainer<Data = Examples> + Send + 'scope>(mut trainer: T, setting: Setting<'scope>) -> Self {
        let (sum, together) = (Arc::<Mutex<PartialSum>>::default(), trainer.together());
        let own = sum.clone();
        let hand = move |jobs: Vec<Job>| {
            if together == NonZeroUsize::MIN {
                let alone = |job| caught(|| kept_here(work::alone(job, &mut trainer, &setting)?, &own));
                return jobs.into_iter().map(alone).collect();
            }
            let answers = caught(|| {
                let answers = work::together(jobs, &mut trainer, &setting)?;
                answers.into_iter().map(|answer| kept_here(answer, &own)).collect::<Result<Vec<_>, _>>()
            });
            // One error is enough: the run ends with the first that it hears of.
            answers.map_or_else(|error| vec![Err(error)], |answers| answers.into_iter().map(Ok).collect())
        };
        Self { hand: Box::new(hand), sum, together }
    }
}

/// A panic becomes an answer: the fleet would wait for ever for a thread that is gone.
fn caught<T>(work: impl FnOnce() -> Result<T, SimError>) -> Result<T, SimError> {
    // The run ends with this error, so nobody sees what a panic left half done.
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(SimError::Worker))
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
