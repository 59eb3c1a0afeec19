//! A store that dies at every durable step in turn, before or after the step took hold, and a restart after each.

mod correlated;

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use murmur_privacy::{Digest, Ledger, NoiseRng, Upload, ledger::Entry, ledger::Record};
use murmur_proto::answer::CheckIn;
use murmur_round::{
    checkpoint::{Checkpoint, Manifest, read_manifest},
    coordinator::{Event, Outcome, Refusal, StartError, TurnedAway, Verdict},
    device_id::DeviceId,
    participation::{Attendance, KeptSecret},
    task::{Schedule, Task, TaskHash},
    time::Time,
};

use super::{Driver, Reply};
use crate::{
    ServerError,
    store::{MemoryStore, Order, OrderState, Roll, Store, StoreError},
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

/// Two blocks, in each of which every device has one round of two.
const BLOCKS: &str = r#"
name = "tiny"
population = "phones"
rounds = 4
model = { kind = "linear", input = [1, 2, 2], classes = 2 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "allocation", block_rounds = 2, rounds_per_device = 1, window_seconds = 60, minimum_reports = 1 }
privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 8.0, delta = 1e-3, noise_multiplier = 2.0 }
server = { optimizer = "fedavg", learning_rate = 1.0 }
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
            Record::RoundOpened { round, .. } => format!("round opened {round}"),
            Record::Abandoned { round, .. } => format!("abandoned {round}"),
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

    fn put_pretrained(&mut self, file: &[u8]) -> Result<Digest, StoreError> {
        self.0.lock().unwrap().kept.put_pretrained(file)
    }

    fn pretrained(&mut self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.lock().unwrap().kept.pretrained(sha256)
    }

    fn put_secret(&mut self, task: &TaskHash, secret: &KeptSecret) -> Result<(), StoreError> {
        self.step("secret".to_owned(), |kept| kept.put_secret(task, secret).unwrap())
    }

    fn secret(&mut self, task: &TaskHash) -> Result<Option<KeptSecret>, StoreError> {
        self.0.lock().unwrap().kept.secret(task)
    }

    fn remove_secret(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.step("no secret".to_owned(), |kept| kept.remove_secret(task).unwrap())
    }

    fn append_attendance(&mut self, task: &TaskHash, attendance: &Attendance) -> Result<(), StoreError> {
        let name = format!("attendance {}", attendance.position);
        self.step(name, |kept| kept.append_attendance(task, attendance).unwrap())
    }

    fn attendance(&mut self, task: &TaskHash) -> Result<Vec<Attendance>, StoreError> {
        self.0.lock().unwrap().kept.attendance(task)
    }

    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError> {
        self.step("task".to_owned(), |kept| kept.put_task(hash, json).unwrap())
    }

    fn put_roll(&mut self, task: &TaskHash, roll: Roll) -> Result<(), StoreError> {
        self.step("roll".to_owned(), |kept| kept.put_roll(task, roll).unwrap())
    }

    fn roll(&mut self, task: &TaskHash) -> Result<Option<Roll>, StoreError> {
        self.0.lock().unwrap().kept.roll(task)
    }

    fn populations(&mut self) -> Result<Vec<String>, StoreError> {
        self.0.lock().unwrap().kept.populations()
    }

    fn manifests(&mut self) -> Result<Vec<(Digest, Manifest)>, StoreError> {
        self.0.lock().unwrap().kept.manifests()
    }

    fn reconciled(&mut self) -> Result<Vec<Digest>, StoreError> {
        self.0.lock().unwrap().kept.reconciled()
    }

    fn put_reconciled(&mut self, model: &Digest) -> Result<(), StoreError> {
        self.step("reconciled".to_owned(), |kept| kept.put_reconciled(model).unwrap())
    }

    fn put_order(&mut self, order: &Order) -> Result<(), StoreError> {
        self.step("order".to_owned(), |kept| kept.put_order(order).unwrap())
    }

    fn set_order(&mut self, task: &TaskHash, state: OrderState, reason: Option<&str>) -> Result<(), StoreError> {
        self.step(format!("order {state}"), |kept| kept.set_order(task, state, reason).unwrap())
    }

    fn remove_order(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.step("no order".to_owned(), |kept| kept.remove_order(task).unwrap())
    }

    fn orders(&mut self) -> Result<Vec<Order>, StoreError> {
        self.0.lock().unwrap().kept.orders()
    }
}

fn devices() -> Vec<DeviceId> {
    ["a", "b", "c"].iter().map(|name| name.parse().unwrap()).collect()
}

/// One process: from opening to the end of the task or its own. Notes every model that could be read.
fn live(store: &Mortal, seed: u64, published: &mut Vec<Digest>) -> Result<Outcome, ServerError> {
    live_through(TASK, store, seed, published)
}

