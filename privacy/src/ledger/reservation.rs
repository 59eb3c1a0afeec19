//! One task's account inside a population's ledger.

use super::{LedgerError, Reservation};
use crate::{accountant::Prices, digest::Digest, event::DpEvent, units::Epsilon};

/// How far the last round of a task went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// No round is waiting for anything.
    Settled,
    /// This round is paid for and was not released (yet, or ever).
    Spent(u32),
}

/// A reservation and what was drawn from it.
#[derive(Clone, Debug)]
pub struct TaskAccount {
    reservation: Reservation,
    prices: Prices,
    spent: u32,
    next_round: u32,
    last: Last,
    model: Option<(u32, Digest)>,
}

impl TaskAccount {
    pub(super) fn new(reservation: Reservation, prices: Prices) -> Self {
        Self { reservation, prices, spent: 0, next_round: 0, last: Last::Settled, model: None }
    }

    /// What was set aside.
    #[must_use]
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// Rounds paid for so far, released or not.
    #[must_use]
    pub fn rounds_spent(&self) -> u32 {
        self.spent
    }

    /// Number of the next round: spent and abandoned numbers are never used again.
    #[must_use]
    pub fn next_round(&self) -> u32 {
        self.next_round
    }

    /// Epsilon of all rounds paid for.
    #[must_use]
    pub fn epsilon_spent(&self) -> Epsilon {
        self.prices.after(self.spent)
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

    pub(super) fn next_event(&self, round: u32) -> Result<DpEvent, LedgerError> {
        self.check_next(round)?;
        if !self.affords_another() {
            let price = self.prices.after(self.spent + 1);
            return Err(LedgerError::Exhausted { round, price, reserved: self.reservation.epsilon });
        }
        Ok(self.reservation.round_event.clone())
    }

    pub(super) fn check_next(&self, round: u32) -> Result<(), LedgerError> {
        if round != self.next_round {
            return Err(LedgerError::RoundOrder { round, next: self.next_round });
        }
        // The number after this one must exist too.
        if round == u32::MAX { Err(LedgerError::RoundsUsedUp) } else { Ok(()) }
    }

    pub(super) fn check_release(&self, round: u32) -> Result<(), LedgerError> {
        if self.last == Last::Spent(round) { Ok(()) } else { Err(LedgerError::NotSpent { round }) }
    }

    pub(super) fn spent(&mut self, round: u32) {
        self.spent += 1;
        self.next_round = round + 1;
        self.last = Last::Spent(round);
    }

    pub(super) fn released(&mut self, round: u32, model: Digest) {
        self.last = Last::Settled;
        self.model = Some((round, model));
    }

    pub(super) fn abandoned(&mut self, round: u32) {
        self.next_round = round + 1;
        self.last = Last::Settled;
    }
}
