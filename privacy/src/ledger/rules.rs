//! The rules by which an entry may follow.

use super::{Entry, Ledger, LedgerError, Record, Reservation, TaskAccount};
use crate::{
    accountant::Prices,
    digest::Digest,
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

impl Ledger {
    /// Prices a schedule and checks it against both budgets: the task's own and the population's.
    pub(super) fn price(
        &self,
        task: Digest,
        round_event: DpEvent,
        rounds: u32,
        limit: Epsilon,
        delta: DeltaProbability,
    ) -> Result<Reservation, LedgerError> {
        if self.tasks.contains_key(&task) {
            return Err(LedgerError::TaskKnown { task });
        }
        let prices = Prices::of(&round_event, rounds, delta)?;
        let affordable = prices.affordable(limit);
        if affordable == 0 {
            return Err(LedgerError::NothingAffordable { price: prices.after(1), limit });
        }
        let epsilon = prices.after(affordable);
        self.check_fits(epsilon, delta)?;
        let accountant = prices.accountant().to_owned();
        Ok(Reservation { task, round_event, rounds, limit, delta, affordable, epsilon, accountant })
    }

    /// Both the population's epsilon and its delta must hold what is reserved plus this. The sums are exact.
    fn check_fits(&self, epsilon: Epsilon, delta: DeltaProbability) -> Result<(), LedgerError> {
        let (reserved, mut deltas) = self.sums();
        deltas.add(delta.get());
        let epsilon_fits = match reserved {
            Some(mut sum) if epsilon.is_finite() && self.opening.epsilon.is_finite() => {
                sum.add(epsilon.get());
                sum.at_most(self.opening.epsilon.get())
            }
            _ => !self.opening.epsilon.is_finite(),
        };
        if epsilon_fits && deltas.at_most(self.opening.delta.get()) {
            return Ok(());
        }
        let (remaining, remaining_delta) = self.remaining();
        Err(LedgerError::OverBudget {
            population: self.opening.population.clone(),
            asked: epsilon,
            remaining,
            asked_delta: delta.get(),
            remaining_delta,
        })
    }

    /// Takes a stored reservation over as it was written, provided that today's accountants still vouch for it: a
    /// sharper accountant may price it lower, none may price it higher.
    fn accept(&mut self, stored: Reservation) -> Result<Entry, LedgerError> {
        let task = stored.task;
        if self.tasks.contains_key(&task) {
            return Err(LedgerError::TaskKnown { task });
        }
        let prices = Prices::of(&stored.round_event, stored.rounds, stored.delta)?;
        let price = prices.after(stored.affordable);
        let rounds = 1..=stored.rounds;
        if !rounds.contains(&stored.affordable) || price > stored.epsilon || stored.epsilon > stored.limit {
            return Err(LedgerError::Unsound { task, price, reserved: stored.epsilon });
        }
        self.check_fits(stored.epsilon, stored.delta)?;
        self.append(Record::Reserved(stored))
    }

    /// Applies a stored record through the same checks as a new one.
    pub(super) fn propose(&mut self, record: Record) -> Result<Entry, LedgerError> {
        match record {
            Record::Opened(_) => Err(LedgerError::Corrupt { index: self.length }),
            Record::Reserved(stored) => self.accept(stored),
            Record::Spent { task, round, .. } => self.spend(task, round),
            Record::Released { task, round, model } => self.release(task, round, model),
            Record::Abandoned { task, round } => self.abandon(task, round),
        }
    }

    /// Chains a record that passed its checks, and puts it in flight.
    pub(super) fn append(&mut self, record: Record) -> Result<Entry, LedgerError> {
        if let Some(pending) = &self.pending {
            return Err(LedgerError::Unconfirmed { index: pending.index });
        }
        let entry = Entry::seal(self.length, self.head, record)?;
        match &entry.record {
            Record::Opened(_) => {}
            Record::Reserved(reservation) => {
                let prices = Prices::of(&reservation.round_event, reservation.rounds, reservation.delta)?;
                self.tasks.insert(reservation.task, TaskAccount::new(reservation.clone(), prices));
            }
            Record::Spent { task, round, .. } => self.change(task, |account| account.spent(*round))?,
            Record::Released { task, round, model } => self.change(task, |account| account.released(*round, *model))?,
            Record::Abandoned { task, round } => self.change(task, |account| account.abandoned(*round))?,
        }
        self.head = entry.digest;
        self.length += 1;
        self.pending = Some(entry.clone());
        Ok(entry)
    }

    fn change(&mut self, task: &Digest, change: impl FnOnce(&mut TaskAccount)) -> Result<(), LedgerError> {
        self.tasks.get_mut(task).map(change).ok_or(LedgerError::UnknownTask { task: *task })
    }
}
