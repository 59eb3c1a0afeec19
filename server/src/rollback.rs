//! A ledger that is behind what was released: restored from an old backup, or a copy that two servers went on from.
//!
//! Every model states the ledger entry that paid for it. A model whose entry the ledger does not have was paid for by entries that are
//! gone: until its spend is taken over, the population's next round would spend that budget a second time.

use std::collections::{BTreeMap, BTreeSet};

use murmur_privacy::{
    Digest, Ledger,
    ledger::{Entry, LedgerError},
};
use murmur_round::{checkpoint::Manifest, task::TaskHash};
use thiserror::Error;

use crate::{
    ServerError,
    store::{Store, StoreError},
};

/// The ledger does not know what paid for a model that is there.
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "the ledger of population {population:?} is behind model {model} (round {round} of task {task}), whose payment it does not know: an \
     older backup was restored, or another server went on from a copy. No round is opened before `murmur-server ledger reconcile` has \
     taken the higher spends over"
)]
pub struct Behind {
    /// Whose ledger.
    pub population: String,
    /// The model.
    pub model: Digest,
    /// Its task.
    pub task: TaskHash,
    /// The round that released it.
    pub round: u32,
}

/// Spends that cannot be taken over.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The ledger has no reservation from which they could be drawn, and the model does not state it.
    #[error(
        "task {task} of model {model} has no reservation in the ledger of population {population:?}, and the model (of an earlier version of \
         Murmur) does not state it, so its spends cannot be taken over: restore a newer backup, or learn from another population"
    )]
    NoReservation {
        /// Whose ledger.
        population: String,
        /// The model.
        model: Digest,
        /// Its task.
        task: TaskHash,
    },
    /// The model states a reservation that the ledger cannot take.
    #[error(
        "model {model} was paid for from a reservation of task {task} that the ledger of population {population:?} cannot take over: restore a \
         newer backup, or learn from another population"
    )]
    Misfit {
        /// Whose ledger.
        population: String,
        /// The model.
        model: Digest,
        /// Its task.
        task: TaskHash,
        /// Why not.
        #[source]
        cause: Box<LedgerError>,
    },
    /// Models state that their population was opened with different budgets.
    #[error(
        "model {model} was paid for by a ledger of population {population:?} with another budget than this one: two ledgers of one name were \
         used, and no spend of one can be entered in the other. Learn from another population"
    )]
    OtherOpening {
        /// Whose ledger.
        population: String,
        /// The model.
        model: Digest,
    },
    /// The ledger, or the store.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl From<StoreError> for ReconcileError {
    fn from(error: StoreError) -> Self {
        Self::Server(error.into())
    }
}

/// What was taken over into a population's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// Whose ledger.
    pub population: String,
    /// Models that it did not know.
    pub models: usize,
    /// Rounds that were charged for them.
    pub rounds: u32,
}

/// Models of the population whose payment its ledger does not know, and that nobody has reconciled.
fn unknown<S: Store>(
    store: &mut S,
    population: &str,
    entries: &[Entry],
) -> Result<Vec<(Digest, Manifest)>, StoreError> {
    let heads: BTreeSet<Digest> = entries.iter().map(|entry| entry.digest).collect();
    let reconciled: BTreeSet<Digest> = store.reconciled()?.into_iter().collect();
    let mut manifests = store.manifests()?;
    // An initial model was paid for by nobody.
    manifests.retain(|(model, manifest)| {
        let ours = manifest.population == population && manifest.round.is_some();
        ours && !heads.contains(&manifest.ledger_head) && !reconciled.contains(model)
    });
    Ok(manifests)
}

/// The first model, if any, that the population's ledger is behind.
///
/// # Errors
/// [`StoreError`].
pub fn behind<S: Store>(store: &mut S, population: &str) -> Result<Option<Behind>, StoreError> {
    let entries = store.entries(population)?;
    Ok(unknown(store, population, &entries)?.into_iter().next().map(|(model, manifest)| Behind {
        population: population.to_owned(),
        model,
        task: manifest.task,
        round: manifest.round.unwrap_or(0),
    }))
}

/// Takes the higher spends over: for every task with models that its population's ledger does not know, charges as many rounds as there are
/// such models, and at least all up to the highest number among them, as far as the task's reservation goes. A reservation that is missing, or
/// the whole ledger, is set up again as the models state it.
///
/// # Guarantee
/// Afterwards every round that a visible model proves released is charged in the ledger; some that were given up may be charged too. A
/// model nobody can see any more cannot be taken over.
///
/// # Errors
/// [`ReconcileError`]; what was appended until then stays, and the same call goes on.
pub fn reconcile<S: Store>(store: &mut S, population: &str) -> Result<TakenOver, ReconcileError> {
    let entries = store.entries(population)?;
    let unknown = unknown(store, population, &entries)?;
    let mut taken = TakenOver { population: population.to_owned(), models: unknown.len(), rounds: 0 };
    let mut tasks: BTreeMap<TaskHash, Vec<(Digest, Manifest)>> = BTreeMap::new();
    for (model, manifest) in unknown {
        tasks.entry(manifest.task).or_default().push((model, manifest));
    }
    let Some(first) = tasks.values().flatten().next() else { return Ok(taken) };
    let mut ledger = if entries.is_empty() {
        opened_again(store, population, first)?
    } else {
        Ledger::replay(entries).map_err(|cause| ServerError::Ledger { population: population.to_owned(), cause })?
    };
    for (task, models) in tasks {
        reserve_again(store, &mut ledger, population, task, &models)?;
        taken.rounds += charge(store, &mut ledger, population, task, &models)?;
        // Last: a process that ends before this charges again, and never too little.
        models.iter().try_for_each(|(model, _)| store.put_reconciled(model))?;
    }
    Ok(taken)
}

