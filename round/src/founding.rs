//! The first entries of a task: its population's ledger, opened if it is new, and the task's reservation in it.

use murmur_privacy::{
    Ledger, Provenance,
    ledger::{Entry, LedgerError, Opening, Reservation},
    units::{DeltaProbability, Epsilon},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::task::{Schedule, TaskError};

/// What a task's rounds are paid from, as every model that they release states it: enough to enter its spends again where the ledger
/// that paid for them was lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founding {
    /// What the population was opened with.
    pub opening: Opening,
    /// What was set aside for the task.
    pub reservation: Reservation,
}

/// Why a task cannot be created. `E` is the driver's own error when it makes entries durable.
#[derive(Debug, Error)]
pub enum FoundingError<E: std::error::Error + 'static> {
    /// Over budget, or another refusal of the ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The task does not fit its population.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The budget of a population is fixed once and for all.
    #[error(
        "population {population:?} was opened with epsilon {epsilon} at delta {delta:e}, and that cannot be changed: leave the \
         population's budget out, or name another population"
    )]
    BudgetIsImmutable {
        /// Name of the population.
        population: String,
        /// Its epsilon.
        epsilon: Epsilon,
        /// Its delta.
        delta: f64,
    },
    /// The ledger belongs to another population.
    #[error("the ledger is population {found:?}'s, the task names {expected:?}")]
    OtherPopulation {
        /// Population of the task.
        expected: String,
        /// Population of the ledger.
        found: String,
    },
    /// An entry could not be made durable.
    #[error("the ledger could not be written: {0}")]
    Persist(E),
}

/// Brings `ledger` (or a new one) to the point where the task has its reservation.
///
/// A new population is opened with `budget`; where nobody names one, with exactly what this first task asks for, so that
/// no more can ever be spent than was written down. A task that has its reservation already (a restart) keeps it.
/// `persist` makes an entry durable before it returns.
///
/// # Errors
/// [`FoundingError`], notably over budget, naming both numbers.
pub fn found<E: std::error::Error + 'static>(
    schedule: &Schedule,
    ledger: Option<Ledger>,
    budget: Option<(Epsilon, DeltaProbability)>,
    provenance: Provenance,
    mut persist: impl FnMut(&Entry) -> Result<(), E>,
) -> Result<Ledger, FoundingError<E>> {
    let population = &schedule.task().population;
    let mut ledger = match ledger {
        Some(ledger) => ledger,
        None => {
            let (epsilon, delta) = match budget {
                Some(budget) => budget,
                None => schedule.least_budget()?,
            };
            let opening = Opening::new(population.clone(), epsilon, delta, provenance);
            // A task that the budget refuses must leave nothing behind: try it on a scratch ledger first.
            let (mut scratch, entry) = Ledger::open(opening.clone())?;
            scratch.persisted(entry.index)?;
            schedule.reserve(&mut scratch)?;
            let (mut ledger, entry) = Ledger::open(opening)?;
            persist(&entry).map_err(FoundingError::Persist)?;
            ledger.persisted(entry.index)?;
            ledger
        }
    };
    reserve(schedule, &mut ledger, budget, persist)?;
    Ok(ledger)
}

/// Sets aside what the task may spend, in the ledger of its population, which other tasks may be spending from just now. One that has
/// its reservation already (a restart) keeps it. `budget` is what the population was opened with, if anybody says. `persist` makes an entry durable before it returns.
///
/// # Errors
/// [`FoundingError`], notably over budget, naming both numbers; after [`FoundingError::Persist`] the ledger in memory is of no more use.
pub fn reserve<E: std::error::Error + 'static>(
    schedule: &Schedule,
    ledger: &mut Ledger,
    budget: Option<(Epsilon, DeltaProbability)>,
    mut persist: impl FnMut(&Entry) -> Result<(), E>,
) -> Result<(), FoundingError<E>> {
    let (expected, opening) = (&schedule.task().population, ledger.opening());
    if opening.population != *expected {
        let (expected, found) = (expected.clone(), opening.population.clone());
        return Err(FoundingError::OtherPopulation { expected, found });
    }
    if budget.is_some_and(|budget| budget != (opening.epsilon, opening.delta)) {
        let (population, epsilon, delta) = (expected.clone(), opening.epsilon, opening.delta.get());
        return Err(FoundingError::BudgetIsImmutable { population, epsilon, delta });
    }
    if ledger.account(&schedule.hash()).is_err() {
        let entry = schedule.reserve(ledger)?;
        persist(&entry).map_err(FoundingError::Persist)?;
        ledger.persisted(entry.index)?;
    }
    Ok(())
}
