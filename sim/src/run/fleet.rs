//! The virtual fleet: an event queue over devices, around the production coordinator.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, VecDeque},
    sync::Arc,
};

use murmur_privacy::{Digest, ledger::Entry, units::Clip};
use murmur_round::{
    coordinator::{Coordinator, Effect, Event, Outcome},
    device::{Device, DeviceEffect, DeviceEvent},
    device_id::DeviceId,
    guarantee::Guarantee,
    measure::ReleasedMetrics,
    params::Params,
    participation::Turn,
    task::TaskHash,
    time::Time,
};

use super::{
    local::{LocalBudgets, LocalSpending},
    workers::{Answer, Job, Workers},
};
use crate::SimError;

/// What a round released.
pub(super) struct Released {
    pub(super) round: u32,
    pub(super) params: Arc<Params>,
    /// What is promised by then.
    pub(super) guarantee: Guarantee,
    /// The next round's clip.
    pub(super) clip: Clip,
    /// What the round said of the model before it.
    pub(super) metrics: Option<ReleasedMetrics>,
}

/// What is called after every release.
pub(super) type OnRelease<'a> = dyn FnMut(Released) -> Result<(), SimError> + 'a;

/// All devices and the coordinator, at one moment of virtual time.
pub(super) struct Fleet {
    coordinator: Coordinator,
    names: Vec<DeviceId>,
    /// When each device wants to check in next, earliest first, ties by number.
    queue: BinaryHeap<Reverse<(Time, u64)>>,
    /// What devices remember of their turns, where the task limits them.
    turns: HashMap<u64, BTreeMap<TaskHash, Turn>>,
    /// What devices may spend on randomising their updates, where the task has them do so.
    local: Option<LocalBudgets>,
    now: Time,
    /// Effects that are nobody's answer, in order.
    pending: VecDeque<Effect>,
    entries: Vec<Entry>,
    model: (Vec<u8>, Digest),
    released: Option<u32>,
    outcome: Option<Outcome>,
}

impl Fleet {
    pub(super) fn new(
        coordinator: Coordinator,
        names: Vec<DeviceId>,
        entries: Vec<Entry>,
        local: Option<LocalBudgets>,
    ) -> Self {
        let queue = (0..names.len() as u64).map(|index| Reverse((Time(0), index))).collect();
        Self {
            coordinator,
            names,
            queue,
            turns: HashMap::new(),
            local,
            now: Time(0),
            pending: VecDeque::new(),
            entries,
            model: (Vec::new(), Digest::ZERO),
            released: None,
            outcome: None,
        }
    }

    /// Runs until the task is over.
    pub(super) fn run(&mut self, workers: &Workers, on_release: &mut OnRelease<'_>) -> Result<Outcome, SimError> {
        let mut working = 0_usize;
        loop {
            self.carry_out(on_release)?;
            if let Some(outcome) = self.outcome.clone() {
                // Devices still at work are waited for, so that no thread outlives the run.
                for _ in 0..working {
                    workers.take()?;
                }
                return Ok(outcome);
            }
            let due = self.queue.peek().is_some_and(|Reverse((wake, _))| *wake <= self.now);
            if due {
                working += usize::from(self.check_in_next(workers)?);
            } else if working > 0 {
                // Training takes no virtual time yet: answers arrive before the clock moves on.
                let answer = workers.take()?;
                working -= 1;
                self.take_answer(answer)?;
            } else {
                self.advance()?;
            }
        }
    }

    /// Moves the clock to the next thing that happens.
    fn advance(&mut self) -> Result<(), SimError> {
        let wake = self.queue.peek().map(|Reverse((wake, _))| *wake);
        let next = match (wake, self.coordinator.next_deadline()) {
            (Some(wake), Some(deadline)) => wake.min(deadline),
            (Some(time), None) | (None, Some(time)) => time,
            (None, None) => return Err(SimError::Failed("no device will come again and no round is open".to_owned())),
        };
        self.now = next.max(self.now);
        if self.coordinator.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.coordinator.handle(self.now, Event::Tick);
        }
        Ok(())
    }

    /// Lets the next device check in. True when it got work.
    fn check_in_next(&mut self, workers: &Workers) -> Result<bool, SimError> {
        let Some(Reverse((_, index))) = self.queue.pop() else { return Ok(false) };
        let name = self.names[index as usize].clone();
        let mut device = Device::restored(name.clone(), self.turns.get(&index).cloned().unwrap_or_default());
        device.handle(self.now, DeviceEvent::Tick)?;
        let Some(DeviceEffect::CheckIn) = device.poll_effect() else { return Ok(false) };
        let params = self.coordinator.model();
        self.coordinator.handle(self.now, Event::CheckIn(name));
        match self.answer()? {
            Effect::Assign { assignment, .. } => {
                if let Some(local) = &mut self.local {
                    device = device.with_local(local.take(index)?);
                }
                workers.give(Job { index, device, assignment, params, now: self.now })?;
                Ok(true)
            }
            Effect::TurnAway { reason, .. } => {
                device.handle(self.now, DeviceEvent::TurnedAway(reason))?;
                self.come_back(index, &device);
                Ok(false)
            }
            other => Err(unexpected(&other)),
        }
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
            let wake = wake.max(Time(self.now.0 + 1));
            self.queue.push(Reverse((wake, index)));
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

    /// Carries out what the coordinator asks for beside its answers. "Durable" is memory here: a simulation that dies is
    /// run again.
    fn carry_out(&mut self, on_release: &mut OnRelease<'_>) -> Result<(), SimError> {
        while let Some(effect) = self.next_effect() {
            match effect {
                Effect::Store(checkpoint) => self.model = (checkpoint.model, checkpoint.digest),
                Effect::Persist(entry) => {
                    let index = entry.index;
                    self.entries.push(entry);
                    self.coordinator.handle(self.now, Event::Persisted { entry: index });
                }
                Effect::Publish { round: Some(round), .. } => {
                    self.released = Some(round + 1);
                    on_release(Released {
                        round,
                        params: self.coordinator.model(),
                        guarantee: self.coordinator.guarantee()?,
                        clip: self.coordinator.clip(),
                        metrics: self.coordinator.metrics(),
                    })?;
                }
                // A block's secret and the record of who took part stay in the coordinator: no process follows on this one.
                Effect::Publish { round: None, .. } | Effect::Keep(_) | Effect::Forget | Effect::Record(_) => {}
                Effect::Finished(outcome) => self.outcome = Some(outcome),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(())
    }

    fn next_effect(&mut self) -> Option<Effect> {
        self.pending.pop_front().or_else(|| self.coordinator.poll_effect())
    }

    /// Rounds released so far.
    pub(super) fn released(&self) -> Option<u32> {
        self.released
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
        (self.entries, self.model)
    }
}

fn unexpected(effect: &Effect) -> SimError {
    SimError::Failed(format!("the coordinator did not answer but asked for {effect:?}"))
}
