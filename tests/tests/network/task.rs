//! The task: four devices, five rounds, ten parameters, no noise.

use murmur_privacy::Delta;
use murmur_round::{
    device_id::DeviceId,
    task::{Schedule, Task},
};

pub(crate) const DEVICES: usize = 4;
pub(crate) const ROUNDS: usize = 5;
pub(crate) const POPULATION: &str = "phones";
const PARAMETERS: usize = 10;
/// What a device adds to its own parameter: within the clip, on the grid, and so is its share of an average.
const OWN: f32 = 0.5;
/// What a device's update moves its parameter by.
pub(crate) const SHARE: f32 = OWN / DEVICES as f32;

const TASK: &str = r#"
name = "network"
population = "phones"
rounds = 5
model = { kind = "linear", input = [1, 2, 2], classes = 2 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 1.0, window_seconds = 4, minimum_reports = 1 }
privacy = { clip = 1.0, mechanism = "none" }
server = { optimizer = "fedavg", learning_rate = 1.0 }
"#;

pub(crate) fn schedule() -> Schedule {
    Schedule::new(Task::from_toml(TASK).unwrap(), DEVICES as u64).unwrap()
}

pub(crate) fn name(device: usize) -> String {
    format!("device-{device}")
}

pub(crate) fn devices() -> Vec<DeviceId> {
    (0..DEVICES).map(|device| name(device).parse().unwrap()).collect()
}

/// A device's own unit vector, at half the clip.
pub(crate) fn own_delta(device: usize) -> Delta {
    let mut values = vec![0.0; PARAMETERS];
    values[device] = OWN;
    Delta::new(values)
}
