//! One simulation of a search: what it is of, and what it found.

use murmur_privacy::Digest;
use serde::{Deserialize, Serialize};

use super::space::Settings;
use crate::{SimError, scenario::Scenario};

/// A simulation that is to be run.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// Follows from everything that its result follows from: two trials of one name are one trial.
    pub(super) id: String,
    pub(super) scenario: Scenario,
    /// After how many rounds it ends, where that is before its last.
    pub(super) stop_after: Option<u32>,
    /// What stands in its file beside its result.
    pub(super) about: About,
}

/// What a trial is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// `search`, or `repeat` of the best settings.
    pub stage: String,
    /// The noise level.
    pub target: String,
    /// The settings.
    pub settings: Settings,
    /// Its seed: of data, coins and noise.
    pub seed: u64,
    /// Hash of the task that it is about, as it would be deployed.
    pub task: String,
    /// What that task would promise.
    pub epsilon: f64,
    /// Whether fewer devices stood for the deployed ones, under scaled noise.
    pub scaled: bool,
}

/// What a trial found. A file of its own, written once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Its name.
    pub trial: String,
    /// What it is of.
    pub about: About,
    /// Rounds that it ran.
    pub rounds: u32,
    /// On data outside the population, after the last round. Absent where it did not run.
    pub accuracy: Option<f64>,
    /// Mean cross-entropy there.
    pub loss: Option<f64>,
    /// Test examples.
    pub examples: u64,
    /// Accuracy and loss by round.
    pub course: Vec<Point>,
    /// What this simulation would have cost the devices that it looked at: of scaled noise, more than `about.epsilon`.
    pub own_epsilon: Option<f64>,
    /// Failure probability of that.
    pub own_delta: Option<f64>,
    /// Why it did not run, where its settings cannot.
    pub refused: Option<String>,
    /// Wall-clock time.
    pub seconds: f64,
}

/// A model on the way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Rounds by then.
    pub round: u32,
    /// Epsilon spent by then; of a scaled simulation nothing that means anything.
    pub epsilon: f64,
    /// Accuracy on the test examples.
    pub accuracy: f64,
    /// Mean cross-entropy there.
    pub loss: f64,
}

impl Trial {
    pub(super) fn new(scenario: Scenario, stop_after: Option<u32>, about: About) -> Result<Self, SimError> {
        let stop_after = stop_after.filter(|rounds| *rounds < scenario.task.rounds);
        let text = format!("{}\nstop {stop_after:?}\ntask {}\n", scenario.to_toml()?, about.task);
        let mut id = Digest::of(text.as_bytes()).to_string();
        id.truncate(16);
        Ok(Self { id, scenario, stop_after, about })
    }

    /// Rounds that it runs.
    pub(super) fn rounds(&self) -> u32 {
        self.stop_after.unwrap_or(self.scenario.task.rounds)
    }

    /// What it takes, in trainings of one device.
    pub(super) fn work(&self) -> u64 {
        let devices = self.scenario.population.devices.unwrap_or(1_000);
        let cohort = self.scenario.task.participation.expected_cohort(devices);
        let epochs = f64::from(self.scenario.task.plan().map_or(1, |plan| plan.epochs));
        (cohort * epochs * f64::from(self.rounds())).ceil() as u64 + 1
    }
}
