//! A plain reading of the protocol, kept beside the machine: who counts in which round, and what each answer must be.

use std::collections::{BTreeMap, BTreeSet};

use murmur_privacy::{
    ledger::{Entry, Record},
    units::Epsilon,
};
use murmur_round::{
    checkpoint::{Checkpoint, read_manifest, read_model},
    coordinator::{Refusal, TurnedAway},
    participation::Attendance,
    time::{Millis, Time},
};

use crate::{
    allocations::Allocations,
    tasks::{Cohort, DEVICES, Small, UNIT, WINDOW},
    turns::Turns,
    world::Heard,
};

/// A round between its durable opening and its spend.
#[derive(Default)]
struct Open {
    round: u32,
    closes: Time,
    assigned: BTreeSet<usize>,
    turned_away: BTreeSet<usize>,
    counted: BTreeSet<usize>,
    withdrawn: BTreeSet<usize>,
}

pub(crate) struct Reference {
    small: Small,
    open: Option<Open>,
    /// The round that closed last in this process, and who counted in it.
    closed: Option<(u32, BTreeSet<usize>)>,
    /// The released model, as sums of devices' units.
    params: Vec<f32>,
    /// A model on its way to being released.
    staged: Option<(u32, Vec<f32>)>,
    released: BTreeSet<u32>,
    allocations: Allocations,
    pub(crate) turns: Option<Turns>,
    /// The grid's.
    step: f64,
    due: bool,
}

impl Reference {
    pub(crate) fn new(small: Small, step: f64) -> Self {
        let params = vec![0.0; DEVICES];
        let released = BTreeSet::new();
        Self {
            small,
            open: None,
            closed: None,
            params,
            staged: None,
            released,
            allocations: Allocations::default(),
            turns: small.limited().map(Turns::new),
            step,
            due: false,
        }
    }

    /// `kept` is the block whose secret is still there, `attendance` what is left of the record.
    pub(crate) fn crashed(&mut self, kept: Option<u32>, attendance: &[Attendance]) {
        self.allocations.crashed(kept);
        if let Some(turns) = &mut self.turns {
            turns.crashed(kept, attendance);
        }
        (self.open, self.closed, self.staged, self.due) = (None, None, None, false);
    }

    /// What an upload must be answered with; it counts if that is a yes.
    pub(crate) fn uploads(&mut self, index: usize, round: u32, fits: bool, now: Time) -> Result<(), Refusal> {
        let Some(open) = self.open.as_mut().filter(|open| open.round == round && now < open.closes) else {
            return self.late(index, round);
        };
        if open.counted.contains(&index) {
            return Ok(());
        }
        if !open.assigned.contains(&index) || open.withdrawn.contains(&index) {
            return Err(Refusal::NotAssigned);
        }
        if !fits {
            return Err(Refusal::WrongGrid);
        }
        open.counted.insert(index);
        Ok(())
    }

    pub(crate) fn withdraws(&mut self, index: usize, round: u32, now: Time) -> Result<(), Refusal> {
        let Some(open) = self.open.as_mut().filter(|open| open.round == round && now < open.closes) else {
            return Err(Refusal::RoundClosed);
        };
        if !open.assigned.contains(&index) || open.counted.contains(&index) {
            return Err(Refusal::NotAssigned);
        }
        open.withdrawn.insert(index);
        Ok(())
    }

    /// A round that is not open answers an upload as it did when it was, and nothing more.
    fn late(&self, index: usize, round: u32) -> Result<(), Refusal> {
        let last = match &self.open {
            // Its window is over, or the round meant is another one.
            Some(open) if open.round == round => Some((open.round, &open.counted)),
            _ => self.closed.as_ref().map(|(round, counted)| (*round, counted)),
        };
        let counted = last.is_some_and(|(closed, who)| closed == round && who.contains(&index));
        if counted { Ok(()) } else { Err(Refusal::RoundClosed) }
    }