fn live_through(task: &str, store: &Mortal, seed: u64, published: &mut Vec<Digest>) -> Result<Outcome, ServerError> {
    let schedule = Schedule::new(Task::from_toml(task).unwrap(), 3).unwrap();
    let encoding = schedule.encoding(schedule.task().privacy.clip);
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
    driver.handle(clock(), &clock, Event::Tick, &mut |_| {}).inspect_err(|_| see(&driver))?;
    loop {
        for device in devices() {
            let mut answer = None;
            let result =
                driver.handle(clock(), &clock, Event::CheckIn(device.clone()), &mut |reply| answer = Some(reply));
            see(&driver);
            result?;
            let round = match answer.unwrap() {
                Reply::CheckIn(CheckIn::Assigned(assignment)) => assignment.round,
                Reply::CheckIn(CheckIn::TurnedAway(TurnedAway::Finished)) => {
                    return Ok(driver.outcome().unwrap().clone());
                }
                _ => continue,
            };
            let upload = Upload::from_plain_bytes(&encoding, &vec![0; Upload::encoded_len(&encoding.grid())]).unwrap();
            let mut verdict = None;
            let event = Event::Upload { device, round, upload, open_metrics: None };
            let result = driver.handle(clock(), &clock, event, &mut |reply| verdict = Some(reply));
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
    let mut opened = Vec::new();
    let mut admitted = BTreeSet::new();
    for entry in &entries {
        match &entry.record {
            Record::RoundOpened { round, .. } => opened.push(*round),
            Record::Spent { round, .. } => assert!(spent.insert(*round), "round {round} was paid for twice"),
            Record::Released { round, model, .. } => {
                assert!(spent.contains(round));
                assert!(released.insert(*round), "round {round} was released twice");
                admitted.insert(*model);
            }
            _ => {}
        }
    }
    assert!(opened.iter().copied().eq(0..opened.len() as u32), "a number came twice: {opened:?}");
    let position = |name: &str| medium.steps.iter().position(|step| step.starts_with(name));
    for step in &medium.steps {
        if let Some(rest) = step.strip_prefix("released ") {
            let (round, model) = rest.split_once(' ').unwrap();
            let order = [format!("spent {round}"), format!("model {model}"), step.clone()].map(|name| position(&name));
            assert!(order[0].is_some() && order.is_sorted(), "{:?}", medium.steps);
        }
    }
    // Readable without an entry is only the model that was drawn without data, and it is one file in every process.
    let drawn: BTreeSet<&Digest> = published.iter().filter(|model| !admitted.contains(model)).collect();
    assert!(drawn.len() <= 1, "the initial model changed its name: {drawn:?}");
    for model in drawn {
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
    // Five durable steps a life bring a round to its spend: the task still ends, and never releases twice.
    let store = Mortal::default();
    let mut published = Vec::new();
    for life in 0..40 {
        store.0.lock().unwrap().fuse = Some((4, Death::After));
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
fn a_process_that_dies_in_every_open_round_spends_nothing_and_the_task_still_gets_all_its_rounds() {
    let store = Mortal::default();
    let mut published = Vec::new();
    let steps = |name: &str| {
        store.0.lock().unwrap().steps.iter().filter(|step| step.starts_with(name)).cloned().collect::<Vec<_>>()
    };
    // The first life founds the task; after that a life opens a round or gives the last one up, and dies.
    store.0.lock().unwrap().fuse = Some((4, Death::After));
    live(&store, 0, &mut published).unwrap_err();
    for life in 1..11 {
        store.0.lock().unwrap().fuse = Some((2, Death::After));
        live(&store, life, &mut published).unwrap_err();
    }
    assert_eq!(steps("abandoned"), (0..5).map(|round| format!("abandoned {round}")).collect::<Vec<_>>());
    assert!(steps("spent").is_empty());
    store.0.lock().unwrap().fuse = None;
    assert_eq!(live(&store, 11, &mut published).unwrap(), Outcome::Completed);
    // Five were given up by those that died, one by the last; then come the task's rounds.
    assert_eq!(steps("spent"), (6..6 + ROUNDS).map(|round| format!("spent {round}")).collect::<Vec<_>>());
    assert_eq!(steps("released").len(), ROUNDS as usize);
    check(&store.0.lock().unwrap(), &published);
}

#[test]
fn after_a_failure_nothing_more_is_carried_out() {
    let store = Mortal::default();
    let mut published = Vec::new();
    store.0.lock().unwrap().fuse = Some((5, Death::Before));
    assert!(live(&store, 1, &mut published).is_err());
    let steps = store.0.lock().unwrap().steps.clone();
    assert_eq!(steps.len(), 5, "{steps:?}");
    assert_eq!(steps[4], "round opened 0");
}

#[test]
fn a_restart_with_another_number_of_devices_is_refused_with_both_numbers() {
    let store = Mortal::default();
    store.0.lock().unwrap().fuse = Some((9, Death::Before));
    live(&store, 1, &mut Vec::new()).unwrap_err();
    store.0.lock().unwrap().fuse = None;
    let before = store.0.lock().unwrap().kept.ledgers.clone();
    let schedule = Schedule::new(Task::from_toml(TASK).unwrap(), 4).unwrap();
    let devices = ["a", "b", "c", "d"].iter().map(|name| name.parse().unwrap()).collect();
    let refused = Driver::open(schedule, devices, None, store.clone(), NoiseRng::seeded(2)).err().unwrap();
    assert!(matches!(refused, ServerError::Start(StartError::Population { reserved: 3, found: 4 })), "{refused}");
    assert!(refused.to_string().contains("reserved for 3") && refused.to_string().contains("4 distinct"), "{refused}");
    assert_eq!(store.0.lock().unwrap().kept.ledgers, before, "nothing was written, not even an abandoned round");
}

#[test]
fn an_event_counts_by_when_it_came_and_not_by_how_long_it_waited() {
    let schedule = Schedule::new(Task::from_toml(TASK).unwrap(), 3).unwrap();
    let encoding = schedule.encoding(schedule.task().privacy.clip);
    let mut driver = Driver::open(schedule, devices(), None, MemoryStore::default(), NoiseRng::seeded(1)).unwrap();
    // The thread is busy: by its clock the window of 60 seconds, open from 0, is over.
    let time = Cell::new(0);
    let clock = || Time(time.get());
    let mut ask = |at, event| {
        let mut heard = None;
        driver.handle(Time(at), &clock, event, &mut |reply| heard = Some(reply)).unwrap();
        heard.unwrap()
    };
    for device in devices() {
        ask(0, Event::CheckIn(device));
    }
    time.set(90_000);
    for device in devices() {
        assert!(matches!(ask(1, Event::CheckIn(device)), Reply::CheckIn(CheckIn::Assigned(_))));
    }
    let upload = |device: &str| {
        let upload = Upload::from_plain_bytes(&encoding, &vec![0; Upload::encoded_len(&encoding.grid())]).unwrap();
        Event::Upload { device: device.parse().unwrap(), round: 0, upload, open_metrics: None }
    };
    assert_eq!(ask(59_999, upload("a")), Reply::Verdict(Verdict::Accepted));
    assert_eq!(ask(60_000, upload("b")), Reply::Verdict(Verdict::Refused(Refusal::RoundClosed)));
    assert_eq!(
        ask(59_999, upload("c")),
        Reply::Verdict(Verdict::Refused(Refusal::RoundClosed)),
        "time never goes back"
    );
}

#[test]
fn whatever_dies_when_a_block_goes_on_with_its_secret_which_is_there_before_its_first_round_and_gone_after_its_last() {
    for death in [Death::Before, Death::After] {
        for fuse in 0.. {
            let store = Mortal::default();
            store.0.lock().unwrap().fuse = Some((fuse, death));
            let mut published = Vec::new();
            let first = live_through(BLOCKS, &store, 1, &mut published);
            store.0.lock().unwrap().fuse = None;
            let died = match first {
                Ok(_) => false,
                Err(ServerError::Store(_) | ServerError::Founding(_)) => true,
                Err(other) => panic!("{other}"),
            };
            if died {
                assert_eq!(live_through(BLOCKS, &store, 2, &mut published).unwrap(), Outcome::Completed);
            }
            let medium = store.0.lock().unwrap();
            check(&medium, &published);
            assert!(medium.kept.secrets.is_empty(), "{:?}", medium.steps);
            let lines = medium.kept.ledgers["phones"].join("\n");
            assert!(!lines.contains("forfeited"), "no secret was lost, so no round is: {lines}");
            let position = |name: &str| medium.steps.iter().position(|step| step == name);
            assert!(position("secret") < position("round opened 0"), "{:?}", medium.steps);
            let paid = medium.steps.iter().filter(|step| step.starts_with("spent")).count();
            assert_eq!(paid, 4);
            if !died {
                break;
            }
        }
    }
}

#[test]
fn a_secret_that_is_gone_costs_the_rest_of_its_block_and_nothing_else() {
    let undisturbed = Mortal::default();
    live_through(BLOCKS, &undisturbed, 0, &mut Vec::new()).unwrap();
    let steps = undisturbed.0.lock().unwrap().steps.clone();
    let within = steps.iter().position(|step| step.starts_with("released 0")).unwrap();
    // The process dies within the first block: one of its two rounds has run.
    let store = Mortal::default();
    let mut published = Vec::new();
    store.0.lock().unwrap().fuse = Some((within, Death::After));
    live_through(BLOCKS, &store, 0, &mut published).unwrap_err();
    store.0.lock().unwrap().fuse = None;
    let held = store.0.lock().unwrap().kept.secrets.clone();
    assert_eq!(held.len(), 1, "within a block");
    store.0.lock().unwrap().kept.secrets.clear();
    assert_eq!(live_through(BLOCKS, &store, 9, &mut published).unwrap(), Outcome::Completed);
    let medium = store.0.lock().unwrap();
    check(&medium, &published);
    let lines = &medium.kept.ledgers["phones"];
    let given_up = lines.iter().filter(|line| line.contains(r#""record":"forfeited""#)).count();
    assert_eq!(given_up, 1, "{lines:#?}");
    for (_, secret) in held {
        let shown = lines.join("").into_bytes();
        let hexadecimal: String = secret.expose()[44..76].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!String::from_utf8(shown).unwrap().contains(&hexadecimal), "a secret is in no ledger");
    }
}
