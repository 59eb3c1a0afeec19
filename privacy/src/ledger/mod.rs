//! The budget of a population: append-only, hash-chained, durable before release.
//!
//! These are the rules; where entries are kept is the driver's business. An entry is proposed by a method here, made
//! durable by the driver, and confirmed with [`Ledger::persisted`]; only then does a [`Receipt`] exist. At most one
//! entry is in flight, so the durable entries are always a prefix of the chain.

mod entry;
mod error;
mod receipt;
mod reservation;
mod rules;

pub use entry::{Entry, Opening, Record, Reservation, Unit};
pub use error::LedgerError;
use receipt::Paid;
pub use receipt::Receipt;
pub use reservation::TaskAccount;

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    event::DpEvent,
    exact::ExactSum,
    noise::Provenance,
    units::{DeltaProbability, Epsilon, rest_down},
};

/// A population's ledger in memory: the opening, every task's account, and the head of the chain.
///
/// # Guarantee
/// Over the whole life of the population, all releases whose spends this ledger accepted are together
/// `(epsilon, delta)`-differentially private for its budget, under its relation: within a task by the accountant that
/// priced the task's fixed schedule, across tasks (created adaptively) by basic composition of the reserved pairs
/// (Dwork and Roth 2014, Theorem 3.16, which holds for adaptively chosen mechanisms; a filter by Rogers et al. 2016, section 3, since
/// the sum is checked before each reservation). That the rounds of several tasks interleave changes nothing: the filter
/// also holds for concurrent composition of interactive mechanisms (Haney et al. 2023, 2309.05901).
#[derive(Debug)]
pub struct Ledger {
    opening: Opening,
    tasks: BTreeMap<Digest, TaskAccount>,
    head: Digest,
    length: u64,
    pending: Option<Entry>,
}

impl Ledger {
    /// Starts the ledger of a population. The entry returned is the chain's first and must be made durable and
    /// confirmed like every other.
    ///
    /// # Errors
    /// Never in practice: [`LedgerError::Encoding`] if the opening cannot be serialised.
    pub fn open(opening: Opening) -> Result<(Self, Entry), LedgerError> {
        let mut ledger =
            Self { opening: opening.clone(), tasks: BTreeMap::new(), head: Digest::ZERO, length: 0, pending: None };
        let entry = ledger.append(Record::Opened(opening))?;
        Ok((ledger, entry))
    }

    /// Rebuilds a ledger from its durable entries, checking the chain and every rule again.
    ///
    /// # Errors
    /// [`LedgerError`] naming the first entry that is out of order, altered, or breaks a rule.
    pub fn replay(entries: impl IntoIterator<Item = Entry>) -> Result<Self, LedgerError> {
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or(LedgerError::Empty)?;
        let Record::Opened(opening) = &first.record else {
            return Err(LedgerError::Corrupt { index: 0 });
        };
        if opening.version != entry::VERSION {
            return Err(LedgerError::Version { found: opening.version });
        }
        let (mut ledger, opened) = Self::open(opening.clone())?;
        if first != opened {
            return Err(LedgerError::Corrupt { index: 0 });
        }
        ledger.persisted(0)?;
        for entry in entries {
            let index = ledger.length;
            let proposed = ledger.propose(entry.record.clone())?;
            if proposed != entry {
                return Err(LedgerError::Corrupt { index });
            }
            ledger.persisted(index)?;
        }
        Ok(ledger)
    }

    /// Fixes a task's schedule and reserves its whole worst case, priced here by the tightest sound accountant.
    ///
    /// An event that [spans several rounds](DpEvent::rounds_spanned) is one block of them: `rounds` are whole blocks, the spend of a
    /// block's first round charges all of it, and the others are paid for by that. How many rounds a charge covers is read off the
    /// event and stated by nobody.
    ///
    /// A schedule longer than the task's own epsilon affords is reserved as far as it reaches; its rounds stop there.
    /// `devices` is the number of enrolled devices that the schedule was fixed for; it is recorded, not judged.
    ///
    /// # Errors
    /// [`LedgerError::OverBudget`] naming what is asked and what remains; other variants for a task already known, a
    /// schedule of which no round is affordable, an event stated under another relation, or one without a theorem.
    pub fn reserve(
        &mut self,
        task: Digest,
        round_event: DpEvent,
        rounds: u32,
        devices: u64,
        limit: Epsilon,
        delta: DeltaProbability,
    ) -> Result<Entry, LedgerError> {
        let reservation = self.price(task, round_event, rounds, devices, limit, delta)?;
        self.append(Record::Reserved(reservation))
    }

    /// Enters a reservation again that another copy of this ledger made and that is missing here, provided that today's accountants vouch
    /// for it and both budgets hold it.
    ///
    /// # Errors
    /// [`LedgerError::OverBudget`] where something else has taken its place since, [`LedgerError::Unsound`] for one that no accountant
    /// vouches for, [`LedgerError::TaskKnown`] where it is not missing.
    pub fn take_over(&mut self, reservation: Reservation) -> Result<Entry, LedgerError> {
        self.accept(reservation)
    }

