//! One task's account inside a population's ledger.

use super::{LedgerError, Reservation};
use crate::{accountant::Prices, digest::Digest, event::DpEvent, units::Epsilon};

/// How far the last round of a task went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// No round is waiting for anything.
    Settled,
    /// This round is open: neither spent nor abandoned.
    Open(u32),
    /// This round is paid for and was not released (yet, or ever).
    Spent(u32),
}

/// A reservation and what was drawn from it.
#[derive(Clone, Debug)]
pub struct TaskAccount {
    reservation: Reservation,
    /// Rounds that one event spans.
    block: u32,
    reserved_by: Digest,
    prices: Prices,
    spent: u32,
    /// Numbers of the rounds paid for in the block under way, by place.
    paid_in_block: Vec<u32>,
    next_round: u32,
    last: Last,
    model: Option<(u32, Digest)>,
}

impl TaskAccount {
    /// `prices` are those of blocks.
    pub(super) fn new(reservation: Reservation, block: u32, reserved_by: Digest, prices: Prices) -> Self {
        Self {
            reservation,
            block,
            reserved_by,
            prices,
            spent: 0,
            paid_in_block: Vec::new(),
            next_round: 0,
            last: Last::Settled,
            model: None,
        }
    }

    /// What was set aside.
    #[must_use]
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// Digest of the entry that set it aside: the head of the ledger when the task was founded.
    #[must_use]
    pub fn reserved_by(&self) -> Digest {
        self.reserved_by
    }

    /// Rounds of a block, which is charged with its first; 1 where every round is charged by itself.
    #[must_use]
    pub fn block_rounds(&self) -> u32 {
        self.block
    }

    /// Number of the block, from 0, to which the next spend belongs.
    #[must_use]
    pub fn block(&self) -> u32 {
        self.spent / self.block
    }

    /// Place of the next spend in its block, from 0: so many rounds of the block are behind it, and at 0 none was charged.
    #[must_use]
    pub fn place(&self) -> u32 {
        self.spent % self.block
    }

    /// Numbers of the rounds paid for in the block under way: as many as its [`place`](Self::place), in order.
    #[must_use]
    pub fn paid_in_block(&self) -> &[u32] {
        &self.paid_in_block
    }

    /// Block and place of the round paid for last.
    pub(super) fn last_paid(&self) -> (u32, u32) {
        let before = self.spent.saturating_sub(1);
        (before / self.block, before % self.block)
    }

    /// Rounds paid for and used so far: released, lost or given up with their block.
    #[must_use]
    pub fn rounds_spent(&self) -> u32 {
        self.spent
    }

    /// Number of the next round to open: a number once opened is never opened again, whatever became of it.
    #[must_use]
    pub fn next_round(&self) -> u32 {
        self.next_round
    }

    /// The round that is open: neither spent nor abandoned.
    #[must_use]
    pub fn open_round(&self) -> Option<u32> {
        match self.last {
            Last::Open(round) => Some(round),
            Last::Settled | Last::Spent(_) => None,
        }
    }

    /// Epsilon of all rounds paid for; of a block under way, all of it.
    #[must_use]
    pub fn epsilon_spent(&self) -> Epsilon {
        self.price_of(self.spent)
    }

    fn price_of(&self, rounds: u32) -> Epsilon {
        self.prices.after(rounds.div_ceil(self.block))
    }

    /// Number and digest of the last released model.
    #[must_use]
    pub fn model(&self) -> Option<(u32, Digest)> {
        self.model
    }

    /// Whether another round fits the reservation. How many do was fixed with the reservation, before anything was
    /// seen, and is not recomputed.
    #[must_use]
    pub fn affords_another(&self) -> bool {
        self.spent < self.reservation.affordable
    }

    pub(super) fn check_opening(&self, round: u32) -> Result<(), LedgerError> {
        if let Some(round) = self.open_round() {
            return Err(LedgerError::StillOpen { round });
        }
        if round != self.next_round {
            return Err(LedgerError::RoundOrder { round, next: self.next_round });
        }
        // The number after this one must exist too.
        if round == u32::MAX {
            return Err(LedgerError::RoundsUsedUp);
        }
        self.check_affordable(round)
    }

    pub(super) fn check_open(&self, round: u32) -> Result<(), LedgerError> {
        if self.last == Last::Open(round) { Ok(()) } else { Err(LedgerError::NotOpen { round }) }
    }

    /// What spending an open round charges. That it fits was seen when it opened, and is seen again.
    pub(super) fn spend_event(&self, round: u32) -> Result<DpEvent, LedgerError> {
        self.check_open(round)?;
        self.check_affordable(round)?;
        Ok(self.reservation.round_event.clone())
    }

    fn check_affordable(&self, round: u32) -> Result<(), LedgerError> {
        if self.affords_another() {
            return Ok(());
        }
        let price = self.price_of(self.spent + 1);
        Err(LedgerError::Exhausted { round, price, reserved: self.reservation.epsilon })
    }

    pub(super) fn check_release(&self, round: u32) -> Result<(), LedgerError> {
        if self.last == Last::Spent(round) { Ok(()) } else { Err(LedgerError::NotSpent { round }) }
    }

    /// Rounds that are left of the block under way.
    pub(super) fn check_forfeit(&self) -> Result<u32, LedgerError> {
        match self.open_round() {
            Some(round) => Err(LedgerError::StillOpen { round }),
            None if self.place() == 0 => Err(LedgerError::NoBlock),
            None => Ok(self.block - self.place()),
        }
    }

    pub(super) fn opened(&mut self, round: u32) {
        self.next_round = round + 1;
        self.last = Last::Open(round);
    }

    pub(super) fn spent(&mut self, round: u32) {
        self.spent += 1;
        self.last = Last::Spent(round);
        self.paid_in_block.push(round);
        if self.place() == 0 {
            self.paid_in_block.clear();
        }
    }

    pub(super) fn released(&mut self, round: u32, model: Digest) {
        self.last = Last::Settled;
        self.model = Some((round, model));
    }

    /// A round that was spent and not released is given up with the rest.
    pub(super) fn forfeited(&mut self, rounds: u32) {
        self.spent += rounds;
        self.last = Last::Settled;
        self.paid_in_block.clear();
    }

    pub(super) fn abandoned(&mut self) {
        self.last = Last::Settled;
    }
}
