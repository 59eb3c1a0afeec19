//! A driver whose medium can lose power: what is durable, what is in flight, what devices heard.

use std::collections::{BTreeMap, VecDeque};

use murmur_privacy::{
    Digest, Ledger, NoiseRng, Provenance, Upload,
    ledger::{Entry, Record, TaskAccount},
};
use murmur_round::{
    checkpoint::Checkpoint,
    coordinator::{Assignment, Coordinator, Effect, Event, Outcome, Refusal, Stored, TurnedAway, Verdict},
    device_id::DeviceId,
    founding,
    participation::{Attendance, KeptSecret},
    task::Schedule,
    time::{Millis, Time},
};

use crate::{
    reference::Reference,
    tasks::{DEVICES, Small, WINDOW, device, enrolled, foreign_upload, unit_upload},
};

/// Something on its way to the medium; steps take hold in order.
enum Step {
    Store(Checkpoint),
    /// Of this block.
    Keep(u32, KeptSecret),
    Forget,
    Record(Attendance),
    Append(Entry),
}

/// What a device hears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Heard {
    Assigned(Assignment),
    TurnedAway(TurnedAway),
    Answer(u32, Verdict),
}

pub(crate) struct World {
    small: Small,
    schedule: Schedule,
    seed: u64,
    stop_after: Option<u32>,
    pub(crate) coordinator: Coordinator,
    pub(crate) now: Time,
    /// The durable ledger.
    pub(crate) entries: Vec<Entry>,
    /// The durable models.
    pub(crate) checkpoints: BTreeMap<Digest, Checkpoint>,
    /// The durable secret of a block, and the block.
    pub(crate) kept: Option<(u32, KeptSecret)>,
    /// The durable record of who took part.
    pub(crate) attendance: Vec<Attendance>,
    flight: VecDeque<Step>,
    heard: Vec<(DeviceId, Heard)>,
    /// Every model that devices could read, in order.
    pub(crate) published: Vec<(Option<u32>, Digest)>,
    /// How the task ended, in this process.
    pub(crate) outcome: Option<Outcome>,
    reference: Reference,
}

impl World {
    /// A task founded and its first coordinator started. Every process has its own entropy, seeded from `seed`.
    pub(crate) fn new(small: Small, seed: u64) -> Self {
        Self::stopping(small, seed, None)
    }

    pub(crate) fn stopping(small: Small, seed: u64, stop_after: Option<u32>) -> Self {
        let schedule = small.schedule();
        let mut entries = Vec::new();
        let persist = |entry: &Entry| {
            entries.push(entry.clone());
            Ok::<(), std::io::Error>(())
        };
        let ledger = founding::found(&schedule, None, None, Provenance::Simulated, persist).unwrap();
        let coordinator =
            Coordinator::start(schedule.clone(), enrolled(), ledger, NoiseRng::seeded(seed), Stored::default())
                .unwrap();
        let mut world = Self {
            small,
            reference: Reference::new(small, schedule.grid().step()),
            schedule,
            seed,
            stop_after,
            coordinator,
            now: Time(0),
            entries,
            checkpoints: BTreeMap::new(),
            kept: None,
            attendance: Vec::new(),
            flight: VecDeque::new(),
            heard: Vec::new(),
            published: Vec::new(),
            outcome: None,
        };
        world.began();
        world
    }

    fn began(&mut self) {
        if let Some(rounds) = self.stop_after {
            self.coordinator.stop_after(rounds);
        }
        self.settle();
    }

    /// Power fails after `reached` more steps took hold, and a new process starts from what is durable.
    pub(crate) fn crash(&mut self, reached: usize) {
        for step in std::mem::take(&mut self.flight).into_iter().take(reached) {
            self.takes_hold(step);
        }
        self.outcome = None;
        self.reference.crashed(self.kept.as_ref().map(|(block, _)| *block), &self.attendance);
        self.seed = self.seed.wrapping_add(1);
        let ledger = Ledger::replay(self.entries.clone()).unwrap();
        let model = ledger.account(&self.schedule.hash()).unwrap().model();
        let stored = Stored {
            checkpoint: model.map(|(_, model)| self.checkpoints[&model].clone()),
            secret: self.kept.as_ref().map(|(_, secret)| secret.clone()),
            attendance: self.attendance.clone(),
            pretrained: None,
        };
        let entropy = NoiseRng::seeded(self.seed);
        self.coordinator = Coordinator::start(self.schedule.clone(), enrolled(), ledger, entropy, stored).unwrap();
        self.began();
    }

    /// As [`crash`](Self::crash), and the block's secret is gone with the medium it was on.
    pub(crate) fn crash_without_secret(&mut self, reached: usize) {
        for step in std::mem::take(&mut self.flight).into_iter().take(reached) {
            self.takes_hold(step);
        }
        self.kept = None;
        self.crash(0);
    }

