use murmur_privacy::Provenance;
use murmur_round::{
    checkpoint::Checkpoint,
    founding::found,
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

/// A ledger that was backed up while its first round was open, with the model of that round if it was released after that.
fn backed_up(released: bool) -> (MemoryStore, TaskHash) {
    let schedule = Schedule::new(Task::from_toml(TASK).unwrap(), 10).unwrap();
    let (mut store, task) = (MemoryStore::default(), schedule.hash());
    let append = |store: &mut MemoryStore, entry: &Entry| store.append("phones", entry);
    let mut ledger =
        found(&schedule, None, None, Provenance::OperatingSystem, |entry| append(&mut store, entry)).unwrap();
    let open = ledger.open_round(task, 0).unwrap();
    ledger.persisted(open.index).unwrap();
    append(&mut store, &open).unwrap();
    if released {
        // What follows is in no backup.
        let spent = ledger.spend(task, 0).unwrap();
        ledger.persisted(spent.index).unwrap();
        let params = schedule.task().model.initial();
        let manifest = Manifest {
            version: 1,
            task,
            name: "test".to_owned(),
            population: "phones".to_owned(),
            round: Some(0),
            guarantee: Guarantee::of(&schedule, ledger.account(&task).unwrap(), Provenance::OperatingSystem),
            ledger_head: spent.digest,
            clip: schedule.task().privacy.clip,
            metrics: None,
            average: None,
        };
        let state = schedule.task().server.initial_state(params.dimension());
        store.put_checkpoint(&Checkpoint::encode(&params, &state, &manifest).unwrap()).unwrap();
    }
    (store, task)
}

fn spent(store: &mut MemoryStore, task: &TaskHash) -> u32 {
    let ledger = Ledger::replay(store.entries("phones").unwrap()).unwrap();
    ledger.account(task).unwrap().rounds_spent()
}

#[test]
fn a_round_that_was_open_when_the_backup_was_made_and_released_after_it_is_charged() {
    let (mut store, task) = backed_up(true);
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
    let (mut store, task) = backed_up(false);
    assert_eq!(behind(&mut store, "phones").unwrap(), None);
    assert_eq!(reconcile(&mut store, "phones").unwrap().rounds, 0);
    assert_eq!(spent(&mut store, &task), 0);
}
