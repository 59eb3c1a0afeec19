//! The virtual fleet: devices in virtual time, around the production coordinator.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use murmur_privacy::{Digest, Upload, ledger::Entry, units::Clip};
use murmur_round::{
    checkpoint::Checkpoint,
    coordinator::{Coordinator, Effect, Event, Outcome},
    device::{Device, DeviceEffect, DeviceEvent},
    guarantee::Guarantee,
    measure::ReleasedMetrics,
    params::Params,
    participation::{Attendance, KeptSecret, Turn},
    task::TaskHash,
    time::{Millis, Time},
};

use super::{
    agenda::Agenda,
    local::{LocalBudgets, LocalSpending},
    pace::{Load, Pace, Trip},
    saved::{Moment, Saved},
    workers::{Answer, Job, Workers},
};
use crate::{SimError, population::Population};

/// What a round released.
pub(super) struct Released<'a> {
    pub(super) round: u32,
    pub(super) params: Arc<Params>,
    /// What is promised by then.
    pub(super) guarantee: Guarantee,
    /// The next round's clip.
    pub(super) clip: Clip,
    /// What the round said of the model before it.
    pub(super) metrics: Option<ReleasedMetrics>,
    /// Virtual time.
    pub(super) at: Time,
    /// Makes what a run could go on from; nothing while it would not be complete.
    pub(super) moment: &'a dyn Fn() -> Option<Moment<'a>>,
}

/// What is called after every release.
pub(super) type OnRelease<'a> = dyn FnMut(Released<'_>) -> Result<(), SimError> + 'a;

/// All devices and the coordinator, at one moment of virtual time.
pub(super) struct Fleet<'a> {
    coordinator: Coordinator,
    population: &'a Population,
    agenda: Agenda,
    /// How long devices take; nothing without it.
    pace: Option<Pace>,
    /// What devices remember of their turns, where the task limits them.
    turns: HashMap<u64, BTreeMap<TaskHash, Turn>>,
    /// What devices may spend on randomising their updates, where the task has them do so.
    local: Option<LocalBudgets>,
    now: Time,
    /// Effects that are nobody's answer, in order.
    pending: VecDeque<Effect>,
    entries: Vec<Entry>,
    /// The last model that was made durable.
    checkpoint: Option<Checkpoint>,
    secret: Option<KeptSecret>,
    attendance: Vec<Attendance>,
    released: Option<u32>,
    outcome: Option<Outcome>,
}

impl<'a> Fleet<'a> {
    /// A fleet at the start of virtual time.
    pub(super) fn new(
        coordinator: Coordinator,
        population: &'a Population,
        pace: Option<Pace>,
        entries: Vec<Entry>,
        local: Option<LocalBudgets>,
    ) -> Self {
        let task = coordinator.schedule().task();
        let window = Millis::from_seconds(task.participation.window_seconds());
        let mut agenda = Agenda::new(coordinator.schedule().grid().dimension());
        for device in 0..population.devices() {
            agenda.check_in_at(pace.as_ref().map_or(Time(0), |pace| pace.first(device, window)), device);
        }
        Self {
            coordinator,
            population,
            agenda,
            pace,
            turns: HashMap::new(),
            local,
            now: Time(0),
            pending: VecDeque::new(),
            entries,
            checkpoint: None,
            secret: None,
            attendance: Vec::new(),
            released: None,
            outcome: None,
        }
    }

    /// A fleet as it was when its state was saved. The coordinator was started from that state.
    pub(super) fn restored(
        coordinator: Coordinator,
        population: &'a Population,
        pace: Option<Pace>,
        saved: Saved,
    ) -> Self {
        let mut agenda = Agenda::new(coordinator.schedule().grid().dimension());
        saved.queue.into_iter().for_each(|(time, device)| agenda.check_in_at(time, device));
        Self {
            coordinator,
            population,
            agenda,
            pace,
            turns: saved.facts.turns.iter().cloned().collect(),
            local: None,
            now: Time(saved.facts.now),
            pending: VecDeque::new(),
            entries: saved.entries,
            checkpoint: Some(saved.checkpoint),
            secret: saved.facts.secret(),
            attendance: saved.facts.attendance,
            released: Some(saved.facts.released),
            outcome: None,
        }
    }

