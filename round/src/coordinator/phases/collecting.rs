//! A round is open. Its cohort was fixed by secret coins when it opened, or before its block began; once open it always releases.

use std::collections::BTreeSet;

use murmur_privacy::{Sum, Upload};

use super::{Finished, Phase, Sealing, answer_late};
use crate::{
    coordinator::{Effect, Event, Outcome, Refusal, Verdict, shared::Shared},
    device_id::DeviceId,
    measure::{LocalMetrics, OpenMetrics},
    participation::Selection,
    time::Time,
};

pub(in crate::coordinator) struct Collecting {
    round: u32,
    closes: Time,
    selection: Selection,
    /// Devices that were given the work.
    assigned: BTreeSet<DeviceId>,
    /// Devices whose upload was counted.
    counted: BTreeSet<DeviceId>,
    /// Devices that said they will not answer.
    withdrawn: BTreeSet<DeviceId>,
    sum: Sum,
    /// What devices sent in clear, where the task asks for it.
    open_metrics: OpenMetrics,
}

impl Collecting {
    pub(super) fn open(shared: &mut Shared, now: Time, round: u32) -> Phase {
        let Some(selection) = shared.select() else {
            let reason = "the secret of the block is gone while a round of it is open".to_owned();
            return Finished::enter(shared, Outcome::Failed(reason));
        };
        let phase = Box::new(Self {
            round,
            closes: now + shared.window(),
            selection,
            assigned: BTreeSet::new(),
            counted: BTreeSet::new(),
            withdrawn: BTreeSet::new(),
            sum: Sum::new(shared.schedule.grid()),
            open_metrics: OpenMetrics::default(),
        });
        phase.close_if_answered(shared)
    }

    /// Its number.
    pub(in crate::coordinator) fn round(&self) -> u32 {
        self.round
    }

    pub(super) fn deadline(&self) -> Time {
        self.closes
    }

    /// Whether some of its devices did not come yet.
    pub(in crate::coordinator) fn wants_devices(&self) -> bool {
        self.assigned.len() < self.wanted()
    }

    /// How many devices get work, if so many come.
    fn wanted(&self) -> usize {
        match &self.selection {
            Selection::Chosen(devices) => devices.len(),
            Selection::FirstComers(limit) => *limit,
        }
    }

    /// What happens at or after the end of the window finds the round closed, whether the driver ticked or not: who is
    /// counted depends on the device's own time and on nobody else's events.
    pub(super) fn handle(mut self: Box<Self>, shared: &mut Shared, now: Time, event: Event) -> Phase {
        if now >= self.closes {
            return self.close(shared).handle(shared, now, event);
        }
        match event {
            Event::CheckIn(device) => self.check_in(shared, device),
            Event::Upload { round, .. } | Event::Withdraw { round, .. } if round != self.round => {
                answer_late(shared, event);
            }
            Event::Upload { device, round, upload, open_metrics } => {
                let asked = shared.schedule.task().privacy.metrics_are_open();
                let verdict = self.upload(&device, upload, open_metrics.filter(|_| asked));
                shared.effects.push_back(Effect::Answer { device, round, verdict });
            }
            Event::Withdraw { device, round } => {
                let verdict = self.withdraw(&device);
                shared.effects.push_back(Effect::Answer { device, round, verdict });
            }
            Event::Tick | Event::Persisted { .. } => {}
        }
        self.close_if_answered(shared)
    }

    fn check_in(&mut self, shared: &mut Shared, device: DeviceId) {
        // The same device gets the same answer as often as it asks.
        let included = match &self.selection {
            Selection::Chosen(devices) => devices.contains(&device),
            Selection::FirstComers(limit) => {
                let room = self.assigned.len() < *limit && shared.may_take_part(&device);
                self.assigned.contains(&device) || room
            }
        };
        if included && !self.has_answered(&device) {
            self.assigned.insert(device.clone());
            shared.assign(device, self.round);
        } else {
            shared.turn_away(device, shared.come_back());
        }
    }

    fn upload(&mut self, device: &DeviceId, upload: Upload, open_metrics: Option<LocalMetrics>) -> Verdict {
        if self.counted.contains(device) {
            return Verdict::Accepted;
        }
        if !self.assigned.contains(device) || self.withdrawn.contains(device) {
            return Verdict::Refused(Refusal::NotAssigned);
        }
        if self.sum.take_in(upload).is_err() {
            return Verdict::Refused(Refusal::WrongGrid);
        }
        if let Some(metrics) = open_metrics {
            self.open_metrics.add(&metrics);
        }
        self.counted.insert(device.clone());
        Verdict::Accepted
    }

    fn withdraw(&mut self, device: &DeviceId) -> Verdict {
        if !self.assigned.contains(device) || self.counted.contains(device) {
            return Verdict::Refused(Refusal::NotAssigned);
        }
        self.withdrawn.insert(device.clone());
        Verdict::Accepted
    }

    fn has_answered(&self, device: &DeviceId) -> bool {
        self.counted.contains(device) || self.withdrawn.contains(device)
    }

    /// Before the clock does, a round closes only when every device of the cohort has answered: nobody can displace anybody.
    fn close_if_answered(self: Box<Self>, shared: &mut Shared) -> Phase {
        if self.counted.len() + self.withdrawn.len() < self.wanted() {
            Phase::Collecting(self)
        } else {
            self.close(shared)
        }
    }

    fn close(self: Box<Self>, shared: &mut Shared) -> Phase {
        shared.record(self.round, &self.counted);
        shared.close(self.round, self.counted);
        Sealing::enter(shared, self.round, self.sum, self.open_metrics.released())
    }
}
