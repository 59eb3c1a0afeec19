//! Devices check in at the coordinator, and are given work or sent away.

use murmur_privacy::Upload;
use murmur_round::{
    coordinator::{Effect, Event},
    device::{Device, DeviceEffect, DeviceEvent},
    task::Purpose,
    time::Millis,
};

use super::{
    super::{
        timing::Work,
        workers::{Job, Workers},
    },
    Fleet, unexpected,
};
use crate::SimError;

/// Where devices come and go by the hour: any hour of any day of a week may be the one in which enough of them are about.
const WEEK: Millis = Millis(7 * 24 * 3_600_000);

impl Fleet<'_> {
    /// Lets the next device check in.
    pub(super) fn check_in_next(&mut self, workers: &Workers<'_>) -> Result<(), SimError> {
        let Some((wake, index)) = self.agenda.take_first() else { return Ok(()) };
        if let Some(timing) = &self.timing {
            let there = timing.present(index, wake);
            if there > wake {
                self.agenda.add((there, index));
                return Ok(());
            }
        }
        let name = self.population.device(index)?;
        let mut device = Device::restored(name.clone(), self.turns.get(&index).cloned().unwrap_or_default());
        device.handle(self.now, DeviceEvent::Tick)?;
        let Some(DeviceEffect::CheckIn) = device.poll_effect() else { return Ok(()) };
        let params = self.coordinator.model();
        self.coordinator.handle(self.now, Event::CheckIn(name));
        match self.answer()? {
            Effect::Assign { assignment, .. } => {
                self.cohort.assigned += 1;
                let arrival = match &self.timing {
                    None => self.now,
                    // It is not heard of again before the round is over.
                    Some(timing) if timing.drops_out(index, assignment.round) => {
                        self.cohort.dropped_out += 1;
                        let window = self.coordinator.schedule().task().participation.window_seconds();
                        self.agenda.add((self.now + Millis::from_seconds(window), index));
                        return Ok(());
                    }
                    Some(timing) => self.now + timing.duration(index, self.work(index, params.dimension())),
                };
                if let Some(local) = &mut self.local {
                    device = device.with_local(local.take(index)?);
                }
                let own = self.own.as_ref().map(|own| own.recall(index));
                // The window is known, and nobody displaces anybody: whoever is in time is counted.
                let counts = self.coordinator.next_deadline().is_some_and(|closes| arrival < closes);
                let job = Job { index, device, assignment, params, own, now: self.now, counts };
                self.flights.start(arrival, job, workers)
            }
            Effect::TurnAway { reason, .. } => {
                device.handle(self.now, DeviceEvent::TurnedAway(reason))?;
                // One that was sent away for good has none.
                self.come_back(index, device.next_deadline());
                self.is_in_vain()
            }
            other => Err(unexpected(&other)),
        }
    }

    fn work(&self, device: u64, parameters: usize) -> Work {
        let schedule = self.coordinator.schedule();
        let samples = self.population.samples(device);
        let examples = match &schedule.task().purpose {
            Purpose::Train { plan, .. } => u64::from(plan.epochs) * samples as u64,
            Purpose::Evaluate(plan) => plan.looks(samples),
        };
        let bytes = (4 * parameters + Upload::encoded_len(&schedule.grid())) as u64;
        Work { examples, bytes }
    }

    /// Devices come back for ever; whether a round will ever open again is for the fleet to see.
    fn is_in_vain(&self) -> Result<(), SimError> {
        let participation = &self.coordinator.schedule().task().participation;
        // The last round's own window, the two within which devices count as about, and time for all of them to ask several times.
        let asking =
            Millis(3 * Millis::from_seconds(participation.window_seconds()).0 + 10 * participation.come_back().0);
        let patience = self.timing.as_ref().map_or(asking, |_| Millis(asking.0 + WEEK.0));
        if self.opened.0.until(self.now) <= patience { Ok(()) } else { Err(self.no_round_opens()) }
    }

    /// Why the run ends without being over.
    pub(super) fn no_round_opens(&self) -> SimError {
        SimError::NoRoundOpens {
            rounds: self.released.unwrap_or(0),
            hours: self.opened.0.until(self.now).0 as f64 / 3.6e6,
            minimum: self.coordinator.schedule().task().participation.minimum_reports(),
            left: self.agenda.len() as u64,
            devices: self.population.devices(),
        }
    }
}