    pub(crate) fn checked_in(&mut self, index: usize, heard: &Heard, over: bool) {
        let come_back = matches!(heard, Heard::TurnedAway(TurnedAway::ComeBack { after }) if after.0 > 0);
        if index >= DEVICES {
            assert_eq!(*heard, Heard::TurnedAway(TurnedAway::NotEnrolled));
            return;
        }
        if over {
            assert_eq!(*heard, Heard::TurnedAway(TurnedAway::Finished));
            return;
        }
        let Some(open) = &mut self.open else {
            assert!(come_back, "work without an open round: {heard:?}");
            return;
        };
        let answered = open.counted.contains(&index) || open.withdrawn.contains(&index);
        match heard {
            Heard::Assigned(assignment) => {
                assert_eq!(assignment.round, open.round);
                assert!(self.turns.as_ref().is_none_or(|turns| turns.allows(index)), "work, and it is not its turn");
                assert!(!answered, "work for a device that has answered");
                assert!(!open.turned_away.contains(&index), "a cohort does not change once it is drawn");
                open.assigned.insert(index);
            }
            _ => {
                assert!(come_back, "{heard:?}");
                assert!(answered || !open.assigned.contains(&index), "a device that has work keeps it");
                if !answered {
                    open.turned_away.insert(index);
                }
            }
        }
        match self.small.cohort {
            Cohort::Half => {}
            Cohort::Allocated if answered => {}
            Cohort::Allocated => self.allocations.asked(index, matches!(heard, Heard::Assigned(_))),
            Cohort::All => assert!(open.turned_away.is_empty()),
            Cohort::Fixed => assert!(open.assigned.len() <= 4 && open.turned_away.len() <= DEVICES - 4),
            Cohort::Trees => assert!(open.assigned.len() <= 2),
            Cohort::Turns | Cohort::Buffers => {
                let allows = self.turns.as_ref().is_some_and(|turns| turns.allows(index));
                let turned_away = open.turned_away.contains(&index);
                assert!(open.assigned.len() <= 2);
                assert!(!turned_away || !allows || open.assigned.len() == 2, "turned away though it is its turn");
            }
            Cohort::FirstComers => {
                assert!(open.assigned.len() <= 4);
                assert!(open.turned_away.is_empty() || open.assigned.len() == 4, "turned away while there was room");
            }
        }
    }

    /// Called before an event is handed in: whether the window is over by then.
    pub(crate) fn closing_is_due(&mut self, now: Time) {
        self.due = self.open.as_ref().is_some_and(|open| now >= open.closes);
    }

    /// Called after an event: a window that was over did not stay open.
    pub(crate) fn look(&self) {
        assert!(!self.due || self.open.is_none(), "the window is over, and the round still open");
    }

    pub(crate) fn records(&mut self, attendance: &Attendance) {
        let open = self.open.as_ref().expect("only an open round is recorded");
        self.turns.as_mut().expect("turns are not limited").recording(attendance, &open.counted);
    }

    pub(crate) fn proposes(&mut self, entry: &Entry, now: Time) {
        match entry.record {
            Record::Spent { round, .. } => {
                let open = self.open.take().expect("only an open round is spent");
                assert_eq!(open.round, round);
                let answered =
                    open.assigned.iter().all(|index| open.counted.contains(index) || open.withdrawn.contains(index));
                assert!(now >= open.closes || answered, "closed while somebody was still at work");
                self.closed = Some((round, open.counted));
            }
            Record::Released { round, model, .. } => {
                assert_eq!(
                    self.staged.as_ref().map(|(staged, _)| *staged),
                    Some(round),
                    "{model} was not stored before"
                );
            }
            Record::RoundOpened { .. } | Record::Abandoned { .. } | Record::Forfeited { .. } => {
                assert!(self.open.is_none());
            }
            Record::Opened(_) | Record::Reserved(_) => panic!("founded twice"),
            _ => panic!("an unknown record"),
        }
    }

