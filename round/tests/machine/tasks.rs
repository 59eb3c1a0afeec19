//! Tasks so small that a thousand of their rounds run in a second.

use murmur_privacy::{Delta, Grid, Plain, Seal, Upload, units::Clip};
use murmur_round::{
    device_id::DeviceId,
    task::{Schedule, Task},
};

/// Devices enrolled; the model has one parameter for each.
pub(crate) const DEVICES: usize = 8;
/// Length of every window.
pub(crate) const WINDOW: u64 = 1_000;
/// What a device adds to its own coordinate: a number that every grid here holds exactly.
pub(crate) const UNIT: f32 = 0.5;

/// Noise and an epsilon that pay for two rounds and not for three, unless sampling amplifies.
pub(crate) const BUDGET_FOR_TWO: (f64, f64) = (2.0, 2.3);

/// Rounds of a block, under allocation.
pub(crate) const BLOCK: u32 = 4;
/// Rounds of each device in each block.
pub(crate) const EACH: usize = 2;

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cohort {
    /// Secret coins of probability one half: four devices on average.
    Half,
    /// Everybody.
    All,
    /// Four at random.
    Fixed,
    /// The first four.
    FirstComers,
    /// Each in [`EACH`] secret rounds of each [`BLOCK`]: four on average.
    Allocated,
    /// The first two whose turn it is; banded noise over the whole run.
    Turns,
    /// The same with buffered noise, and a separation that lets a device take part again and again.
    Buffers,
    /// Two at random of those whose turn it is; a tree over each [`BLOCK`].
    Trees,
}

/// How a device's turns are limited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limited {
    pub(crate) separation: u32,
    pub(crate) participations: u32,
    /// Rounds of a block.
    pub(crate) block: u32,
}

impl Cohort {
    /// The constant that sums are divided by.
    pub(crate) fn expected(self) -> f32 {
        match self {
            Self::All => 8.0,
            Self::Turns | Self::Buffers | Self::Trees => 2.0,
            _ => 4.0,
        }
    }

    /// The mechanism of a task with noise.
    fn mechanism(self) -> &'static str {
        match self {
            Self::Turns => r#"mechanism = "banded", bands = 3"#,
            Self::Buffers => r#"mechanism = "blt", buffers = 2"#,
            Self::Trees => r#"mechanism = "tree", leaves = 4"#,
            _ => r#"mechanism = "gaussian""#,
        }
    }

    fn section(self) -> &'static str {
        match self {
            Self::Half => r#"kind = "poisson", rate = 0.5"#,
            Self::All => r#"kind = "poisson", rate = 1.0"#,
            Self::Fixed => r#"kind = "fixed", cohort = 4"#,
            Self::Allocated => r#"kind = "allocation", block_rounds = 4, rounds_per_device = 2"#,
            Self::FirstComers => r#"kind = "check_in", cohort = 4"#,
            Self::Turns => r#"kind = "check_in", cohort = 2, separation = 3, participations = 2"#,
            Self::Buffers => r#"kind = "check_in", cohort = 2, separation = 2, participations = 20"#,
            Self::Trees => r#"kind = "fixed", cohort = 2, separation = 2, participations = 1"#,
        }
    }
}

/// A task of a few rounds, with noise (and a budget) or without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    pub(crate) cohort: Cohort,
    pub(crate) rounds: u32,
    /// Noise multiplier and epsilon.
    pub(crate) noise: Option<(f64, f64)>,
    pub(crate) minimum_reports: u32,
}

impl Small {
    /// Three rounds without noise.
    pub(crate) fn exact(cohort: Cohort) -> Self {
        Self { cohort, rounds: 3, noise: None, minimum_reports: 1 }
    }

    pub(crate) fn task(&self) -> Task {
        let privacy = match self.noise {
            Some((multiplier, epsilon)) => format!(
                "{}, epsilon = {epsilon:?}, delta = 1e-3, noise_multiplier = {multiplier:?}",
                self.cohort.mechanism()
            ),
            None => r#"mechanism = "none""#.to_owned(),
        };
        let (rounds, cohort, minimum) = (self.rounds, self.cohort.section(), self.minimum_reports);
        Task::from_toml(&format!(
            r#"
name = "small"
population = "phones"
rounds = {rounds}
model = {{ kind = "linear", input = [1, 1, 3], classes = 2 }}
plan = {{ epochs = 1, batch_size = 1, learning_rate = 0.1 }}
participation = {{ {cohort}, window_seconds = 1, minimum_reports = {minimum} }}
privacy = {{ clip = 1.0, {privacy} }}
server = {{ optimizer = "fedavg", learning_rate = 1.0 }}
"#
        ))
        .unwrap()
    }

    /// Rounds of a block.
    pub(crate) fn block(&self) -> u32 {
        match self.cohort {
            Cohort::Turns | Cohort::Buffers => self.rounds,
            Cohort::Trees | Cohort::Allocated => BLOCK,
            _ => 1,
        }
    }

    /// How turns are limited, where they are.
    pub(crate) fn limited(&self) -> Option<Limited> {
        let (separation, participations) = match self.cohort {
            Cohort::Turns => (3, 2),
            Cohort::Buffers => (2, 20),
            Cohort::Trees => (2, 1),
            _ => return None,
        };
        Some(Limited { separation, participations, block: self.block() })
    }

    pub(crate) fn schedule(&self) -> Schedule {
        Schedule::new(self.task(), DEVICES as u64).unwrap()
    }
}

/// The device of this number; from [`DEVICES`] on it is not enrolled.
pub(crate) fn device(index: usize) -> DeviceId {
    format!("device-{index}").parse().unwrap()
}

pub(crate) fn enrolled() -> Vec<DeviceId> {
    (0..DEVICES).map(device).collect()
}

/// A delta that only this device has: one unit of its own coordinate.
pub(crate) fn unit_delta(index: usize) -> Delta {
    let mut values = vec![0.0; DEVICES];
    values[index % DEVICES] = UNIT;
    Delta::new(values)
}

pub(crate) fn unit_upload(index: usize, grid: Grid) -> Upload {
    Plain.seal(grid.encode(&unit_delta(index)))
}

/// An upload on a grid that no task here has.
pub(crate) fn foreign_upload(index: usize) -> Upload {
    unit_upload(index, Grid::fit(Clip::new(3.0).unwrap(), DEVICES).unwrap())
}
