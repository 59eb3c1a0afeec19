//! A device's own budget: what it spends locally, over all tasks, in its whole life.
//!
//! These are the rules; where entries and bytes are kept is the driver's business. A participation goes like this:
//!
//! 1. The driver randomises and seals the update, and makes the sealed bytes durable.
//! 2. [`LocalLedger::charge`] makes an entry that names their digest; the driver makes it durable.
//! 3. [`LocalLedger::persisted`] gives the [`Permit`] to send those bytes.
//! 4. A retry asks [`LocalLedger::resend`] with the same bytes; no others are permitted, and a round is never charged or randomised
//!    again. If the bytes are lost, so is the round.

mod entry;
mod error;

pub use entry::{Charge, LocalEntry, LocalOpening, LocalRecord};
pub use error::LocalLedgerError;

use std::collections::BTreeMap;

use super::{LocalGuarantee, Sampling, guarantee::product};
use crate::{
    digest::Digest,
    exact::ExactSum,
    noise::Provenance,
    units::{Epsilon, rest_down},
};

/// A device's ledger in memory.
///
/// # Guarantee
/// All that the device ever sends under permits of this ledger is together locally private for its opening's epsilon and delta, given
/// that the charges are true: basic composition of pairs that may be chosen adaptively, checked before each charge (Dwork
/// and Roth 2014, Theorem 3.16; a filter by Rogers and others 2016, section 3).
#[derive(Debug)]
pub struct LocalLedger {
    opening: LocalOpening,
    charges: BTreeMap<(Digest, u32), Charge>,
    head: Digest,
    length: u64,
    pending: Option<LocalEntry>,
}

/// Permission to send the bytes of one charge. Not `Clone`; made only when the charge is durable.
#[derive(Debug)]
pub struct Permit(Charge);

impl Permit {
    /// What was charged.
    #[must_use]
    pub fn charge(&self) -> &Charge {
        &self.0
    }

    /// Whether these are the bytes that may be sent.
    #[must_use]
    pub fn covers(&self, sealed: &[u8]) -> bool {
        Digest::of(sealed) == self.0.upload
    }
}

impl LocalLedger {
    /// Starts a device's ledger. The entry returned must be made durable and confirmed like every other.
    ///
    /// # Errors
    /// Never in practice: [`LocalLedgerError::Encoding`] if the opening cannot be serialised.
    pub fn open(opening: LocalOpening) -> Result<(Self, LocalEntry), LocalLedgerError> {
        let mut ledger =
            Self { opening: opening.clone(), charges: BTreeMap::new(), head: Digest::ZERO, length: 0, pending: None };
        let entry = ledger.append(LocalRecord::Opened(opening))?;
        Ok((ledger, entry))
    }

    /// Rebuilds a ledger from its durable entries, checking the chain and every rule again.
    ///
    /// # Errors
    /// [`LocalLedgerError`] naming the first entry that is out of order, altered, or breaks a rule.
    pub fn replay(entries: impl IntoIterator<Item = LocalEntry>) -> Result<Self, LocalLedgerError> {
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or(LocalLedgerError::Empty)?;
        let LocalRecord::Opened(opening) = first.record.clone() else {
            return Err(LocalLedgerError::Corrupt { index: 0 });
        };
        if opening.version != entry::VERSION {
            return Err(LocalLedgerError::Version { found: opening.version });
        }
        let (mut ledger, opened) = Self::open(opening)?;
        ledger.confirm(&opened, &first)?;
        for entry in entries {
            let index = ledger.length;
            let LocalRecord::Charged(charge) = entry.record.clone() else {
                return Err(LocalLedgerError::Corrupt { index });
            };
            let proposed = ledger.propose(charge)?;
            ledger.confirm(&proposed, &entry)?;
        }
        Ok(ledger)
    }

    /// Whether so many participations at this cost fit what is left: what a device asks before it joins a task. Nothing is set aside,
    /// since every charge is checked again.
    ///
    /// # Errors
    /// [`LocalLedgerError::OverBudget`] with what is asked and what remains.
    pub fn admits(&self, guarantee: LocalGuarantee, participations: u32) -> Result<(), LocalLedgerError> {
        let count = f64::from(participations);
        let (asked, asked_delta) = (guarantee.epsilon().get() * count, guarantee.delta() * count);
        let (spent, mut delta) = self.sums();
        product(guarantee.delta(), count).for_each(|part| delta.add(part));
        let epsilon_fits = match spent {
            Some(mut sum) if asked.is_finite() && self.opening.epsilon.is_finite() => {
                product(guarantee.epsilon().get(), count).for_each(|part| sum.add(part));
                sum.at_most(self.opening.epsilon.get())
            }
            _ => !self.opening.epsilon.is_finite(),
        };
        if epsilon_fits && delta.at_most(self.delta_budget()) {
            return Ok(());
        }
        let (remaining, remaining_delta) = self.remaining();
        let asked = Epsilon::new(asked).unwrap_or(Epsilon::INFINITE);
        Err(LocalLedgerError::OverBudget { participations, asked, remaining, asked_delta, remaining_delta })
    }

