//! Entries: what is stored, and how it is chained.

use serde::{Deserialize, Serialize};

use super::LedgerError;
use crate::{
    chain,
    digest::Digest,
    event::{DpEvent, Relation},
    noise::Provenance,
    units::{DeltaProbability, Epsilon},
};

/// The only format there is so far.
pub(super) const VERSION: u32 = 1;

/// The first record: a population and its immutable budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Version of the ledger's format: 1.
    pub version: u32,
    /// Name of the population that owns the budget.
    pub population: String,
    /// What one neighbouring world differs in: one device, with all its data and all its participations.
    pub unit: Unit,
    /// Which worlds are compared.
    pub relation: Relation,
    /// Lifetime budget; infinite for a population that was promised nothing.
    pub epsilon: Epsilon,
    /// Lifetime failure probability.
    pub delta: DeltaProbability,
    /// Whose noise this ledger accounts for.
    pub provenance: Provenance,
}

/// The unit of privacy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// One device: all its examples in all its rounds.
    Device,
}

impl Opening {
    /// The opening of a device-level ledger in today's format.
    #[must_use]
    pub fn new(population: String, epsilon: Epsilon, delta: DeltaProbability, provenance: Provenance) -> Self {
        Self {
            version: VERSION,
            population,
            unit: Unit::Device,
            relation: Relation::ZeroOut,
            epsilon,
            delta,
            provenance,
        }
    }
}

/// A task's schedule and the worst case set aside for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// Digest of the task.
    pub task: Digest,
    /// What one round is, or one block of rounds if the event [spans several](DpEvent::rounds_spanned).
    pub round_event: DpEvent,
    /// Rounds of the schedule: whole blocks.
    pub rounds: u32,
    /// Devices enrolled when the schedule was fixed: its delta was checked against their number, and its denominators
    /// and its ring follow from it. The number of the population, public under zero-out; never a count of a round.
    pub devices: u64,
    /// The task's own sub-budget.
    pub limit: Epsilon,
    /// Delta at which the schedule is priced.
    pub delta: DeltaProbability,
    /// Rounds that the sub-budget pays for: whole blocks.
    pub affordable: u32,
    /// Price of those rounds: what is set aside, at most `limit`.
    pub epsilon: Epsilon,
    /// Name of the accountant that priced them.
    pub accountant: String,
}

/// One fact about a population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// The budget was fixed.
    Opened(Opening),
    /// A task's worst case was set aside.
    Reserved(Reservation),
    /// A round was opened under this number: it holds one round's share of the reservation. How many devices it
    /// concerns stands nowhere: under an amplified claim no count of a round is published.
    RoundOpened {
        /// Digest of the task.
        task: Digest,
        /// Number of the round.
        round: u32,
    },
    /// An open round was sealed and is paid for.
    Spent {
        /// Digest of the task.
        task: Digest,
        /// Number of the round.
        round: u32,
        /// What is about to be released. Where it spans several rounds, all of it stands here in each of them, and it is
        /// charged with the first.
        event: DpEvent,
    },
    /// A paid round's output became a model. At most one per round, ever.
    Released {
        /// Digest of the task.
        task: Digest,
        /// Number of the round.
        round: u32,
        /// SHA-256 of the model file.
        model: Digest,
    },
    /// The rest of a block was given up: so many of its rounds, charged with its first, will never be opened.
    Forfeited {
        /// Digest of the task.
        task: Digest,
        /// Rounds given up.
        rounds: u32,
    },
    /// An open round was given up before it was sealed: its share is free again, its number is never used again.
    Abandoned {
        /// Digest of the task.
        task: Digest,
        /// Number of the round.
        round: u32,
    },
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the chain, from 0.
    pub index: u64,
    /// Digest of the entry before; zero for the first.
    pub previous: Digest,
    /// The fact.
    pub record: Record,
    /// SHA-256 over index, previous digest and record.
    pub digest: Digest,
}

impl Entry {
    /// Seals a record onto the chain whose last digest is `previous`.
    pub(super) fn seal(index: u64, previous: Digest, record: Record) -> Result<Self, LedgerError> {
        let digest = chain::digest(index, previous, &record).map_err(|_| LedgerError::Encoding)?;
        Ok(Self { index, previous, record, digest })
    }

    /// One line of JSON, without the newline.
    ///
    /// # Errors
    /// Never in practice: [`LedgerError::Encoding`] if serialisation fails.
    pub fn to_line(&self) -> Result<String, LedgerError> {
        serde_json::to_string(self).map_err(|_| LedgerError::Encoding)
    }

    /// Reads one line of a ledger; the chain itself is checked by [`Ledger::replay`](super::Ledger::replay).
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] at `index` when the line is not, byte for byte, what [`to_line`](Self::to_line) writes.
    pub fn from_line(index: u64, line: &str) -> Result<Self, LedgerError> {
        chain::read(line).ok_or(LedgerError::Corrupt { index })
    }
}
