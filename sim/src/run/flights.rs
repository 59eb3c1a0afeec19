//! Devices that have work, in the order in which what they send arrives.

use std::collections::BTreeMap;

use murmur_round::time::Time;

use super::{
    answer::{Answer, Told},
    split::Split,
    workers::{Job, Workers},
};
use crate::SimError;

/// So many devices are trained at once, or have been trained and wait for their moment, at most: what bounds the memory of uploads.
const LIMIT: usize = 256;

/// Of a split run: so many devices for each rank are told of at once. Ranks wait for one another then, so seldom is better; what a rank's
/// own devices send lies in its memory from then on.
const SHARE: usize = 64;

/// Where a device stands among those that have work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// When what it sends arrives.
    pub(super) arrival: Time,
    /// Its number.
    pub(super) device: u64,
}

/// Work is given to threads in the order of arrivals, a little ahead of them; nothing depends on which thread is done first.
///
/// In a split run each rank begins the devices that fall to it, and which places there are is the same on all of them at any moment.
#[derive(Default)]
pub(super) struct Flights<'a> {
    split: Option<&'a Split<'a>>,
    /// Devices that were ever given work.
    started: u64,
    /// Not begun.
    waiting: BTreeMap<Place, Job>,
    /// Begun; with what it came to, once that is known.
    begun: BTreeMap<Place, Option<Answer>>,
    /// The place of each device that is trained now.
    places: BTreeMap<u64, Place>,
    /// Another rank's.
    elsewhere: BTreeMap<Place, Job>,
    /// What ranks told one another, before its moment.
    told: BTreeMap<Place, Answer>,
}

impl<'a> Flights<'a> {
    /// Those of one rank among several.
    pub(super) fn split(split: &'a Split<'a>) -> Self {
        Self { split: Some(split), ..Self::default() }
    }

    /// Adds a device's work.
    pub(super) fn start(&mut self, arrival: Time, job: Job, workers: &Workers<'_>) -> Result<(), SimError> {
        let (place, number) = (Place { arrival, device: job.index }, self.started);
        self.started += 1;
        if self.split.is_some_and(|split| !split.is_mine(number)) {
            self.elsewhere.insert(place, job);
            return Ok(());
        }
        self.waiting.insert(place, job);
        // Other devices may be about to check in: threads begin once there is enough for all of them, or an answer is wanted.
        if self.waiting.len() >= workers.enough() { self.hand_out(None, workers) } else { Ok(()) }
    }

    /// When the next device's answer arrives.
    pub(super) fn next(&self) -> Option<Time> {
        self.first().map(|place| place.arrival)
    }

    fn first(&self) -> Option<Place> {
        let (waiting, begun) = (self.waiting.keys().next(), self.begun.keys().next());
        let (elsewhere, told) = (self.elsewhere.keys().next(), self.told.keys().next());
        [waiting, begun, elsewhere, told].into_iter().flatten().min().copied()
    }

    /// The answer that arrives next, for which it waits.
    pub(super) fn land(&mut self, workers: &Workers<'_>) -> Result<Option<Answer>, SimError> {
        let Some(first) = self.first() else { return Ok(None) };
        let Some(split) = self.split else { return self.finish(first, workers) };
        if !self.told.contains_key(&first) {
            self.share(split, workers)?;
        }
        Ok(self.told.remove(&first))
    }

    /// The answer of one of this rank's own, for which it waits.
    fn finish(&mut self, place: Place, workers: &Workers<'_>) -> Result<Option<Answer>, SimError> {
        if self.waiting.contains_key(&place) {
            // Ahead of others that were begun already, however many these are.
            let first = self.begin(place);
            self.hand_out(first, workers)?;
        }
        while self.begun.get(&place).is_some_and(Option::is_none) {
            self.take_some(workers)?;
        }
        let answer = self.begun.remove(&place).flatten();
        // The next when half of what may be begun was taken.
        if 2 * self.begun.len() < LIMIT {
            self.hand_out(None, workers)?;
        }
        Ok(answer)
    }

    /// Tells the other ranks of those of the devices that arrive next that are this rank's, and hears of theirs.
    fn share(&mut self, split: &Split<'_>, workers: &Workers<'_>) -> Result<(), SimError> {
        let most = SHARE * split.count();
        let (waiting, begun) = (self.waiting.keys().take(most), self.begun.keys().take(most));
        let mut next: Vec<Place> = waiting.chain(begun).chain(self.elsewhere.keys().take(most)).copied().collect();
        next.sort_unstable();
        next.truncate(most);
        self.hand_out(None, workers)?;
        let mut mine = Vec::with_capacity(SHARE);
        for place in next.iter().filter(|place| !self.elsewhere.contains_key(place)).copied().collect::<Vec<_>>() {
            let answer = self.finish(place, workers)?.ok_or(SimError::Worker)?;
            mine.push(Told::of(place, &answer)?);
            self.told.insert(place, answer);
        }
        for told in split.share(&next, mine)? {
            let place = told.place();
            if let Some(job) = self.elsewhere.remove(&place) {
                self.told.insert(place, told.answer(job)?);
            }
        }
        match next.iter().find(|place| !self.told.contains_key(place)) {
            None => Ok(()),
            Some(Place { device, .. }) => Err(SimError::Failed(format!("no rank worked for device {device}"))),
        }
    }

    /// Ends all work. Where `finish` says so everything is carried out first; otherwise there are answers only where they were known.
    pub(super) fn clear(
        &mut self,
        finish: bool,
        workers: &Workers<'_>,
    ) -> Result<Vec<(Place, Option<Answer>)>, SimError> {
        let mut ended = Vec::new();
        if finish {
            while let Some(place) = self.first() {
                ended.push((place, self.land(workers)?));
            }
            return Ok(ended);
        }
        self.wait(workers)?;
        let waiting = std::mem::take(&mut self.waiting).into_keys();
        let elsewhere = std::mem::take(&mut self.elsewhere).into_keys();
        let begun = std::mem::take(&mut self.begun).into_keys();
        let told = std::mem::take(&mut self.told).into_keys();
        ended.extend(waiting.chain(elsewhere).chain(begun).chain(told).map(|place| (place, None)));
        Ok(ended)
    }

    /// Waits for what was begun.
    pub(super) fn wait(&mut self, workers: &Workers<'_>) -> Result<(), SimError> {
        while !self.places.is_empty() {
            self.take_some(workers)?;
        }
        Ok(())
    }

    /// Hands out as many as may be begun, and `first` before all that threads have not taken yet. At once: what an accelerator trains together
    /// is what it finds.
    fn hand_out(&mut self, first: Option<Job>, workers: &Workers<'_>) -> Result<(), SimError> {
        let mut jobs = Vec::new();
        while self.begun.len() < LIMIT
            && let Some(first) = self.waiting.keys().next().copied()
        {
            jobs.extend(self.begin(first));
        }
        if first.is_none() && jobs.is_empty() { Ok(()) } else { workers.give(first, jobs) }
    }

    fn begin(&mut self, place: Place) -> Option<Job> {
        let job = self.waiting.remove(&place)?;
        self.begun.insert(place, None);
        self.places.insert(place.device, place);
        Some(job)
    }

    fn take_some(&mut self, workers: &Workers<'_>) -> Result<(), SimError> {
        for answer in workers.take()? {
            if let Some(place) = self.places.remove(&answer.index) {
                self.begun.insert(place, Some(answer));
            }
        }
        Ok(())
    }
}
