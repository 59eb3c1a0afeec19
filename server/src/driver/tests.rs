//! A store that dies at every durable step in turn, before or after the step took hold, and a restart after each.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use murmur_privacy::{Digest, Ledger, NoiseRng, Upload, ledger::Entry, ledger::Record};
use murmur_proto::answer::CheckIn;
use murmur_round::{
    checkpoint::{Checkpoint, read_manifest},
    coordinator::{Event, Outcome, TurnedAway, Verdict},
    device_id::DeviceId,
    task::{Schedule, Task, TaskHash},
    time::Time,
};

use super::{Driver, Reply};
use crate::{
    ServerError,
    store::{MemoryStore, Store, StoreError},
};

const ROUNDS: u32 = 3;
const TASK: &str = r#"
name = "tiny"
population = "phones"
rounds = 3
model = { kind = "linear", input = [1, 2, 2], classes = 2 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 1.0, window_seconds = 60, minimum_reports = 3 }
privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 4.0, delta = 1e-3, noise_multiplier = "calibrate" }
server = { optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }
"#;

/// When the process dies, relative to the step's taking hold.
#[derive(Clone, Copy, Debug)]
enum Death {
    Before,
    After,
}

/// What the medium holds; it outlives the processes.
#[derive(Default)]
struct Medium {
    kept: MemoryStore,
    steps: Vec<String>,
    fuse: Option<(usize, Death)>,
}

#[derive(Clone, Default)]
struct Mortal(Arc<Mutex<Medium>>);

impl Mortal {
    fn step<T>(&self, name: String, work: impl Fn(&mut MemoryStore) -> T) -> Result<T, StoreError> {
        let mut medium = self.0.lock().unwrap();
        let died = || StoreError::Other("died".to_owned());
        let death = match &mut medium.fuse {
            Some((0, death)) => Some(*death),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if matches!(death, Some(Death::Before)) {
            return Err(died());
        }
        let result = work(&mut medium.kept);
        medium.steps.push(name);
        if death.is_some() { Err(died()) } else { Ok(result) }
    }
}

impl Store for Mortal {
    fn entries(&mut self, population: &str) -> Result<Vec<Entry>, StoreError> {
        self.0.lock().unwrap().kept.entries(population)
    }

    fn append(&mut self, population: &str, entry: &Entry) -> Result<(), StoreError> {
        let name = match &entry.record {
            Record::Spent { round, .. } => format!("spent {round}"),
            Record::Released { round, model, .. } => format!("released {round} {model}"),
            Record::Opened(_) => "opened".to_owned(),
            _ => "reserved".to_owned(),
        };
        self.step(name, |kept| kept.append(population, entry).unwrap())
    }

    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.step(format!("model {}", checkpoint.digest), |kept| kept.put_checkpoint(checkpoint).unwrap())
    }

    fn checkpoint(&mut self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        self.0.lock().unwrap().kept.checkpoint(model)
    }

    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError> {
        self.step("task".to_owned(), |kept| kept.put_task(hash, json).unwrap())
    }
}

fn devices() -> Vec<DeviceId> {
    ["a", "b", "c"].iter().map(|name| name.parse().unwrap()).collect()
}

/// One process: from opening to the end of the task or its own. Notes every model that could be read.
fn live(store: &Mortal, seed: u64, published: &mut Vec<Digest>) -> Result<Outcome, ServerError> {
    let schedule = Schedule::new(Task::from_toml(TASK).unwrap(), 3).unwrap();
    let grid = schedule.grid();
    let mut driver = Driver::open(schedule, devices(), None, store.clone(), NoiseRng::seeded(seed))?;
    let time = Cell::new(0);
    let clock = || Time(time.get());
    let mut see = |driver: &Driver<Mortal>| {
        if let Some(model) = driver.published().latest()
            && published.last() != Some(&model)
        {
            published.push(model);
        }
    };
    driver.handle(&clock, Event::Tick, &mut |_| {}).inspect_err(|_| see(&driver))?;
    loop {
        for device in devices() {
            let mut answer = None;
            let result = driver.handle(&clock, Event::CheckIn(device.clone()), &mut |reply| answer = Some(reply));
            see(&driver);
            result?;
            let round = match answer.unwrap() {
                Reply::CheckIn(CheckIn::Assigned(assignment)) => assignment.round,
                Reply::CheckIn(CheckIn::TurnedAway(TurnedAway::Finished)) => {
                    return Ok(driver.outcome().unwrap().clone());
                }
                _ => continue,
            };
            let upload = Upload::from_plain_bytes(grid, &vec![0; Upload::encoded_len(&grid)]).unwrap();
            let mut verdict = None;
            let event = Event::Upload { device, round, upload };
            let result = driver.handle(&clock, event, &mut |reply| verdict = Some(reply));
            see(&driver);
            // The device hears back even if what its upload set off kills the process.
            assert_eq!(verdict, Some(Reply::Verdict(Verdict::Accepted)));
            result?;
        }
        time.set(time.get() + 50);
    }
}