    /// Runs until the task is over.
    pub(super) fn run(&mut self, workers: &Workers, on_release: &mut OnRelease<'_>) -> Result<Outcome, SimError> {
        loop {
            self.carry_out(on_release)?;
            if let Some(outcome) = self.outcome.clone() {
                self.agenda.drain(workers)?;
                return Ok(outcome);
            }
            let due = |time: Option<Time>| time.is_some_and(|time| time <= self.now);
            if due(self.agenda.next_check_in()) {
                self.check_in_next(workers)?;
            } else if due(self.agenda.next_arrival()) {
                if let Some(answer) = self.agenda.take_arrival(workers)? {
                    self.take_answer(answer)?;
                }
            } else {
                self.advance()?;
            }
        }
    }

    /// Moves the clock to the next thing that happens.
    fn advance(&mut self) -> Result<(), SimError> {
        let moments =
            [self.agenda.next_check_in(), self.agenda.next_arrival(), self.coordinator.next_deadline()].into_iter();
        let next = moments.flatten().min();
        let next = next.ok_or_else(|| SimError::Failed("no device will come again and no round is open".to_owned()))?;
        self.now = next.max(self.now);
        if self.coordinator.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.coordinator.handle(self.now, Event::Tick);
        }
        Ok(())
    }

    /// Lets the next device check in.
    fn check_in_next(&mut self, workers: &Workers) -> Result<(), SimError> {
        let Some(index) = self.agenda.pop_check_in() else { return Ok(()) };
        if let Some(later) = self.pace.as_ref().and_then(|pace| pace.away_until(index, self.now)) {
            self.agenda.check_in_at(later, index);
            return Ok(());
        }
        let name = self.population.device(index)?;
        let mut device = Device::restored(name.clone(), self.turns.get(&index).cloned().unwrap_or_default());
        device.handle(self.now, DeviceEvent::Tick)?;
        let Some(DeviceEffect::CheckIn) = device.poll_effect() else { return Ok(()) };
        self.coordinator.handle(self.now, Event::CheckIn(name));
        match self.answer()? {
            Effect::Assign { assignment, .. } => {
                let arrives = match self.trip(index, assignment.round) {
                    None => self.now,
                    Some(Trip::Arrives(after)) => self.now + after,
                    Some(Trip::Lost(after)) => {
                        // Nothing of it reaches the coordinator; the device forgets and asks again.
                        self.agenda.check_in_at(self.now + after, index);
                        return Ok(());
                    }
                };
                if let Some(local) = &mut self.local {
                    device = device.with_local(local.take(index)?);
                }
                let (params, now) = (self.coordinator.model(), self.now);
                self.agenda.take_on(arrives, Job { index, device, assignment, params, now }, workers)
            }
            Effect::TurnAway { reason, .. } => {
                device.handle(self.now, DeviceEvent::TurnedAway(reason))?;
                self.come_back(index, &device);
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// A device's way through a round, where that takes time.
    fn trip(&self, index: u64, round: u32) -> Option<Trip> {
        let schedule = self.coordinator.schedule();
        let load = Load {
            examples: self.population.samples(index) * u64::from(schedule.task().plan.epochs),
            download_bytes: self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.model.len() as u64),
            upload_bytes: Upload::encoded_len(&schedule.grid()) as u64,
        };
        self.pace.as_ref().map(|pace| pace.trip(index, round, load))
    }

    fn take_answer(&mut self, answer: Answer) -> Result<(), SimError> {
        let Answer { index, mut device, round, upload, open_metrics } = answer;
        if !device.turns().is_empty() {
            self.turns.insert(index, device.turns().clone());
        }
        let name = device.id().clone();
        let event = match upload {
            Some(upload) => Event::Upload { device: name, round, upload, open_metrics },
            None => Event::Withdraw { device: name, round },
        };
        self.coordinator.handle(self.now, event);
        match self.answer()? {
            Effect::Answer { verdict, .. } => {
                device.handle(self.now, DeviceEvent::Answered(verdict))?;
                self.come_back(index, &device);
                if let (Some(budgets), Some(local)) = (&mut self.local, device.into_local()) {
                    budgets.put(index, local);
                }
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    fn come_back(&mut self, index: u64, device: &Device) {
        if let Some(wake) = device.next_deadline() {
            // A device that answered comes back a moment later, not at once: its round may still be open.
            self.agenda.check_in_at(wake.max(Time(self.now.0 + 1)), index);
        }
    }

    /// The coordinator's answer to what was just handed in; everything else it asked for waits its turn.
    fn answer(&mut self) -> Result<Effect, SimError> {
        let mut answer = None;
        while let Some(effect) = self.coordinator.poll_effect() {
            match effect {
                Effect::Assign { .. } | Effect::TurnAway { .. } | Effect::Answer { .. } => answer = Some(effect),
                other => self.pending.push_back(other),
            }
        }
        answer.ok_or_else(|| SimError::Failed("the coordinator did not answer".to_owned()))
    }

    /// Carries out what the coordinator asks for beside its answers. "Durable" is memory here: a simulation that dies goes on from
    /// what was saved of it, or is run again.
    fn carry_out(&mut self, on_release: &mut OnRelease<'_>) -> Result<(), SimError> {
        while let Some(effect) = self.pending.pop_front().or_else(|| self.coordinator.poll_effect()) {
            match effect {
                Effect::Store(checkpoint) => self.checkpoint = Some(checkpoint),
                Effect::Persist(entry) => {
                    let index = entry.index;
                    self.entries.push(entry);
                    self.coordinator.handle(self.now, Event::Persisted { entry: index });
                }
                // What a restored coordinator begins with was released before.
                Effect::Publish { round: Some(round), .. }
                    if self.released.is_none_or(|released| round >= released) =>
                {
                    self.released = Some(round + 1);
                    on_release(Released {
                        round,
                        params: self.coordinator.model(),
                        guarantee: self.coordinator.guarantee()?,
                        clip: self.coordinator.clip(),
                        metrics: self.coordinator.metrics(),
                        at: self.now,
                        moment: &|| self.moment(),
                    })?;
                }
                Effect::Publish { .. } => {}
                Effect::Keep(secret) => self.secret = Some(secret),
                Effect::Forget => self.secret = None,
                Effect::Record(attendance) => self.attendance.push(attendance),
                Effect::Finished(outcome) => self.outcome = Some(outcome),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(())
    }

    /// What a run could go on from, right after a release. Late answers are refused whatever they hold, so devices at work are as good
    /// as devices that come back; but for their own record of their turns, which is not complete before they are done.
    fn moment(&self) -> Option<Moment<'_>> {
        let limits_turns = self.coordinator.schedule().task().turn_rule().is_some();
        if limits_turns && self.agenda.is_anything_under_way() {
            return None;
        }
        Some(Moment {
            released: self.released?,
            now: self.now,
            drawn: self.coordinator.secrets_drawn(),
            entries: &self.entries,
            checkpoint: self.checkpoint.as_ref()?,
            secret: self.secret.as_ref(),
            attendance: &self.attendance,
            turns: self.turns.iter().map(|(device, turns)| (*device, turns.clone())).collect(),
            queue: self.agenda.all().collect(),
        })
    }

    /// Rounds released so far.
    pub(super) fn released(&self) -> Option<u32> {
        self.released
    }

    /// Virtual time.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// What is promised at this moment.
    pub(super) fn guarantee(&self) -> Result<Guarantee, SimError> {
        Ok(self.coordinator.guarantee()?)
    }

    /// The current model.
    pub(super) fn params(&self) -> Arc<Params> {
        self.coordinator.model()
    }

    /// The next round's clip, and what the last one said of the model before it.
    pub(super) fn measured(&self) -> (Clip, Option<ReleasedMetrics>) {
        (self.coordinator.clip(), self.coordinator.metrics())
    }

    /// What devices spent on randomising their updates, where they do.
    pub(super) fn local_spending(&self) -> Option<LocalSpending> {
        self.local.as_ref().map(LocalBudgets::spending)
    }

    /// The ledger's entries, and the last model's file and digest.
    pub(super) fn into_files(self) -> (Vec<Entry>, (Vec<u8>, Digest)) {
        let model = self.checkpoint.map_or((Vec::new(), Digest::ZERO), |last| (last.model, last.digest));
        (self.entries, model)
    }
}

fn unexpected(effect: &Effect) -> SimError {
    SimError::Failed(format!("the coordinator did not answer but asked for {effect:?}"))
}
