//! What virtual devices do next: check-ins by time, and answers that are being worked out until their time comes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
};

use murmur_round::time::Time;

use super::workers::{Answer, Job, Workers};
use crate::SimError;

/// Answers that are worked out before their time are bounded by the memory of their updates, in bytes.
const AHEAD: usize = 64 << 20;
/// But never fewer than these, so that no thread waits for the coordinator.
const LEAST_AHEAD: usize = 16;

/// When an answer arrives, and whose it is. A device has one piece of work at a time.
type Arrival = (Time, u64);

/// The event queue of a fleet. What happens, and in which order, depends on virtual time alone; how far threads are ahead of it does not
/// matter.
pub(super) struct Agenda {
    /// Earliest first, ties by number.
    check_ins: BinaryHeap<Reverse<(Time, u64)>>,
    /// Not yet given to a thread.
    waiting: BTreeMap<Arrival, Job>,
    /// Given to a thread, whether it is done or not.
    started: BTreeSet<Arrival>,
    done: HashMap<u64, Answer>,
    most_started: usize,
}

impl Agenda {
    /// An empty one, for updates of so many numbers.
    pub(super) fn new(dimension: usize) -> Self {
        let most_started = (AHEAD / (4 * dimension.max(1))).max(LEAST_AHEAD);
        let (check_ins, waiting) = (BinaryHeap::new(), BTreeMap::new());
        Self { check_ins, waiting, started: BTreeSet::new(), done: HashMap::new(), most_started }
    }

    pub(super) fn check_in_at(&mut self, time: Time, device: u64) {
        self.check_ins.push(Reverse((time, device)));
    }

    pub(super) fn next_check_in(&self) -> Option<Time> {
        self.check_ins.peek().map(|Reverse((time, _))| *time)
    }

    pub(super) fn pop_check_in(&mut self) -> Option<u64> {
        self.check_ins.pop().map(|Reverse((_, device))| device)
    }

    /// Takes on work whose answer arrives at `time`.
    pub(super) fn take_on(&mut self, time: Time, job: Job, workers: &Workers) -> Result<(), SimError> {
        self.waiting.insert((time, job.index), job);
        self.start(workers)
    }

    pub(super) fn next_arrival(&self) -> Option<Time> {
        self.earliest().map(|(time, _)| time)
    }

    /// The answer that arrives next; waits until it is worked out.
    pub(super) fn take_arrival(&mut self, workers: &Workers) -> Result<Option<Answer>, SimError> {
        let Some(arrival) = self.earliest() else { return Ok(None) };
        if let Some(job) = self.waiting.remove(&arrival) {
            self.started.insert(arrival);
            workers.give(job)?;
        }
        let answer = loop {
            if let Some(answer) = self.done.remove(&arrival.1) {
                break answer;
            }
            let answer = workers.take()?;
            self.done.insert(answer.index, answer);
        };
        self.started.remove(&arrival);
        self.start(workers)?;
        Ok(Some(answer))
    }

    /// Waits for all work that a thread has, so that no thread outlives the run; the rest is dropped.
    pub(super) fn drain(&mut self, workers: &Workers) -> Result<(), SimError> {
        while self.done.len() < self.started.len() {
            let answer = workers.take()?;
            self.done.insert(answer.index, answer);
        }
        Ok(())
    }

    /// Whether any answer is under way.
    pub(super) fn is_anything_under_way(&self) -> bool {
        self.earliest().is_some()
    }

    /// When every device will be heard of next, in no order: those whose answer is under way as if they came back a moment after it.
    pub(super) fn all(&self) -> impl Iterator<Item = (Time, u64)> + '_ {
        let under_way = self.waiting.keys().chain(&self.started).map(|(time, device)| (Time(time.0 + 1), *device));
        self.check_ins.iter().map(|Reverse(check_in)| *check_in).chain(under_way)
    }

    fn earliest(&self) -> Option<Arrival> {
        let waiting = self.waiting.first_key_value().map(|(arrival, _)| *arrival);
        let started = self.started.first().copied();
        waiting.into_iter().chain(started).min()
    }

    fn start(&mut self, workers: &Workers) -> Result<(), SimError> {
        while self.started.len() < self.most_started {
            let Some((arrival, job)) = self.waiting.pop_first() else { break };
            self.started.insert(arrival);
            workers.give(job)?;
        }
        Ok(())
    }
}
