//! Why a ledger refuses.

use thiserror::Error;

use crate::{
    accountant::PricesError,
    digest::Digest,
    event::{MixedRelations, Relation},
    units::Epsilon,
};

/// A refusal of the ledger. Nothing was changed by the call that returned it.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum LedgerError {
    /// The task's worst case does not fit what the population has left.
    #[error(
        "the task needs epsilon {asked:.4} at delta {asked_delta:e}, and population {population:?} has epsilon \
         {remaining:.4} at delta {remaining_delta:e} left"
    )]
    OverBudget {
        /// Whose budget.
        population: String,
        /// Epsilon the task needs.
        asked: Epsilon,
        /// Epsilon left.
        remaining: Epsilon,
        /// Delta the task needs.
        asked_delta: f64,
        /// Delta left.
        remaining_delta: f64,
    },
    /// The next round would pass the task's reservation.
    #[error("round {round} would bring the task to epsilon {price:.4}, past its reservation of {reserved:.4}")]
    Exhausted {
        /// Number of the round.
        round: u32,
        /// Epsilon after the round.
        price: Epsilon,
        /// Epsilon set aside.
        reserved: Epsilon,
    },
    /// Not even one round (one block, where the event spans several) fits the task's own epsilon.
    #[error("{} costs epsilon {price:.4}, more than the task's budget of {limit:.4}", begins(*.block))]
    NothingAffordable {
        /// Price of the first round, or of the block that it begins.
        price: Epsilon,
        /// Rounds of a block; 1 where every round is charged by itself.
        block: u32,
        /// The task's sub-budget.
        limit: Epsilon,
    },
    /// A block is charged whole, so a schedule holds whole blocks.
    #[error(
        "{rounds} rounds are no whole number of blocks of {block} rounds: make the rounds a multiple of {block}, or the \
         block a divisor of {rounds}"
    )]
    PartialBlock {
        /// Rounds of the schedule.
        rounds: u32,
        /// Rounds of a block.
        block: u32,
    },
    /// The giving up of the rest of a block, where no block is under way.
    #[error("no block of this task is under way: there is nothing of it to give up")]
    NoBlock,
    /// A stored reservation that today's accountants do not vouch for.
    #[error("the stored reservation of task {task} sets aside epsilon {reserved:.4}, but its rounds cost {price:.4}")]
    Unsound {
        /// Digest of the task.
        task: Digest,
        /// Price by today's accountants.
        price: Epsilon,
        /// Epsilon set aside.
        reserved: Epsilon,
    },
    /// The event compares other worlds than the ledger's budget does.
    #[error(
        "the task's event is stated under \"{event}\", and this ledger under \"{ledger}\": state the task's mechanism under the \
         ledger's relation"
    )]
    OtherRelation {
        /// The relation of the event.
        event: Relation,
        /// The relation of the ledger.
        ledger: Relation,
    },
    /// Parts of the event compare different worlds.
    #[error(transparent)]
    MixedRelations(#[from] MixedRelations),
    /// The schedule cannot be priced.
    #[error(transparent)]
    Prices(#[from] PricesError),
    /// The task has a reservation already.
    #[error("task {task} has a reservation already")]
    TaskKnown {
        /// Digest of the task.
        task: Digest,
    },
    /// The task has no reservation here.
    #[error("task {task} has no reservation in this ledger")]
    UnknownTask {
        /// Digest of the task.
        task: Digest,
    },
    /// Round numbers only go up, one at a time.
    #[error("round {round} is out of order: the next round to open is {next}")]
    RoundOrder {
        /// The number given.
        round: u32,
        /// The number expected.
        next: u32,
    },
    /// A round of this task is open; it must be spent or abandoned first.
    #[error("round {round} of this task is still open: it is spent or abandoned before another opens")]
    StillOpen {
        /// Number of the open round.
        round: u32,
    },
    /// A spend of, or the giving up of, a round that is not open.
    #[error("round {round} is not open")]
    NotOpen {
        /// Number of the round.
        round: u32,
    },
    /// A release without its own spend, or a second release of one round.
    #[error("round {round} has no spend that still awaits its release")]
    NotSpent {
        /// Number of the round.
        round: u32,
    },
    /// An entry is being made durable; nothing can follow before it is confirmed.
    #[error("ledger entry {index} is not durable yet")]
    Unconfirmed {
        /// Index of the entry in flight.
        index: u64,
    },
    /// A confirmation for an entry that is not in flight.
    #[error("ledger entry {index} is not waiting for confirmation")]
    NotPending {
        /// Index confirmed.
        index: u64,
    },
    /// The ledger was written by a later version of this crate.
    #[error("the ledger's format is version {found}, and only version 1 is known here")]
    Version {
        /// The version it names.
        found: u32,
    },
    /// No round number is left.
    #[error("the task has used every round number")]
    RoundsUsedUp,
    /// A chain needs its opening entry.
    #[error("the ledger has no entry")]
    Empty,
    /// An entry is malformed, altered or out of order.
    #[error("ledger entry {index} was altered, or does not follow from the one before")]
    Corrupt {
        /// Index of the entry.
        index: u64,
    },
    /// An entry could not be serialised.
    #[error("a ledger entry could not be serialised")]
    Encoding,
}

/// What the first spend is for.
fn begins(block: u32) -> String {
    if block == 1 { "one round".to_owned() } else { format!("one block of {block} rounds") }
}
