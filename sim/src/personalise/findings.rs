//! What came out, over all users and trials.

use std::path::Path;

use murmur_round::{device_id::DeviceId, guarantee::Guarantee};
use serde_json::{Value, json};

use super::{
    adapt::{Adaptation, METHODS, Row},
    quality::{Detection, Quality},
};
use crate::SimError;

/// What every answer says of its privacy.
pub(super) const LOCAL: &str = "post-processing on each user's device: nothing leaves it, and no budget is spent";

/// One released model, or one for each user who was left out, and what users made of it.
pub(super) struct Trial {
    pub(super) name: String,
    /// What was promised to those who trained the shared model; absent where the file does not say.
    pub(super) guarantee: Option<Guarantee>,
    pub(super) rows: Vec<Row>,
}

/// One user over all trials.
pub(super) struct Line {
    pub(super) user: DeviceId,
    pub(super) held_out: bool,
    pub(super) train: usize,
    pub(super) test: usize,
    /// For each of [`METHODS`], in the order of the trials.
    pub(super) methods: [Vec<Quality>; METHODS.len()],
}

/// Everything that is told.
pub(super) struct Findings {
    pub(super) task: String,
    pub(super) adaptation: Adaptation,
    pub(super) left_out: bool,
    pub(super) trials: Vec<String>,
    pub(super) guarantee: Option<Guarantee>,
    /// From whom the shared model serves worst to whom it serves best.
    pub(super) lines: Vec<Line>,
}

impl Line {
    /// Mean over trials of the figure that is shown.
    pub(super) fn shown(&self, method: usize) -> f64 {
        mean(self.methods[method].iter().map(Quality::shown))
    }

    /// Its least and its most.
    pub(super) fn spread(&self, method: usize) -> (f64, f64) {
        extent(self.methods[method].iter().map(Quality::shown))
    }

    /// The user's words and all others, over all trials.
    pub(super) fn detection(&self, method: usize) -> Option<Detection> {
        sum(self.methods[method].iter())
    }
}

impl Findings {
    pub(super) fn new(
        task: String,
        adaptation: Adaptation,
        left_out: bool,
        trials: Vec<Trial>,
    ) -> Result<Self, SimError> {
        let Some(first) = trials.first() else { return Err(super::nobody()) };
        let guarantee = first.guarantee.clone();
        let line = |row: &Row| Line {
            user: row.user.clone(),
            held_out: row.held_out,
            train: row.train,
            test: row.test,
            methods: Default::default(),
        };
        let mut lines: Vec<Line> = first.rows.iter().map(line).collect();
        for trial in &trials {
            let same = |(line, row): (&Line, &Row)| line.user == row.user && line.test == row.test;
            if trial.rows.len() != lines.len() || !lines.iter().zip(&trial.rows).all(same) {
                let what = format!("{} has other users than {}: name runs of one scenario", trial.name, trials[0].name);
                return Err(SimError::Personal { what });
            }
            for (line, row) in lines.iter_mut().zip(&trial.rows) {
                line.methods.iter_mut().zip(row.qualities).for_each(|(all, quality)| all.push(quality));
            }
        }
        lines.sort_by(|one, other| one.shown(0).total_cmp(&other.shown(0)));
        let trials = trials.into_iter().map(|trial| trial.name).collect();
        Ok(Self { task, adaptation, left_out, trials, guarantee, lines })
    }

    /// Mean over users and trials of the figure that is shown.
    pub(super) fn mean(&self, method: usize) -> f64 {
        mean(self.lines.iter().map(|line| line.shown(method)))
    }

    /// The mean over users in each trial.
    pub(super) fn by_trial(&self, method: usize) -> Vec<f64> {
        let of_trial = |trial: usize| mean(self.lines.iter().map(|line| line.methods[method][trial].shown()));
        (0..self.trials.len()).map(of_trial).collect()
    }

    /// Mean accuracy over users and trials, whatever is shown.
    pub(super) fn accuracy(&self, method: usize) -> f64 {
        mean(self.lines.iter().map(|line| mean(line.methods[method].iter().map(|quality| quality.accuracy))))
    }

    /// All users' words and all others, over all trials; none where there are more classes.
    pub(super) fn detection(&self, method: usize) -> Option<Detection> {
        sum(self.lines.iter().flat_map(|line| &line.methods[method]))
    }

    /// Whether there are two classes, one of which is waited for.
    pub(super) fn is_detector(&self) -> bool {
        self.adaptation.model.classes() == Some(2)
    }

    pub(super) fn json(&self, plot: Option<&Path>) -> Value {
        let plan = &self.adaptation.plan;
        let detected = |detection: Option<Detection>| {
            detection.map(|found| json!({ "recall": found.recall(), "false_alarms": found.false_alarms(), "balanced_accuracy": found.balanced() }))
        };
        let methods = |of: &dyn Fn(usize) -> Value| -> Value {
            METHODS
                .iter()
                .enumerate()
                .map(|(method, name)| ((*name).to_owned(), of(method)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let users = self.lines.iter().map(|line| {
            let of = |method: usize| {
                let all = &line.methods[method];
                json!({
                    "accuracy": mean(all.iter().map(|quality| quality.accuracy)),
                    "loss": mean(all.iter().map(|quality| quality.loss)),
                    "detection": detected(line.detection(method)),
                    "accuracy_by_trial": all.iter().map(|quality| quality.accuracy).collect::<Vec<_>>(),
                })
            };
            json!({
                "user": line.user.as_str(), "held_out": line.held_out, "train": line.train, "test": line.test,
                "methods": methods(&of),
            })
        });
        let overall = |method: usize| {
            json!({
                "accuracy": self.accuracy(method),
                "detection": detected(self.detection(method)),
                "shown": self.mean(method),
                "shown_by_trial": self.by_trial(method),
            })
        };
        json!({
            "task": self.task,
            "privacy": LOCAL,
            "guarantee_of_shared_model": self.guarantee,
            "leave_one_out": self.left_out,
            "trials": self.trials,
            "epochs": plan.epochs,
            "batch_size": plan.batch_size,
            "learning_rate": plan.learning_rate,
            "lambda": self.adaptation.lambda,
            "examples": self.adaptation.examples,
            "shown": if self.is_detector() { "balanced_accuracy" } else { "accuracy" },
            "mean_over_users": methods(&overall),
            "users": users.collect::<Vec<_>>(),
            "plot": plot,
        })
    }
}

fn sum<'a>(qualities: impl Iterator<Item = &'a Quality>) -> Option<Detection> {
    let mut all = Detection::default();
    for quality in qualities {
        all += quality.detection?;
    }
    Some(all)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}