/// What must hold of everything that was ever durable, whatever died when.
fn check(medium: &Medium, published: &[Digest]) {
    let lines = &medium.kept.ledgers["phones"];
    let entries: Vec<Entry> = (0..).zip(lines).map(|(index, line)| Entry::from_line(index, line).unwrap()).collect();
    Ledger::replay(entries.clone()).unwrap();
    let (mut spent, mut released) = (BTreeSet::new(), BTreeSet::new());
    let mut admitted = BTreeSet::new();
    for entry in &entries {
        match &entry.record {
            Record::Spent { round, .. } => assert!(spent.insert(*round), "round {round} was paid for twice"),
            Record::Released { round, model, .. } => {
                assert!(spent.contains(round));
                assert!(released.insert(*round), "round {round} was released twice");
                admitted.insert(*model);
            }
            _ => {}
        }
    }
    let position = |name: &str| medium.steps.iter().position(|step| step.starts_with(name));
    for step in &medium.steps {
        if let Some(rest) = step.strip_prefix("released ") {
            let (round, model) = rest.split_once(' ').unwrap();
            let order = [format!("spent {round}"), format!("model {model}"), step.clone()].map(|name| position(&name));
            assert!(order[0].is_some() && order.is_sorted(), "{:?}", medium.steps);
        }
    }
    for model in published.iter().filter(|model| !admitted.contains(model)) {
        // Readable without an entry is only the model that was drawn without data; its manifest names the ledger's
        // head, so a restart that lost the first round publishes it under another digest.
        let manifest = read_manifest(&medium.kept.checkpoints[model].model).unwrap();
        assert_eq!(manifest.round, None, "a model was readable that no ledger entry released");
    }
}

#[test]
fn whatever_dies_when_a_round_is_paid_before_it_is_released_and_released_at_most_once() {
    let mut lost = 0;
    for death in [Death::Before, Death::After] {
        for fuse in 0.. {
            let store = Mortal::default();
            store.0.lock().unwrap().fuse = Some((fuse, death));
            let mut published = Vec::new();
            let first = live(&store, 1, &mut published);
            store.0.lock().unwrap().fuse = None;
            let outcome = match first {
                Ok(outcome) => outcome,
                Err(ServerError::Store(_) | ServerError::Founding(_)) => {
                    if !store.0.lock().unwrap().kept.ledgers.is_empty() {
                        check(&store.0.lock().unwrap(), &published);
                    }
                    let outcome = live(&store, 2, &mut published).unwrap();
                    let medium = store.0.lock().unwrap();
                    let count = |name| medium.steps.iter().filter(|step| step.starts_with(name)).count();
                    lost += count("spent") - count("released");
                    outcome
                }
                Err(other) => panic!("{other}"),
            };
            check(&store.0.lock().unwrap(), &published);
            assert_eq!(outcome, Outcome::Completed);
            let blown = matches!(store.0.lock().unwrap().steps.len(), steps if steps > fuse);
            if !blown {
                break;
            }
        }
    }
    // Every round was lost in some of these lives: between its spend and its release there are steps to die at.
    assert!(lost >= 2 * ROUNDS as usize, "{lost}");
}

#[test]
fn every_restart_may_die_again() {
    // Two durable steps a life: the task still ends, and never releases twice.
    let store = Mortal::default();
    let mut published = Vec::new();
    for life in 0..40 {
        store.0.lock().unwrap().fuse = Some((2, Death::After));
        match live(&store, life, &mut published) {
            Ok(outcome) => {
                assert_eq!(outcome, Outcome::Completed);
                check(&store.0.lock().unwrap(), &published);
                return;
            }
            Err(error) => assert!(matches!(error, ServerError::Store(_) | ServerError::Founding(_)), "{error}"),
        }
    }
    panic!("the task did not end");
}

#[test]
fn after_a_failure_nothing_more_is_carried_out() {
    let store = Mortal::default();
    let mut published = Vec::new();
    store.0.lock().unwrap().fuse = Some((4, Death::Before));
    assert!(live(&store, 1, &mut published).is_err());
    let steps = store.0.lock().unwrap().steps.clone();
    assert_eq!(steps.len(), 4, "{steps:?}");
    assert!(!steps.iter().any(|step| step.starts_with("spent")), "{steps:?}");
}
