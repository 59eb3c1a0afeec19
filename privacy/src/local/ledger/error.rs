//! Why a device's own ledger refuses.

use thiserror::Error;

use crate::{digest::Digest, noise::Provenance, units::Epsilon};

/// A refusal of the device's ledger. Nothing was changed by the call that returned it.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LocalLedgerError {
    /// It does not fit what the device has left.
    #[error(
        "{participations} participation(s) need local epsilon {asked:.4} at delta {asked_delta:e}, and this device has epsilon \
         {remaining:.4} at delta {remaining_delta:e} left"
    )]
    OverBudget {
        /// How many participations.
        participations: u32,
        /// Epsilon that they need together.
        asked: Epsilon,
        /// Epsilon left.
        remaining: Epsilon,
        /// Delta that they need together.
        asked_delta: f64,
        /// Delta left.
        remaining_delta: f64,
    },
    /// A round is randomised once.
    #[error(
        "round {round} of task {task} is charged already: send the bytes that were sealed for it, whose digest is {upload}"
    )]
    Charged {
        /// Digest of the task.
        task: Digest,
        /// Number of the round.
        round: u32,
        /// Digest of the sealed bytes.
        upload: Digest,
    },
    /// Nothing was charged for the round.
    #[error("round {round} of task {task} was never charged: nothing may be sent for it")]
    NotCharged {
        /// Digest of the task.
        task: Digest,
        /// Number of the round.
        round: u32,
    },
    /// Bytes that the charge does not pay for.
    #[error(
        "the bytes for round {round} of task {task} are not those that were sealed: nothing else may be sent for it"
    )]
    OtherBytes {
        /// Digest of the task.
        task: Digest,
        /// Number of the round.
        round: u32,
    },
    /// Seeded randomness under a ledger that claims the operating system's, or the reverse.
    #[error("the device's ledger records {recorded} randomness, but the update was randomised with {found} randomness")]
    OtherProvenance {
        /// What the ledger says.
        recorded: Provenance,
        /// What was used.
        found: Provenance,
    },
    /// An entry is being made durable; nothing can follow before it is confirmed.
    #[error("entry {index} of the device's ledger is not durable yet")]
    Unconfirmed {
        /// Index of the entry in flight.
        index: u64,
    },
    /// A confirmation for an entry that is not in flight.
    #[error("entry {index} of the device's ledger is not waiting for confirmation")]
    NotPending {
        /// Index confirmed.
        index: u64,
    },
    /// The ledger was written by a later version of this crate.
    #[error("the device's ledger has version {found}, and only version 1 is known here")]
    Version {
        /// The version it names.
        found: u32,
    },
    /// A chain needs its opening entry.
    #[error("the device's ledger has no entry")]
    Empty,
    /// An entry is malformed, altered or out of order.
    #[error("entry {index} of the device's ledger was altered, or does not follow from the one before")]
    Corrupt {
        /// Index of the entry.
        index: u64,
    },
    /// An entry could not be serialised.
    #[error("an entry of the device's ledger could not be serialised")]
    Encoding,
}
