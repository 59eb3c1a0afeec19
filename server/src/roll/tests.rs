//! A task's devices are those of its beginning, whoever comes and goes.

use murmur_privacy::{Digest, NoiseRng};
use murmur_round::{
    device_id::DeviceId,
    task::{Schedule, Task},
};
use tempfile::TempDir;

use super::call_roll;
use crate::{
    Server, ServerError,
    moment::Moment,
    store::{Admits, MemoryStore, Redemption, Registry, SqliteRegistry},
};

const TASK: &str = r#"
name = "tiny"
population = "phones"
rounds = 3
model = { kind = "linear", input = [1, 2, 2], classes = 2 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 1.0, window_seconds = 60, minimum_reports = 3 }
privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 4.0, delta = 1e-3, noise_multiplier = "calibrate" }
server = { optimizer = "fedavg", learning_rate = 1.0 }
"#;

fn enrol(registry: &SqliteRegistry, number: u8) -> DeviceId {
    let (token, now) = (Digest::of(&[number]), Moment::new(1));
    registry.add_tokens(&[token], &Admits::NewDevice("phones".into()), Moment::new(2)).unwrap();
    let redemption = Redemption { token, key: token, wanted: None, fresh: [number; 16], now };
    registry.redeem(&redemption).unwrap().device
}

#[test]
fn until_a_task_has_its_reservation_the_roll_is_called_anew_and_never_after_that() {
    let folder = TempDir::new().unwrap();
    let registry = SqliteRegistry::create(folder.path()).unwrap();
    let task = Task::from_toml(TASK).unwrap();
    let mut store = MemoryStore::default();
    assert_eq!(call_roll(&mut store, &registry, &task).unwrap(), []);
    let first = vec![enrol(&registry, 1), enrol(&registry, 2)];
    let devices = call_roll(&mut store, &registry, &task).unwrap();
    assert_eq!(devices, first);
    let open = |devices: Vec<DeviceId>, store| {
        let schedule = Schedule::new(task.clone(), devices.len() as u64).unwrap();
        Server::open(schedule, devices, None, store, NoiseRng::seeded(1)).map(|server| server.into_store())
    };
    let refused = Schedule::new(task.clone(), devices.len() as u64).unwrap_err();
    assert!(refused.to_string().contains("minimum_reports"), "too few, and why: {refused}");
    let third = enrol(&registry, 3);
    let devices = call_roll(&mut store, &registry, &task).unwrap();
    assert_eq!(devices, [&first[..], std::slice::from_ref(&third)].concat());
    let mut store = open(devices.clone(), store).unwrap();
    // The task has begun: a restart finds the same devices, or it could not go on.
    enrol(&registry, 4);
    registry.revoke(&third, Moment::new(3)).unwrap();
    assert_eq!(call_roll(&mut store, &registry, &task).unwrap(), devices);
    open(devices, store.clone()).unwrap();
    // One that was begun for a list is not mistaken for one of the register.
    store.rolls.clear();
    let error = call_roll(&mut store, &registry, &task).unwrap_err();
    assert!(matches!(error, ServerError::NoRoll { .. }), "{error}");
}