    /// Charges one participation, for which exactly these bytes may be sent once the entry is durable. `found` is the provenance of the
    /// randomness that made them.
    ///
    /// # Errors
    /// [`LocalLedgerError::Charged`] if the round was charged before, [`LocalLedgerError::OverBudget`] with what is asked and what
    /// remains, [`LocalLedgerError::OtherProvenance`] for other randomness than the ledger's, [`LocalLedgerError::Unconfirmed`]
    /// while another entry is in flight.
    pub fn charge(
        &mut self,
        task: Digest,
        round: u32,
        guarantee: LocalGuarantee,
        found: Provenance,
        sealed: &[u8],
    ) -> Result<LocalEntry, LocalLedgerError> {
        let recorded = self.opening.provenance;
        if recorded != found {
            return Err(LocalLedgerError::OtherProvenance { recorded, found });
        }
        self.propose(Charge { task, round, guarantee, upload: Digest::of(sealed) })
    }

    /// Confirms that the pending entry is durable. For a charge this yields the permit to send its bytes.
    ///
    /// # Errors
    /// [`LocalLedgerError::NotPending`] when no entry of this index is pending.
    pub fn persisted(&mut self, index: u64) -> Result<Option<Permit>, LocalLedgerError> {
        match self.pending.take() {
            Some(entry) if entry.index == index => Ok(match entry.record {
                LocalRecord::Charged(charge) => Some(Permit(charge)),
                LocalRecord::Opened(_) => None,
            }),
            other => {
                self.pending = other;
                Err(LocalLedgerError::NotPending { index })
            }
        }
    }

    /// Permits a retry with the very bytes that were charged.
    ///
    /// # Errors
    /// [`LocalLedgerError::NotCharged`] for a round without a charge, [`LocalLedgerError::Unconfirmed`] while its charge is not durable,
    /// [`LocalLedgerError::OtherBytes`] for other bytes.
    pub fn resend(&self, task: Digest, round: u32, sealed: &[u8]) -> Result<Permit, LocalLedgerError> {
        let charge = self.charges.get(&(task, round)).ok_or(LocalLedgerError::NotCharged { task, round })?;
        if let Some(LocalEntry { index, record: LocalRecord::Charged(pending), .. }) = &self.pending
            && pending == charge
        {
            return Err(LocalLedgerError::Unconfirmed { index: *index });
        }
        let permit = Permit(charge.clone());
        if permit.covers(sealed) { Ok(permit) } else { Err(LocalLedgerError::OtherBytes { task, round }) }
    }

    /// What was charged for a round.
    #[must_use]
    pub fn charged(&self, task: Digest, round: u32) -> Option<&Charge> {
        self.charges.get(&(task, round))
    }

    /// All that was spent: exact sums, rounded up once; idealised if any charge is.
    #[must_use]
    pub fn spent(&self) -> (Epsilon, f64, Sampling) {
        let (epsilon, delta) = self.sums();
        let epsilon = epsilon.and_then(|sum| Epsilon::new(sum.rounded_up()).ok()).unwrap_or(Epsilon::INFINITE);
        let exact = self.charges.values().all(|charge| charge.guarantee.sampling() == Sampling::Exact);
        (epsilon, delta.rounded_up(), if exact { Sampling::Exact } else { Sampling::Idealised })
    }

    /// What is left.
    #[must_use]
    pub fn remaining(&self) -> (Epsilon, f64) {
        let (epsilon, delta, _) = self.spent();
        (self.opening.epsilon.minus(epsilon), rest_down(self.delta_budget(), delta))
    }

    /// What the ledger was opened with.
    #[must_use]
    pub fn opening(&self) -> &LocalOpening {
        &self.opening
    }

    /// Digest of the last entry.
    #[must_use]
    pub fn head(&self) -> Digest {
        self.head
    }

    fn delta_budget(&self) -> f64 {
        self.opening.delta.map_or(0.0, |delta| delta.get())
    }

    /// Exact sums of what was charged; no epsilon once nothing was promised.
    fn sums(&self) -> (Option<ExactSum>, ExactSum) {
        let charges = || self.charges.values().map(|charge| charge.guarantee);
        let finite = charges().all(|guarantee| guarantee.epsilon().is_finite());
        let epsilon = finite.then(|| charges().map(|guarantee| guarantee.epsilon().get()).collect());
        (epsilon, charges().map(|guarantee| guarantee.delta()).collect())
    }

    fn propose(&mut self, charge: Charge) -> Result<LocalEntry, LocalLedgerError> {
        let Charge { task, round, guarantee, .. } = charge;
        if let Some(Charge { upload, .. }) = self.charges.get(&(task, round)) {
            return Err(LocalLedgerError::Charged { task, round, upload: *upload });
        }
        self.admits(guarantee, 1)?;
        self.append(LocalRecord::Charged(charge))
    }

    fn append(&mut self, record: LocalRecord) -> Result<LocalEntry, LocalLedgerError> {
        if let Some(pending) = &self.pending {
            return Err(LocalLedgerError::Unconfirmed { index: pending.index });
        }
        let entry = LocalEntry::seal(self.length, self.head, record)?;
        if let LocalRecord::Charged(charge) = &entry.record {
            self.charges.insert((charge.task, charge.round), charge.clone());
        }
        self.head = entry.digest;
        self.length += 1;
        self.pending = Some(entry.clone());
        Ok(entry)
    }

    /// Confirms what was proposed, if that is what is stored.
    fn confirm(&mut self, proposed: &LocalEntry, stored: &LocalEntry) -> Result<(), LocalLedgerError> {
        if proposed != stored {
            return Err(LocalLedgerError::Corrupt { index: proposed.index });
        }
        self.persisted(proposed.index).map(|_| ())
    }
}
