//! Devices that have work, in the order in which what they send arrives.

use std::collections::BTreeMap;

use murmur_round::time::Time;

use super::workers::{Answer, Job, Workers};
use crate::SimError;

/// So many devices are trained at once, or have been trained and wait for their moment, at most: what bounds the memory of uploads.
const LIMIT: usize = 256;

/// Most devices that a thread gets at once.
const PARCEL: usize = 32;
/// Parcels for each thread of what is waiting: small enough that threads end together where devices are of unequal size.
const PARCELS: usize = 4;

/// Where a device stands among those that have work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// When what it sends arrives.
    pub(super) arrival: Time,
    /// Its number.
    pub(super) device: u64,
}

/// Work is given to threads in the order of arrivals, a little ahead of them; nothing depends on which thread is done first.
#[derive(Default)]
pub(super) struct Flights {
    /// Not begun.
    waiting: BTreeMap<Place, Job>,
    /// Begun; with what it came to, once that is known.
    begun: BTreeMap<Place, Option<Answer>>,
    /// The place of each device that is trained now.
    places: BTreeMap<u64, Place>,
}

impl Flights {
    /// Adds a device's work.
    pub(super) fn start(&mut self, arrival: Time, job: Job, workers: &Workers) -> Result<(), SimError> {
        self.waiting.insert(Place { arrival, device: job.index }, job);
        // Other devices may be about to check in: threads begin once there is enough for all of them, or an answer is wanted.
        if self.waiting.len() >= PARCEL * workers.threads() { self.hand_out(workers) } else { Ok(()) }
    }

    /// When the next device's answer arrives.
    pub(super) fn next(&self) -> Option<Time> {
        let (waiting, begun) = (self.waiting.keys().next(), self.begun.keys().next());
        waiting.into_iter().chain(begun).min().map(|place| place.arrival)
    }

    /// The answer that arrives next, for which it waits.
    pub(super) fn land(&mut self, workers: &Workers) -> Result<Option<Answer>, SimError> {
        let first_waiting = self.waiting.keys().next().copied();
        let Some(first) = first_waiting.into_iter().chain(self.begun.keys().next().copied()).min() else {
            return Ok(None);
        };
        if first_waiting == Some(first) {
            // Ahead of others that were begun already, however many these are.
            let jobs = self.begin(first).into_iter().collect();
            workers.give(jobs)?;
            self.hand_out(workers)?;
        }
        while self.begun.get(&first).is_some_and(Option::is_none) {
            self.take_some(workers)?;
        }
        let answer = self.begun.remove(&first).flatten();
        // In parcels: the next when half of what may be begun was taken.
        if 2 * self.begun.len() < LIMIT {
            self.hand_out(workers)?;
        }
        Ok(answer)
    }

    /// Ends all work. Where `finish` says so everything is carried out first; otherwise there are answers only where they were known.
    pub(super) fn clear(&mut self, finish: bool, workers: &Workers) -> Result<Vec<(Place, Option<Answer>)>, SimError> {
        let mut ended = Vec::new();
        if finish {
            while let Some(place) = self.waiting.keys().chain(self.begun.keys()).min().copied() {
                ended.push((place, self.land(workers)?));
            }
            return Ok(ended);
        }
        self.wait(workers)?;
        ended.extend(std::mem::take(&mut self.waiting).into_keys().map(|place| (place, None)));
        ended.extend(std::mem::take(&mut self.begun).into_keys().map(|place| (place, None)));
        Ok(ended)
    }

    /// Waits for what was begun.
    pub(super) fn wait(&mut self, workers: &Workers) -> Result<(), SimError> {
        while !self.places.is_empty() {
            self.take_some(workers)?;
        }
        Ok(())
    }

    fn hand_out(&mut self, workers: &Workers) -> Result<(), SimError> {
        let size = self.waiting.len().div_ceil(PARCELS * workers.threads()).clamp(1, PARCEL);
        let mut parcel = Vec::with_capacity(size);
        while self.begun.len() < LIMIT
            && let Some(first) = self.waiting.keys().next().copied()
        {
            parcel.extend(self.begin(first));
            if parcel.len() == size {
                workers.give(std::mem::replace(&mut parcel, Vec::with_capacity(size)))?;
            }
        }
        if parcel.is_empty() { Ok(()) } else { workers.give(parcel) }
    }

    fn begin(&mut self, place: Place) -> Option<Job> {
        let job = self.waiting.remove(&place)?;
        self.begun.insert(place, None);
        self.places.insert(place.device, place);
        Some(job)
    }

    fn take_some(&mut self, workers: &Workers) -> Result<(), SimError> {
        for answer in workers.take()? {
            if let Some(place) = self.places.remove(&answer.index) {
                self.begun.insert(place, Some(answer));
            }
        }
        Ok(())
    }
}
