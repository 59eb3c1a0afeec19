//! A run that several ranks carry out: what they agree on as they go.
//!
//! All do the same in the same order, so at every exchange all say the same kind of thing; where one does not, they have come apart, and the
//! run ends. What they say also carries whether somebody asked them to stop: all stop at the same moment.

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
};

use murmur_privacy::{Digest, Sum};
use serde::{Deserialize, Serialize};

use super::{answer::Told, flights::Place};
use crate::{
    SimError,
    ranks::{Ranks, exchange},
};

/// This rank in its run.
pub(super) struct Split<'a> {
    ranks: &'a dyn Ranks,
    interrupt: Option<&'a AtomicBool>,
    /// Whether the run could be gone on with from here, as far as this rank knows. Rank 0 keeps it, so that its word counts.
    ready: Cell<bool>,
    /// What was agreed on last.
    asked: Cell<bool>,
    stop: Cell<bool>,
}

#[derive(Serialize, Deserialize)]
struct Word {
    asked: bool,
    ready: bool,
    about: About,
}

#[derive(Serialize, Deserialize)]
enum About {
    /// Devices that this rank worked for, of those (all ranks' together) whose answers arrive next.
    Devices { next: Digest, told: Vec<Told> },
    /// A round closed, and this entry of the ledger pays for it.
    Round(Digest),
    /// The run is over, and this is the ledger's last entry.
    Over(Digest),
}

impl<'a> Split<'a> {
    /// `None` for a rank that is alone.
    pub(super) fn of(ranks: Option<&'a dyn Ranks>, interrupt: Option<&'a AtomicBool>) -> Option<Self> {
        let ranks = ranks.filter(|ranks| ranks.count().get() > 1)?;
        let (ready, asked, stop) = (Cell::new(true), Cell::new(false), Cell::new(false));
        Some(Self { ranks, interrupt, ready, asked, stop })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ranks.count().get()
    }

    /// Whether this rank does the work that was given out as this one: ranks take turns.
    pub(super) fn is_mine(&self, number: u64) -> bool {
        number % self.count() as u64 == self.ranks.rank() as u64
    }

    /// Whether somebody asked some rank to stop.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// Whether all stop now.
    pub(super) fn stops(&self) -> bool {
        self.stop.get()
    }

    /// Says whether the run could be gone on with from here.
    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.set(ready);
    }

    /// Says what this rank's devices came to of those that come `next`, and hears of everybody's, this rank's included.
    pub(super) fn share(&self, next: &[Place], mine: Vec<Told>) -> Result<Vec<Told>, SimError> {
        let places = next.iter().flat_map(|place| [place.arrival.0, place.device]);
        let next = Digest::of(&places.flat_map(u64::to_le_bytes).collect::<Vec<u8>>());
        let mut all = Vec::new();
        for about in self.say(About::Devices { next, told: mine })? {
            match about {
                About::Devices { next: theirs, told } if theirs == next => all.extend(told),
                _ => return Err(SimError::RanksApart),
            }
        }
        Ok(all)
    }

    /// Adds everybody's partial sums of a round up, for which `head` pays. That ledgers are equal says that all models before it were.
    pub(super) fn add_up(&self, head: Digest, sum: &mut Sum) -> Result<(), SimError> {
        let all = self.say(About::Round(head))?;
        if !all.iter().all(|about| matches!(about, About::Round(other) if *other == head)) {
            return Err(SimError::RanksApart);
        }
        sum.reduce_by(|partial| self.ranks.add_up(partial));
        Ok(())
    }

    /// The last that is said: all came to the same.
    pub(super) fn end(&self, head: Digest) -> Result<(), SimError> {
        let all = self.say(About::Over(head))?;
        let same = all.iter().all(|about| matches!(about, About::Over(other) if *other == head));
        if same { Ok(()) } else { Err(SimError::RanksApart) }
    }

    fn say(&self, about: About) -> Result<Vec<About>, SimError> {
        let asked = self.interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed));
        let heard = exchange(self.ranks, &Word { asked, ready: self.ready.get(), about })?;
        let asked = heard.iter().any(|word| word.asked);
        self.asked.set(asked);
        self.stop.set(asked && heard.first().is_some_and(|word| word.ready));
        Ok(heard.into_iter().map(|word| word.about).collect())
    }
}