    /// As [`crash`](Self::crash), and the record of who took part has lost one line, counted from the last, or all of it.
    pub(crate) fn crash_without_record(&mut self, reached: usize, line: Option<usize>) {
        for step in std::mem::take(&mut self.flight).into_iter().take(reached) {
            self.takes_hold(step);
        }
        match line.map(|line| self.attendance.len().checked_sub(line + 1)) {
            None => self.attendance.clear(),
            Some(Some(index)) => drop(self.attendance.remove(index)),
            Some(None) => {}
        }
        self.crash(0);
    }

    /// Makes everything in flight durable and says so.
    pub(crate) fn persist(&mut self) {
        while !self.flight.is_empty() {
            self.persist_one();
        }
    }

    /// Makes the next thing in flight durable and says so; what follows from it stays in flight.
    pub(crate) fn persist_one(&mut self) {
        let step = self.flight.pop_front().unwrap();
        if let Some(entry) = self.takes_hold(step) {
            self.happens(Event::Persisted { entry });
        }
    }

    /// A confirmation that nobody waits for.
    pub(crate) fn confuse(&mut self, entry: u64) {
        // What is due by now is asked for first: nobody could confirm what was never seen.
        self.tick();
        let waited_for = self.flight.iter().any(|step| matches!(step, Step::Append(known) if known.index == entry));
        if !waited_for {
            self.happens(Event::Persisted { entry });
        }
    }

    fn takes_hold(&mut self, step: Step) -> Option<u64> {
        match step {
            Step::Store(checkpoint) => {
                assert_eq!(checkpoint.digest, Digest::of(&checkpoint.model));
                self.checkpoints.insert(checkpoint.digest, checkpoint);
                None
            }
            Step::Keep(block, secret) => {
                if let Some(turns) = &mut self.reference.turns {
                    turns.keeps(&self.schedule, block, &secret);
                }
                self.kept = Some((block, secret));
                None
            }
            Step::Record(attendance) => {
                self.attendance.push(attendance);
                None
            }
            Step::Forget => {
                self.kept = None;
                None
            }
            Step::Append(entry) => {
                self.reference.durable(&entry, self.attendance.last(), self.now);
                let index = entry.index;
                assert_eq!(index, self.entries.len() as u64, "entries follow one another");
                self.entries.push(entry);
                Some(index)
            }
        }
    }

    /// Time passes, and the driver says so only if it is not late.
    pub(crate) fn wait(&mut self, time: Millis, punctual: bool) {
        self.now = self.now + time;
        if punctual {
            self.tick();
        }
    }

    pub(crate) fn tick(&mut self) {
        self.happens(Event::Tick);
    }

    pub(crate) fn check_in(&mut self, index: usize) -> Heard {
        let over = self.outcome.is_some();
        self.happens(Event::CheckIn(device(index)));
        let heard = self.answer(index);
        self.reference.checked_in(index, &heard, over || self.outcome.is_some());
        if let Heard::Assigned(assignment) = &heard {
            assert_eq!(Some(assignment.model), self.published.last().map(|(_, model)| *model));
            assert_eq!((assignment.task, assignment.grid), (self.schedule.hash(), self.schedule.grid()));
            assert_eq!(assignment.position, self.account().rounds_spent());
        }
        heard
    }

    /// Sends this device's own unit for a round.
    pub(crate) fn upload(&mut self, index: usize, round: u32) -> Verdict {
        self.send(index, round, unit_upload(index, self.schedule.grid()), true)
    }

    /// Says that this device's unit is added up elsewhere.
    pub(crate) fn upload_elsewhere(&mut self, index: usize, round: u32) -> Verdict {
        self.send(index, round, Upload::made_elsewhere(self.schedule.grid()), true)
    }

    /// Sends an update on another grid.
    pub(crate) fn upload_foreign(&mut self, index: usize, round: u32) -> Verdict {
        self.send(index, round, foreign_upload(index), false)
    }

    fn send(&mut self, index: usize, round: u32, upload: Upload, fits: bool) -> Verdict {
        let expected = self.reference.uploads(index, round, fits, self.now);
        self.happens(Event::Upload { device: device(index), round, upload, open_metrics: None });
        self.verdict(index, round, expected)
    }

    pub(crate) fn withdraw(&mut self, index: usize, round: u32) -> Verdict {
        let expected = self.reference.withdraws(index, round, self.now);
        self.happens(Event::Withdraw { device: device(index), round });
        self.verdict(index, round, expected)
    }

    fn verdict(&mut self, index: usize, round: u32, expected: Result<(), Refusal>) -> Verdict {
        let Heard::Answer(named, verdict) = self.answer(index) else { panic!("a verdict was due") };
        assert_eq!(named, round);
        assert_eq!(verdict, expected.map_or_else(Verdict::Refused, |()| Verdict::Accepted), "device {index}");
        verdict
    }

