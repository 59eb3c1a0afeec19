//! The rules by which an entry may follow.

use super::{Entry, Ledger, LedgerError, Record, Reservation, TaskAccount};
use crate::{
    accountant::{Prices, PricesError},
    digest::Digest,
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// Share by which a price may be above the one that was recorded: another machine's exponential function differs in its last
/// digits. What was reserved was a sound price on the machine that reserved it.
const MACHINES: f64 = 1e-6;

fn understated(price: Epsilon, recorded: Epsilon) -> bool {
    price.get() > recorded.get() * (1.0 + MACHINES)
}

/// The schedule's prices by the accountant that reserved it, or by today's tightest where that one is gone.
fn prices_of(reservation: &Reservation, blocks: u32) -> Result<Prices, PricesError> {
    let Reservation { accountant, round_event, delta, .. } = reservation;
    Prices::by(accountant, round_event, blocks, *delta).or_else(|_| Prices::of(round_event, blocks, *delta))
}

impl Ledger {
    /// Prices a schedule and checks it against both budgets: the task's own and the population's.
    pub(super) fn price(
        &self,
        task: Digest,
        round_event: DpEvent,
        rounds: u32,
        devices: u64,
        limit: Epsilon,
        delta: DeltaProbability,
    ) -> Result<Reservation, LedgerError> {
        if self.tasks.contains_key(&task) {
            return Err(LedgerError::TaskKnown { task });
        }
        self.check_relation(&round_event)?;
        let (block, blocks) = blocks(&round_event, rounds)?;
        let prices = Prices::of(&round_event, blocks, delta)?;
        let affordable_blocks = prices.affordable(limit);
        if affordable_blocks == 0 {
            return Err(LedgerError::NothingAffordable { price: prices.after(1), block, limit });
        }
        let affordable = affordable_blocks * block;
        let epsilon = prices.after(affordable_blocks);
        self.check_fits(epsilon, delta)?;
        let accountant = prices.accountant().to_owned();
        Ok(Reservation { task, round_event, rounds, devices, limit, delta, affordable, epsilon, accountant })
    }

    /// Epsilons under different relations do not add up. An event that states none promises nothing, and is priced so.
    fn check_relation(&self, event: &DpEvent) -> Result<(), LedgerError> {
        let ledger = self.opening.relation;
        match event.relation()? {
            Some(event) if event != ledger => Err(LedgerError::OtherRelation { event, ledger }),
            _ => Ok(()),
        }
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
    pub(super) fn accept(&mut self, stored: Reservation) -> Result<Entry, LedgerError> {
        let task = stored.task;
        if self.tasks.contains_key(&task) {
            return Err(LedgerError::TaskKnown { task });
        }
        self.check_relation(&stored.round_event)?;
        let (_, whole) = blocks(&stored.round_event, stored.rounds)?;
        let (_, affordable) = blocks(&stored.round_event, stored.affordable)?;
        let price = prices_of(&stored, whole)?.after(affordable);
        let rounds = 1..=stored.rounds;
        if !rounds.contains(&stored.affordable) || understated(price, stored.epsilon) || stored.epsilon > stored.limit {
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
            Record::RoundOpened { task, round } => self.open_round(task, round),
            Record::Spent { task, round, .. } => self.spend(task, round),
            Record::Released { task, round, model } => self.release(task, round, model),
            Record::Forfeited { task, .. } => self.forfeit(task),
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
                let (block, blocks) = blocks(&reservation.round_event, reservation.rounds)?;
                let prices = prices_of(reservation, blocks)?;
                let account = TaskAccount::new(reservation.clone(), block, entry.digest, prices);
                self.tasks.insert(reservation.task, account);
            }
            Record::RoundOpened { task, round } => self.change(task, |account| account.opened(*round))?,
            Record::Spent { task, round, .. } => self.change(task, |account| account.spent(*round))?,
            Record::Released { task, round, model } => self.change(task, |account| account.released(*round, *model))?,
            Record::Forfeited { task, rounds } => self.change(task, |account| account.forfeited(*rounds))?,
            Record::Abandoned { task, .. } => self.change(task, TaskAccount::abandoned)?,
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

/// Rounds of a block of this event, and the number of blocks in a schedule of `rounds`.
fn blocks(round_event: &DpEvent, rounds: u32) -> Result<(u32, u32), LedgerError> {
    let block = round_event.rounds_spanned().get();
    if rounds.is_multiple_of(block) {
        Ok((block, rounds / block))
    } else {
        Err(LedgerError::PartialBlock { rounds, block })
    }
}