/// A ledger that was lost, as one of its models says that it began.
fn opened_again<S: Store>(
    store: &mut S,
    population: &str,
    (model, manifest): &(Digest, Manifest),
) -> Result<Ledger, ReconcileError> {
    let failed = |cause| ServerError::Ledger { population: population.to_owned(), cause };
    let founding = manifest.founding.as_ref().filter(|founding| founding.opening.population == population);
    let Some(founding) = founding else {
        let (population, task) = (population.to_owned(), manifest.task);
        return Err(ReconcileError::NoReservation { population, model: *model, task });
    };
    let (mut ledger, entry) = Ledger::open(founding.opening.clone()).map_err(failed)?;
    store.append(population, &entry)?;
    ledger.persisted(entry.index).map_err(failed)?;
    Ok(ledger)
}

/// Sees to it that the ledger is the one that paid for these models of a task, and has the task's reservation.
fn reserve_again<S: Store>(
    store: &mut S,
    ledger: &mut Ledger,
    population: &str,
    task: TaskHash,
    models: &[(Digest, Manifest)],
) -> Result<(), ReconcileError> {
    let stated = |(model, manifest): &(Digest, Manifest)| Some((*model, manifest.founding.clone()?));
    let mut stated = models.iter().filter_map(stated).peekable();
    let founding = stated.peek().cloned();
    if let Some((model, _)) = stated.find(|(_, founding)| founding.opening != *ledger.opening()) {
        return Err(ReconcileError::OtherOpening { population: population.to_owned(), model });
    }
    if ledger.account(&task).is_ok() {
        return Ok(());
    }
    let population = population.to_owned();
    let Some((model, founding)) = founding.filter(|(_, founding)| founding.reservation.task == task) else {
        let model = models.first().map_or(Digest::ZERO, |(model, _)| *model);
        return Err(ReconcileError::NoReservation { population, model, task });
    };
    let entry = match ledger.take_over(founding.reservation) {
        Ok(entry) => entry,
        Err(cause) => return Err(ReconcileError::Misfit { population, model, task, cause: cause.into() }),
    };
    store.append(&population, &entry)?;
    ledger.persisted(entry.index).map_err(|cause| ServerError::Ledger { population, cause })?;
    Ok(())
}

/// Charges the rounds of a task that these models prove released; how many.
fn charge<S: Store>(
    store: &mut S,
    ledger: &mut Ledger,
    population: &str,
    task: TaskHash,
    models: &[(Digest, Manifest)],
) -> Result<u32, ReconcileError> {
    let failed = |cause| ServerError::Ledger { population: population.to_owned(), cause };
    let account = ledger.account(&task).map_err(failed)?;
    let highest = models.iter().filter_map(|(_, manifest)| manifest.round).max().unwrap_or(0);
    let mut charged = 0;
    if let Some(round) = account.open_round() {
        if round <= highest {
            // It was open when the backup was made, and may be one of those that were released since.
            persist(store, ledger, population, |ledger| ledger.spend(task, round))?;
            charged += 1;
        } else {
            persist(store, ledger, population, |ledger| ledger.abandon(task, round))?;
        }
    }
    let account = ledger.account(&task).map_err(failed)?;
    let missing = highest.saturating_add(1).saturating_sub(account.next_round());
    let models_left = u32::try_from(models.len()).unwrap_or(u32::MAX).saturating_sub(charged);
    for _ in 0..missing.max(models_left) {
        let account = ledger.account(&task).map_err(failed)?;
        if !account.affords_another() {
            // All that the task may ever spend is spent.
            break;
        }
        let round = account.next_round();
        persist(store, ledger, population, |ledger| ledger.open_round(task, round))?;
        persist(store, ledger, population, |ledger| ledger.spend(task, round))?;
        charged += 1;
    }
    Ok(charged)
}

fn persist<S: Store>(
    store: &mut S,
    ledger: &mut Ledger,
    population: &str,
    propose: impl FnOnce(&mut Ledger) -> Result<Entry, LedgerError>,
) -> Result<(), ServerError> {
    let failed = |cause| ServerError::Ledger { population: population.to_owned(), cause };
    let entry = propose(ledger).map_err(failed)?;
    store.append(population, &entry)?;
    // The receipt of a spend is dropped: nothing is released for it here.
    ledger.persisted(entry.index).map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests;
