//! Entries of a device's own ledger.

use serde::{Deserialize, Serialize};

use super::LocalLedgerError;
use crate::{
    chain,
    digest::Digest,
    local::LocalGuarantee,
    noise::Provenance,
    units::{DeltaProbability, Epsilon},
};

/// The only format there is so far.
pub(super) const VERSION: u32 = 1;

/// The first record: what the device is willing to spend in its whole life, over all tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalOpening {
    /// Version of the format: 1.
    pub version: u32,
    /// Lifetime budget.
    pub epsilon: Epsilon,
    /// Lifetime failure probability; without one only pure guarantees are taken.
    pub delta: Option<DeltaProbability>,
    /// Whose randomness this ledger accounts for.
    pub provenance: Provenance,
}

impl LocalOpening {
    /// An opening in today's format.
    #[must_use]
    pub fn new(epsilon: Epsilon, delta: Option<DeltaProbability>, provenance: Provenance) -> Self {
        Self { version: VERSION, epsilon, delta, provenance }
    }
}

/// One participation: what it costs, and what is sent for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Digest of the task.
    pub task: Digest,
    /// Number of the round.
    pub round: u32,
    /// What it costs.
    pub guarantee: LocalGuarantee,
    /// SHA-256 of the sealed bytes: no others are ever sent for this round.
    pub upload: Digest,
}

/// One fact about a device's budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LocalRecord {
    /// The budget was fixed.
    Opened(LocalOpening),
    /// A participation was paid for.
    Charged(Charge),
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalEntry {
    /// Position in the chain, from 0.
    pub index: u64,
    /// Digest of the entry before; zero for the first.
    pub previous: Digest,
    /// The fact.
    pub record: LocalRecord,
    /// SHA-256 over index, previous digest and record.
    pub digest: Digest,
}

impl LocalEntry {
    pub(super) fn seal(index: u64, previous: Digest, record: LocalRecord) -> Result<Self, LocalLedgerError> {
        let digest = chain::digest(index, previous, &record).map_err(|_| LocalLedgerError::Encoding)?;
        Ok(Self { index, previous, record, digest })
    }

    /// One line of JSON, without the newline.
    ///
    /// # Errors
    /// Never in practice: [`LocalLedgerError::Encoding`] if serialisation fails.
    pub fn to_line(&self) -> Result<String, LocalLedgerError> {
        serde_json::to_string(self).map_err(|_| LocalLedgerError::Encoding)
    }

    /// Reads one line; the chain itself is checked by [`LocalLedger::replay`](super::LocalLedger::replay).
    ///
    /// # Errors
    /// [`LocalLedgerError::Corrupt`] at `index` when the line is not, byte for byte, what [`to_line`](Self::to_line) writes.
    pub fn from_line(index: u64, line: &str) -> Result<Self, LocalLedgerError> {
        chain::read(line).ok_or(LocalLedgerError::Corrupt { index })
    }
}