    /// `last` is the last durable record of who took part.
    pub(crate) fn durable(&mut self, entry: &Entry, last: Option<&Attendance>, now: Time) {
        if let Some(turns) = &mut self.turns {
            turns.durable(&entry.record, self.closed.as_ref().map(|(_, counted)| counted), last);
        }
        if self.small.cohort == Cohort::Allocated {
            self.allocations.durable(&entry.record);
        }
        match entry.record {
            Record::RoundOpened { round, .. } => {
                self.open = Some(Open { round, closes: now + Millis(WINDOW), ..Open::default() });
            }
            Record::Released { round, .. } => {
                assert!(self.released.insert(round), "round {round} was released twice");
                let (staged, params) = self.staged.take().expect("a model was stored");
                assert_eq!(staged, round);
                self.params = params;
            }
            _ => {}
        }
    }

    /// A model is about to be stored: everything counted is in it once, nothing else is.
    pub(crate) fn stores(&mut self, checkpoint: &Checkpoint, durable: &[Entry]) {
        let manifest = read_manifest(&checkpoint.model).unwrap();
        let params = read_model(&checkpoint.model, self.small.task().model.layout()).unwrap();
        let Some(round) = manifest.round else {
            assert_eq!(params.values(), [0.0; DEVICES]);
            assert_eq!(manifest.guarantee.epsilon_spent, Epsilon::ZERO);
            return;
        };
        let spend =
            durable.iter().find(|entry| matches!(entry.record, Record::Spent { round: spent, .. } if spent == round));
        let spend = spend.expect("a model before its spend is durable");
        assert_eq!(manifest.ledger_head, spend.digest);
        assert!(manifest.guarantee.epsilon_spent <= manifest.guarantee.epsilon);
        let (closed, counted) = self.closed.as_ref().unwrap();
        assert_eq!(*closed, round);
        let mut expected = self.params.clone();
        for &index in counted {
            expected[index] += UNIT / self.small.cohort.expected();
        }
        if self.small.noise.is_none() {
            assert_eq!(params.values(), expected, "round {round} counted {counted:?}");
        }
        if let Some(turns) = &self.turns {
            // All of it, but for the noise of this very place, in steps.
            let off = params.values().iter().zip(&expected).map(|(found, due)| f64::from(found - due));
            let noise = off.map(|off| (off * f64::from(self.small.cohort.expected()) / self.step).round() as i64);
            assert_eq!(noise.collect::<Vec<_>>(), turns.noise(), "round {round} counted {counted:?}");
        }
        self.staged = Some((round, params.values().to_vec()));
    }
}

/// What became of a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Open,
    Spent,
    Released,
    Abandoned,
}

/// The fate of every round in a durable ledger, by number. Panics where the ledger is not lawful.
pub(crate) fn fates(entries: &[Entry]) -> BTreeMap<u32, Fate> {
    let mut fates = BTreeMap::new();
    for entry in entries {
        let (round, before, after) = match entry.record {
            Record::RoundOpened { round, .. } => {
                assert_eq!(round as usize, fates.len(), "numbers go up by one and never come back");
                (round, None, Fate::Open)
            }
            Record::Spent { round, .. } => (round, Some(Fate::Open), Fate::Spent),
            Record::Released { round, .. } => (round, Some(Fate::Spent), Fate::Released),
            Record::Abandoned { round, .. } => (round, Some(Fate::Open), Fate::Abandoned),
            _ => continue,
        };
        assert_eq!(fates.insert(round, after), before, "round {round} became {after:?}");
        let others = fates.iter().filter(|&(&other, fate)| other < round && *fate == Fate::Open);
        assert_eq!(others.count(), 0, "an open round was left behind");
    }
    fates
}

/// Rounds that were paid for: released, lost, or given up with their block.
pub(crate) fn paid(entries: &[Entry]) -> u32 {
    let spent = fates(entries).values().filter(|fate| matches!(fate, Fate::Spent | Fate::Released)).count();
    u32::try_from(spent).unwrap() + forfeited(entries)
}

/// Rounds that were given up with their block.
pub(crate) fn forfeited(entries: &[Entry]) -> u32 {
    let given_up = |entry: &Entry| if let Record::Forfeited { rounds, .. } = entry.record { rounds } else { 0 };
    entries.iter().map(given_up).sum()
}

/// No more rounds were paid for than the task has.
pub(crate) fn check_rounds(entries: &[Entry], rounds: u32) {
    assert!(paid(entries) <= rounds, "{} rounds were paid for", paid(entries));
}
