//! Whose turn it is in tasks with correlated noise, read plainly off what was recorded, and what noise each round must have.

use std::collections::{BTreeMap, BTreeSet};

use murmur_privacy::{
    Digest, Ledger, NoiseStream, Provenance, Sum,
    ledger::{Opening, Record},
    noise::Secret,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    participation::{Attendance, KeptSecret},
    task::Schedule,
};

use crate::tasks::{DEVICES, Limited, device};

#[derive(Default)]
pub(crate) struct Turns {
    limited: Limited,
    /// Rounds paid for or given up, by the durable ledger: the position of the next.
    passed: u32,
    /// Who was recorded at which position, durable or about to be.
    recorded: BTreeMap<u32, BTreeSet<usize>>,
    /// Which round was paid for at a position.
    paid: BTreeMap<u32, u32>,
    /// Positions of paid rounds in which a device was counted.
    counted: BTreeMap<usize, BTreeSet<u32>>,
    /// The block under way was begun, and its secret or a record of it is gone.
    lost: bool,
    /// By block, the noise of its places.
    noise: BTreeMap<u32, Vec<Vec<i64>>>,
}

impl Turns {
    pub(crate) fn new(limited: Limited) -> Self {
        Self { limited, ..Self::default() }
    }

    fn block(&self, position: u32) -> u32 {
        position / self.limited.block
    }

    fn lies_well(&self, earlier: &BTreeSet<u32>, position: u32) -> bool {
        let Limited { separation, participations, .. } = self.limited;
        let others = || earlier.iter().filter(|other| **other != position);
        let in_block = others().filter(|other| self.block(**other) == self.block(position)).count();
        others().all(|other| other.abs_diff(position) >= separation) && in_block < participations as usize
    }

    /// What the price of a block rests on, whatever became of records of blocks before it: those have noise of their own.
    fn is_paid_for(&self, earlier: &BTreeSet<u32>, position: u32) -> bool {
        let in_block = |other: &&u32| self.block(**other) == self.block(position);
        self.lies_well(&earlier.iter().filter(in_block).copied().collect(), position)
    }

    /// Whether the record lets this device take part in the next round.
    pub(crate) fn allows(&self, index: usize) -> bool {
        let of_device = self.recorded.iter().filter(|(_, who)| who.contains(&index)).map(|(position, _)| *position);
        self.lies_well(&of_device.collect(), self.passed)
    }

    pub(crate) fn allowed(&self) -> usize {
        (0..DEVICES).filter(|index| self.allows(*index)).count()
    }

    pub(crate) fn recording(&mut self, attendance: &Attendance, counted: &BTreeSet<usize>) {
        assert_eq!(attendance.position, self.passed, "recorded at the position that is about to be paid for");
        let names: BTreeSet<_> = attendance.devices.iter().cloned().collect();
        assert_eq!(names, counted.iter().map(|index| device(*index)).collect(), "whoever was counted");
        self.recorded.entry(self.passed).or_default().extend(counted);
    }

    /// A new process starts from what is durable. `kept` is the block whose secret is still there.
    pub(crate) fn crashed(&mut self, kept: Option<u32>, durable: &[Attendance]) {
        self.recorded.clear();
        for attendance in durable {
            let indices = (0..DEVICES).filter(|index| attendance.devices.contains(&device(*index)));
            self.recorded.entry(attendance.position).or_default().extend(indices);
        }
        let begun = self.passed - self.passed % self.limited.block;
        let missing = |paid: (&u32, &u32)| durable.iter().all(|line| (&line.position, &line.round) != paid);
        let gap = self.paid.range(begun..).any(missing);
        let gone = kept != Some(self.block(self.passed));
        self.lost = begun < self.passed && (gap || gone);
    }

    pub(crate) fn durable(&mut self, record: &Record, counted: Option<&BTreeSet<usize>>, last: Option<&Attendance>) {
        match record {
            Record::RoundOpened { .. } => {
                assert!(!self.lost, "a block goes on whose secret or record is gone");
                assert!(
                    self.noise.contains_key(&self.block(self.passed)),
                    "the block's secret is kept before it begins"
                );
            }
            Record::Spent { round, .. } => {
                let last = last.map(|last| (last.position, last.round));
                assert_eq!(last, Some((self.passed, *round)), "recorded before it is paid for");
                for index in counted.expect("a closed round") {
                    let mine = self.counted.entry(*index).or_default().clone();
                    assert!(self.is_paid_for(&mine, self.passed), "device {index} after {mine:?} at {}", self.passed);
                    assert!(self.allows(*index), "device {index} at {}, against the record", self.passed);
                    self.counted.entry(*index).or_default().insert(self.passed);
                }
                self.paid.insert(self.passed, *round);
                self.passed += 1;
            }
            Record::Forfeited { rounds, .. } => {
                assert!(self.lost, "a block was given up that could go on");
                assert_eq!(*rounds, self.limited.block - self.passed % self.limited.block);
                self.passed += rounds;
                self.lost = false;
            }
            _ => {}
        }
    }

    /// The secret of a block that was not begun may be drawn again; then its noise is another.
    pub(crate) fn keeps(&mut self, schedule: &Schedule, block: u32, kept: &KeptSecret) {
        let begun = !self.passed.is_multiple_of(self.limited.block) && self.block(self.passed) == block;
        let drawn = noises(schedule, kept);
        if let Some(before) = self.noise.insert(block, drawn.clone()) {
            assert!(!begun || before == drawn, "the noise of a block that was begun was drawn again");
        }
    }

    /// The noise of the round that was paid for last.
    pub(crate) fn noise(&self) -> &[i64] {
        let position = self.passed - 1;
        &self.noise[&self.block(position)][(position % self.limited.block) as usize]
    }
}

/// The noise of all places of a block, through a ledger of its own: what it leaves of sums of nobody.
fn noises(schedule: &Schedule, kept: &KeptSecret) -> Vec<Vec<i64>> {
    let bytes: [u8; 32] = kept.expose()[44..76].try_into().unwrap();
    let secret = Secret::restored(bytes, Provenance::Simulated);
    let task = Digest::of(b"twin");
    let mut stream = NoiseStream::new(schedule.mechanism(), schedule.grid(), task, 0, &secret).unwrap();
    let delta = DeltaProbability::new(1e-3).unwrap();
    let opening = Opening::new("twins".into(), Epsilon::INFINITE, delta, Provenance::Simulated);
    let (mut ledger, entry) = Ledger::open(opening).unwrap();
    ledger.persisted(entry.index).unwrap();
    let rounds = schedule.round_event().rounds_spanned().get();
    let entry = ledger.reserve(task, schedule.round_event().clone(), rounds, 8, Epsilon::INFINITE, delta).unwrap();
    ledger.persisted(entry.index).unwrap();
    let noise_of = |round| {
        let entry = ledger.open_round(task, round).unwrap();
        ledger.persisted(entry.index).unwrap();
        let entry = ledger.spend(task, round).unwrap();
        let receipt = ledger.persisted(entry.index).unwrap().unwrap();
        Sum::new(schedule.grid()).release_from(&mut stream, receipt).unwrap().steps().collect()
    };
    (0..rounds).map(noise_of).collect()
}