    /// The one answer to what a device said.
    fn answer(&mut self, index: usize) -> Heard {
        let heard = std::mem::take(&mut self.heard);
        let [(who, heard)] = heard.as_slice() else { panic!("one answer was due, not {heard:?}") };
        assert_eq!(*who, device(index));
        *heard
    }

    fn happens(&mut self, event: Event) {
        self.reference.closing_is_due(self.now);
        self.coordinator.handle(self.now, event);
        self.settle();
        self.reference.look();
    }

    fn settle(&mut self) {
        while let Some(effect) = self.coordinator.poll_effect() {
            match effect {
                Effect::Assign { device, assignment } => self.heard.push((device, Heard::Assigned(assignment))),
                Effect::TurnAway { device, reason } => self.heard.push((device, Heard::TurnedAway(reason))),
                Effect::Answer { device, round, verdict } => self.heard.push((device, Heard::Answer(round, verdict))),
                Effect::Store(checkpoint) => {
                    self.reference.stores(&checkpoint, &self.entries);
                    self.flight.push_back(Step::Store(checkpoint));
                }
                Effect::Keep(secret) => {
                    let block = self.account().block();
                    self.flight.push_back(Step::Keep(block, secret));
                }
                Effect::Forget => self.flight.push_back(Step::Forget),
                Effect::Record(attendance) => {
                    self.reference.records(&attendance);
                    self.flight.push_back(Step::Record(attendance));
                }
                Effect::Persist(entry) => {
                    assert!(!self.appending(), "two entries in flight");
                    self.reference.proposes(&entry, self.now);
                    self.flight.push_back(Step::Append(entry));
                }
                Effect::Publish { round, model } => self.publish(round, model),
                Effect::Finished(outcome) => {
                    assert_eq!(self.outcome, None, "a task ends once");
                    self.outcome = Some(outcome);
                }
            }
        }
        assert_eq!(self.coordinator.outcome(), self.outcome.as_ref());
    }

    fn appending(&self) -> bool {
        self.flight.iter().any(|step| matches!(step, Step::Append(_)))
    }

    fn publish(&mut self, round: Option<u32>, model: Digest) {
        // Effects are carried out in order: what was to be stored is stored by now.
        assert!(!self.appending(), "published before its entry is durable");
        while let Some(step) = self.flight.pop_front() {
            self.takes_hold(step);
        }
        assert!(self.checkpoints.contains_key(&model), "published before it is stored");
        let released = self.entries.iter().rev().find_map(|entry| match entry.record {
            Record::Released { round, model, .. } => Some((round, model)),
            _ => None,
        });
        match round {
            Some(round) => assert_eq!(released, Some((round, model)), "published without its release"),
            None => assert_eq!(released, None, "the initial model after a released one"),
        }
        self.published.push((round, model));
    }

    /// The task's account as the coordinator sees it.
    pub(crate) fn account(&self) -> TaskAccount {
        self.coordinator.ledger().account(&self.schedule.hash()).unwrap()
    }

    /// How many devices' turn it may be, by the record.
    pub(crate) fn allowed(&self) -> usize {
        self.reference.turns.as_ref().map_or(DEVICES, crate::turns::Turns::allowed)
    }

    /// The number opened last; 0 before there is one.
    pub(crate) fn last_opened(&self) -> u32 {
        self.account().next_round().saturating_sub(1)
    }

    /// One turn of everybody: all check in, and those with work answer, in this order. True while the task goes on.
    pub(crate) fn turn(&mut self, order: &[usize]) -> bool {
        self.persist();
        let mut working = Vec::new();
        for &index in order {
            match self.check_in(index) {
                Heard::Assigned(assignment) => working.push((index, assignment.round)),
                Heard::TurnedAway(TurnedAway::Finished) => return false,
                _ => {}
            }
            self.persist();
        }
        for (index, round) in working {
            self.upload(index, round);
        }
        self.persist();
        self.wait(Millis(WINDOW / 10), true);
        true
    }

    /// Goes on without further accidents until the task ends.
    pub(crate) fn finish(&mut self) -> Outcome {
        let order: Vec<usize> = (0..DEVICES).collect();
        for _ in 0..200 {
            if !self.turn(&order) {
                self.check_ledger();
                return self.outcome.clone().unwrap();
            }
        }
        panic!("the task does not end: {:?}", self.account());
    }

    /// What the durable ledger says must be lawful, and no more than was set aside.
    pub(crate) fn check_ledger(&self) {
        let ledger = Ledger::replay(self.entries.clone()).unwrap();
        let account = ledger.account(&self.schedule.hash()).unwrap();
        assert!(account.epsilon_spent() <= account.reservation().epsilon);
        assert!(account.reservation().epsilon <= self.schedule.task().privacy.epsilon());
        crate::reference::check_rounds(&self.entries, self.small.rounds);
        for (round, model) in &self.published {
            let checkpoint = &self.checkpoints[model];
            let manifest = murmur_round::checkpoint::read_manifest(&checkpoint.model).unwrap();
            assert_eq!(manifest.round, *round);
        }
    }
}
