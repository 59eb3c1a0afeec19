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
/// Most pieces of work that a thread gets at once, and least that it gets while more are expected.
const PARCEL: usize = 32;
/// Parcels for each thread of what is waiting: small enough that threads end together where devices are of unequal size.
const PARCELS: usize = 4;

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
        // The coordinator has other devices to talk to: threads start once there is enough for all of them.
        if self.waiting.len() >= PARCEL * workers.threads() { self.start(workers) } else { Ok(()) }
    }

    pub(super) fn next_arrival(&self) -> Option<Time> {
        self.earliest().map(|(time, _)| time)
    }

    /// The answer that arrives next; waits until it is worked out.
    pub(super) fn take_arrival(&mut self, workers: &Workers) -> Result<Option<Answer>, SimError> {
        let Some(arrival) = self.earliest() else { return Ok(None) };
        // Of what threads are ahead with there may be no end, and this one is wanted now.
        if self.started.len() >= self.most_started
            && let Some(job) = self.waiting.remove(&arrival)
        {
            self.started.insert(arrival);
            workers.give(vec![job])?;
        }
        // A new parcel when half of what may be ahead was used up.
        if self.waiting.contains_key(&arrival) || 2 * self.started.len() < self.most_started {
            self.start(workers)?;
        }
        let answer = loop {
            if let Some(answer) = self.done.remove(&arrival.1) {
                break answer;
            }
            self.done.extend(workers.take()?.into_iter().map(|answer| (answer.index, answer)));
        };
        self.started.remove(&arrival);
        Ok(Some(answer))
    }

    /// Waits for all work that a thread has, so that no thread outlives the run; the rest is dropped.
    pub(super) fn drain(&mut self, workers: &Workers) -> Result<(), SimError> {
        while self.done.len() < self.started.len() {
            self.done.extend(workers.take()?.into_iter().map(|answer| (answer.index, answer)));
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
        let mut parcel = Vec::new();
        let size = self.waiting.len().div_ceil(PARCELS * workers.threads()).clamp(1, PARCEL);
        while self.started.len() < self.most_started {
            let Some((arrival, job)) = self.waiting.pop_first() else { break };
            self.started.insert(arrival);
            parcel.push(job);
            if parcel.len() == size {
                workers.give(std::mem::take(&mut parcel))?;
            }
        }
        if parcel.is_empty() { Ok(()) } else { workers.give(parcel) }
    }
}
