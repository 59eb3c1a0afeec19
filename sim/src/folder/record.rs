//! A finished run, as its folder tells it.

use std::{fs, path::Path};

use murmur_privacy::ledger::Entry;
use murmur_round::{evaluation::ReleasedEvaluation, guarantee::Guarantee, task::TaskHash};
use serde::Deserialize;

use super::{
    CANDIDATES, CandidateRow, LEDGER, ROUNDS, SCENARIO, SUMMARY, candidates,
    rounds::{self, Row},
};
use crate::{
    SimError,
    run::{OwnQuality, Phases},
    scenario::{Overrides, Scenario},
};

/// What a run left.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it came to.
    pub summary: Summary,
    /// What ran.
    pub scenario: Scenario,
    /// Its released rounds.
    pub rounds: Vec<Row>,
    /// What an evaluation's candidates were found to be worth, after each round; empty where the task trains.
    pub candidates: Vec<CandidateRow>,
    /// Its ledger, not verified.
    pub ledger: Vec<Entry>,
}

/// `summary.json`, as far as it is looked at again.
#[derive(Clone, Debug, Deserialize)]
pub struct Summary {
    /// One word: `completed`, `budget_exhausted` or `stopped_early`.
    pub outcome: String,
    /// The task's hash.
    pub task: TaskHash,
    /// The task's name.
    pub name: String,
    /// The scenario's seed.
    pub seed: u64,
    /// Rounds that were released.
    pub rounds: u32,
    /// Rounds of the schedule.
    pub rounds_scheduled: u32,
    /// Accuracy of the last model on data outside the population.
    pub accuracy: Option<f64>,
    /// Mean cross-entropy there, in nats.
    pub loss: Option<f64>,
    /// Examples there.
    pub test_examples: Option<u64>,
    /// Accuracy of the average of the released models, where the task asks for one.
    pub averaged_accuracy: Option<f64>,
    /// How good devices are with layers of their own, where they have such.
    pub own_layers: Option<OwnQuality>,
    /// Quality by user, where the data say whose the test examples are.
    #[serde(default)]
    pub test_users: Vec<TestUser>,
    /// Mean over users of their accuracies.
    pub mean_user_accuracy: Option<f64>,
    /// What an evaluation found.
    pub evaluation: Option<ReleasedEvaluation>,
    /// What was promised.
    pub guarantee: Guarantee,
    /// Devices enrolled.
    pub devices: u64,
    /// Parameters of the model.
    pub parameters: u64,
    /// Bytes of an update on the wire.
    pub upload_bytes: u64,
    /// SHA-256 of the last model.
    pub model_sha256: String,
    /// Digest of the ledger's last entry.
    pub ledger_head: String,
    /// Seconds that the run took.
    pub wall_seconds: f64,
    /// Where they went.
    pub phases: Phases,
    /// Seconds that the scenario's devices would have taken, where they take time.
    pub simulated_seconds: Option<f64>,
}

/// Quality of the last model on one user's test examples.
#[derive(Clone, Debug, Deserialize)]
pub struct TestUser {
    /// Whose.
    pub user: String,
    /// Accuracy.
    pub accuracy: f64,
    /// How many.
    pub test_examples: u64,
}

impl Record {
    /// Reads a folder that a run with `--out` left.
    ///
    /// # Errors
    /// [`SimError::NoRun`] where none did, [`SimError::Unreadable`] naming the file that cannot be understood, [`SimError::File`].
    pub fn read(folder: &Path) -> Result<Self, SimError> {
        let path = folder.join(SUMMARY);
        if !path.is_file() || !folder.join(LEDGER).is_file() {
            return Err(SimError::NoRun { folder: folder.to_owned() });
        }
        let text = |name: &str| fs::read_to_string(folder.join(name)).map_err(SimError::file(folder.join(name)));
        let unreadable = |name: &str, message: String| SimError::Unreadable { path: folder.join(name), message };
        let summary = serde_json::from_str(&text(SUMMARY)?).map_err(|error| unreadable(SUMMARY, error.to_string()))?;
        let lines = text(LEDGER)?;
        let entries = (0..).zip(lines.lines()).map(|(index, line)| Entry::from_line(index, line));
        let ledger = entries.collect::<Result<_, _>>().map_err(|error| unreadable(LEDGER, error.to_string()))?;
        let rounds = rounds::read(&text(ROUNDS)?).map_err(|message| unreadable(ROUNDS, message))?;
        let candidates = match folder.join(CANDIDATES).is_file() {
            true => candidates::read(&text(CANDIDATES)?).map_err(|message| unreadable(CANDIDATES, message))?,
            false => Vec::new(),
        };
        let written = folder.join(SCENARIO);
        let scenario = Scenario::from_text(&written, &text(SCENARIO)?, &Overrides::default())?;
        Ok(Self { summary, scenario, rounds, candidates, ledger })
    }

    /// Whether devices measured anything.
    #[must_use]
    pub fn has_metrics(&self) -> bool {
        self.rounds.iter().any(|row| row.reports.is_some())
    }

    /// Whether each device has layers of its own.
    #[must_use]
    pub fn has_own_layers(&self) -> bool {
        self.scenario.task.personal.is_some()
    }

    /// Whether what they measured is within the budget.
    #[must_use]
    pub fn metrics_are_private(&self) -> bool {
        self.summary.guarantee.metrics == murmur_round::guarantee::MetricsClaim::Private
    }
}