    /// Opens a round under a number that was never used before; until it is spent or abandoned it holds the share of the
    /// reservation that spending it takes. A round that was spent and not released is left behind: it can never be released
    /// afterwards.
    ///
    /// # Errors
    /// [`LedgerError::StillOpen`] while another round of the task is open, [`LedgerError::RoundOrder`] unless the number is
    /// the task's next one, [`LedgerError::Exhausted`] when the round would pass the task's reservation.
    pub fn open_round(&mut self, task: Digest, round: u32) -> Result<Entry, LedgerError> {
        self.account(&task)?.check_opening(round)?;
        self.append(Record::RoundOpened { task, round })
    }

    /// Charges the task's open round.
    ///
    /// # Errors
    /// [`LedgerError::NotOpen`] unless this round is open.
    pub fn spend(&mut self, task: Digest, round: u32) -> Result<Entry, LedgerError> {
        let event = self.account(&task)?.spend_event(round)?;
        self.append(Record::Spent { task, round, event })
    }

    /// Records that the round's noised output became the model of this digest.
    ///
    /// # Errors
    /// [`LedgerError::NotSpent`] unless the round's spend is the last thing that happened to the task.
    pub fn release(&mut self, task: Digest, round: u32, model: Digest) -> Result<Entry, LedgerError> {
        self.account(&task)?.check_release(round)?;
        self.append(Record::Released { task, round, model })
    }

    /// Gives the task's open round up for good without a spend: nothing of it may be released, ever.
    ///
    /// # Errors
    /// [`LedgerError::NotOpen`] unless this round is open.
    pub fn abandon(&mut self, task: Digest, round: u32) -> Result<Entry, LedgerError> {
        self.account(&task)?.check_open(round)?;
        self.append(Record::Abandoned { task, round })
    }

    /// Gives up the rest of the block that is under way: its charge stands, and what remains of it is never opened. For a driver
    /// that cannot go on with a block, and must not begin it again.
    ///
    /// # Errors
    /// [`LedgerError::NoBlock`] unless the task is within a block, [`LedgerError::StillOpen`] while a round of it is open.
    pub fn forfeit(&mut self, task: Digest) -> Result<Entry, LedgerError> {
        let rounds = self.account(&task)?.check_forfeit()?;
        self.append(Record::Forfeited { task, rounds })
    }

    /// Confirms that the pending entry is durable. For a spend this yields the receipt that pays for one release.
    ///
    /// # Errors
    /// [`LedgerError::NotPending`] when no entry of this index is pending.
    pub fn persisted(&mut self, index: u64) -> Result<Option<Receipt>, LedgerError> {
        let entry = match self.pending.take() {
            Some(entry) if entry.index == index => entry,
            other => {
                self.pending = other;
                return Err(LedgerError::NotPending { index });
            }
        };
        Ok(match entry.record {
            Record::Spent { task, round, event } => {
                let (block, place) = self.account(&task)?.last_paid();
                let paid = Paid { task, round, block, place, event };
                Some(Receipt::new(index, entry.digest, paid, self.opening.provenance))
            }
            _ => None,
        })
    }

    /// What the population was opened with.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Whether noise recorded here protects anybody.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.opening.provenance
    }

    /// Digest of the last entry.
    #[must_use]
    pub fn head(&self) -> Digest {
        self.head
    }

    /// Number of entries, the pending one included.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The account of one task.
    ///
    /// # Errors
    /// [`LedgerError::UnknownTask`] when it has no reservation here.
    pub fn account(&self, task: &Digest) -> Result<&TaskAccount, LedgerError> {
        self.tasks.get(task).ok_or(LedgerError::UnknownTask { task: *task })
    }

    /// Epsilon and delta reserved by all tasks together, by basic composition: exact sums, rounded up once.
    #[must_use]
    pub fn reserved(&self) -> (Epsilon, f64) {
        let (epsilon, delta) = self.sums();
        let epsilon = epsilon.and_then(|sum| Epsilon::new(sum.rounded_up()).ok()).unwrap_or(Epsilon::INFINITE);
        (epsilon, delta.rounded_up())
    }

    /// Epsilon of everything that all tasks together paid for so far, by basic composition: an exact sum, rounded up once. It is a part of
    /// what is [`reserved`](Self::reserved), which stays set aside.
    #[must_use]
    pub fn spent(&self) -> Epsilon {
        let spent = || self.tasks.values().map(TaskAccount::epsilon_spent);
        let sum: Option<ExactSum> = spent().map(|epsilon| epsilon.is_finite().then_some(epsilon.get())).collect();
        sum.and_then(|sum| Epsilon::new(sum.rounded_up()).ok()).unwrap_or(Epsilon::INFINITE)
    }

    /// Exact sums of what is reserved; no epsilon once a task was promised nothing.
    fn sums(&self) -> (Option<ExactSum>, ExactSum) {
        let reservations = || self.tasks.values().map(TaskAccount::reservation);
        let finite = reservations().all(|reservation| reservation.epsilon.is_finite());
        let epsilon = finite.then(|| reservations().map(|reservation| reservation.epsilon.get()).collect());
        (epsilon, reservations().map(|reservation| reservation.delta.get()).collect())
    }

    /// What the population has left for further tasks.
    #[must_use]
    pub fn remaining(&self) -> (Epsilon, f64) {
        let (epsilon, delta) = self.reserved();
        (self.opening.epsilon.minus(epsilon), rest_down(self.opening.delta.get(), delta))
    }
}
