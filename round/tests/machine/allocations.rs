//! Who was asked in which round of a block, as devices and the ledger show it: nobody is ever assigned anew.

use std::collections::BTreeMap;

use murmur_privacy::ledger::Record;

use crate::tasks::{BLOCK, EACH};

#[derive(Default)]
pub(crate) struct Allocations {
    /// Rounds paid for or given up, by the durable ledger.
    passed: u32,
    /// For each device of the block under way, the places at which it asked, and whether it had work there.
    seen: BTreeMap<usize, BTreeMap<u32, bool>>,
    /// The block under way was begun, and its secret is gone.
    lost: bool,
}

impl Allocations {
    fn place(&self) -> u32 {
        self.passed % BLOCK
    }

    pub(crate) fn crashed(&mut self, kept: Option<u32>) {
        if kept == Some(self.passed / BLOCK) {
            return;
        }
        if self.place() == 0 {
            // Nothing of the block was released: it may be drawn again.
            self.seen.clear();
        } else {
            self.lost = true;
        }
    }

    pub(crate) fn durable(&mut self, record: &Record) {
        match record {
            Record::RoundOpened { .. } => assert!(!self.lost, "a block goes on whose secret is gone"),
            Record::Spent { .. } => self.passes(1),
            Record::Forfeited { rounds, .. } => {
                assert!(self.lost, "a block was given up whose secret is there");
                assert_eq!(*rounds, BLOCK - self.place());
                self.passes(*rounds);
                self.lost = false;
            }
            _ => {}
        }
    }

    fn passes(&mut self, rounds: u32) {
        self.passed += rounds;
        if self.place() == 0 {
            self.seen.clear();
        }
    }

    /// A device asked in the round that is open, and had work there or not.
    pub(crate) fn asked(&mut self, index: usize, work: bool) {
        let place = self.place();
        let seen = self.seen.entry(index).or_default();
        let before = seen.insert(place, work);
        assert!(before.is_none_or(|before| before == work), "device {index} was assigned anew at place {place}");
        let assigned = seen.values().filter(|work| **work).count();
        let unknown = BLOCK as usize - seen.len();
        assert!(assigned <= EACH && assigned + unknown >= EACH, "device {index}: {seen:?}");
    }
}
