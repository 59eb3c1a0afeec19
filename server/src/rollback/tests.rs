use murmur_privacy::{Provenance, units::Epsilon};
use murmur_round::{
    checkpoint::Checkpoint,
    founding::{Founding, found},
    guarantee::Guarantee,
    task::{Schedule, Task},
};

use super::*;
use crate::store::MemoryStore;

const TASK: &str = r#"
name = "test"
population = "phones"
rounds = 3
model = { kind = "linear", input = [1, 2, 2], classes = 2 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 1.0, window_seconds = 600, minimum_reports = 1 }
privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 4.0, delta = 1e-3, noise_multiplier = "calibrate" }
server = { optimizer = "fedavg", learning_rate = 1.0 }
"#;

/// Entries of a backup that was made while the first round was open: the population's opening, the task's reservation, the round's.
const ALL: usize = 3;

/// A ledger of which these first entries are left, with the model of the round that was open if it was released after that.
fn backed_up(left: usize, released: bool) -> (MemoryStore, TaskHash) {
    let (store, task, _) = backed_up_with(left, released, |founding| founding);
    (store, task)
}

/// The same, with a model that states other things about what it was paid from.
fn backed_up_with(
    left: usize,
    released: bool,
    stated: impl FnOnce(Option<Founding>) -> Option<Founding>,
) -> (MemoryStore, TaskHash, Digest) {
    let schedule = Schedule::new(Task::from_toml(TASK).unwrap(), 10).unwrap();
    let (mut store, task) = (MemoryStore::default(), schedule.hash());
    let mut entries = Vec::new();
    let append = |entry: &Entry| -> Result<(), StoreError> {
        entries.push(entry.clone());
        Ok(())
    };
    let mut ledger = found(&schedule, None, None, Provenance::OperatingSystem, append).unwrap();
    let open = ledger.open_round(task, 0).unwrap();
    ledger.persisted(open.index).unwrap();
    entries.push(open);
    assert_eq!(entries.len(), ALL);
    entries[..left].iter().try_for_each(|entry| store.append("phones", entry)).unwrap();
    let mut digest = Digest::ZERO;
    if released {
        // What follows is in no backup.
        let spent = ledger.spend(task, 0).unwrap();
        ledger.persisted(spent.index).unwrap();
        let params = schedule.task().model.initial();
        let account = ledger.account(&task).unwrap();
        let founding = Founding { opening: ledger.opening().clone(), reservation: account.reservation().clone() };
        let manifest = Manifest {
            version: 1,
            task,
            name: "test".to_owned(),
            population: "phones".to_owned(),
            round: Some(0),
            guarantee: Guarantee::of(&schedule, account, Provenance::OperatingSystem),
            ledger_head: spent.digest,
            founding: stated(Some(founding)),
            clip: schedule.task().privacy.clip,
            proximal: None,
            metrics: None,
            evaluation: None,
            average: None,
            put_together_from: None,
            own_layers: Vec::new(),
        };
        let state = schedule.task().server().unwrap().initial_state(params.dimension());
        let checkpoint = Checkpoint::encode(&params, &state, &manifest).unwrap();
        digest = checkpoint.digest;
        store.put_checkpoint(&checkpoint).unwrap();
    }
    (store, task, digest)
}

fn spent(store: &mut MemoryStore, task: &TaskHash) -> u32 {
    let ledger = Ledger::replay(store.entries("phones").unwrap()).unwrap();
    ledger.account(task).unwrap().rounds_spent()
}

#[test]
fn a_round_that_was_open_when_the_backup_was_made_and_released_after_it_is_charged() {
    let (mut store, task) = backed_up(ALL, true);
    assert_eq!(behind(&mut store, "phones").unwrap().unwrap().round, 0);
    assert_eq!(spent(&mut store, &task), 0);
    let taken = reconcile(&mut store, "phones").unwrap();
    assert_eq!((taken.models, taken.rounds), (1, 1), "itself, and no other in its place");
    assert_eq!(spent(&mut store, &task), 1);
    assert_eq!(behind(&mut store, "phones").unwrap(), None);
    assert_eq!(reconcile(&mut store, "phones").unwrap().rounds, 0, "once");
}

#[test]
fn where_no_model_is_ahead_nothing_is_charged() {
    let (mut store, task) = backed_up(ALL, false);
    assert_eq!(behind(&mut store, "phones").unwrap(), None);
    assert_eq!(reconcile(&mut store, "phones").unwrap().rounds, 0);
    assert_eq!(spent(&mut store, &task), 0);
}

#[test]
fn a_reservation_or_a_ledger_that_is_gone_is_set_up_again_as_the_models_state_it() {
    let whole = backed_up(ALL, false).0.entries("phones").unwrap();
    for left in [0, 1] {
        let (mut store, task) = backed_up(left, true);
        assert_eq!(behind(&mut store, "phones").unwrap().unwrap().task, task);
        let taken = reconcile(&mut store, "phones").unwrap();
        assert_eq!((taken.models, taken.rounds), (1, 1), "{left} entries were left");
        assert_eq!(store.entries("phones").unwrap()[..ALL], whole, "to the digest what it was");
        assert_eq!(spent(&mut store, &task), 1);
        assert_eq!(behind(&mut store, "phones").unwrap(), None);
        assert_eq!(reconcile(&mut store, "phones").unwrap().rounds, 0, "once");
    }
}

#[test]
fn a_model_that_states_no_reservation_cannot_set_one_up() {
    for left in [0, 1] {
        let (mut store, task, model) = backed_up_with(left, true, |_| None);
        let error = reconcile(&mut store, "phones").unwrap_err();
        assert!(
            matches!(error, ReconcileError::NoReservation { task: of, model: by, .. } if of == task && by == model),
            "{error}"
        );
        assert_eq!(store.entries("phones").unwrap().len(), left, "nothing was appended");
        assert!(behind(&mut store, "phones").unwrap().is_some(), "and no round is opened");
    }
}

#[test]
fn a_ledger_of_the_same_name_with_another_budget_is_not_the_one_that_paid() {
    let larger = |mut founding: Founding| {
        founding.opening.epsilon = Epsilon::new(400.0).unwrap();
        founding
    };
    let (mut store, _, model) = backed_up_with(1, true, |founding| founding.map(larger));
    let error = reconcile(&mut store, "phones").unwrap_err();
    assert!(matches!(error, ReconcileError::OtherOpening { model: by, .. } if by == model), "{error}");
    assert_eq!(store.entries("phones").unwrap().len(), 1);
}

#[test]
fn a_reservation_whose_place_another_task_has_taken_is_refused() {
    let (mut store, task, _) = backed_up_with(1, true, |founding| founding);
    // The restored server went on with another task, and gave it the whole budget.
    let other = Schedule::new(Task::from_toml(&TASK.replace("\"test\"", "\"other\"")).unwrap(), 10).unwrap();
    let ledger = Ledger::replay(store.entries("phones").unwrap()).unwrap();
    found(&other, Some(ledger), None, Provenance::OperatingSystem, |entry| store.append("phones", entry)).unwrap();
    let error = reconcile(&mut store, "phones").unwrap_err();
    assert!(
        matches!(&error, ReconcileError::Misfit { task: of, cause, .. }
            if *of == task && matches!(**cause, LedgerError::OverBudget { .. })),
        "{error}"
    );
    assert!(behind(&mut store, "phones").unwrap().is_some(), "and no round is opened");
}
