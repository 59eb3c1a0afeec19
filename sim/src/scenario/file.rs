//! A scenario file as it is written. Strict: an unknown key is an error.

use std::{collections::BTreeMap, path::PathBuf};

use murmur_client::data::{Audio, Table, Text};
use murmur_privacy::{
    Digest,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::device_id::DeviceId;
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioFile {
    /// Path of the task file, relative to the scenario's folder, or the task itself as a table.
    pub(super) task: TaskReference,
    /// Seeds the population, the partition, the coins and the noise.
    pub(super) seed: u64,
    /// Where the file lies that the task starts from, relative to the scenario's folder; left out: where the task says.
    #[serde(default)]
    pub(super) pretrained: Option<PathBuf>,
    /// Where the files lie that candidates of an evaluation begin with, by their SHA-256, relative to the scenario's folder; left out: where
    /// the task says.
    #[serde(default)]
    pub(super) candidate_models: BTreeMap<Digest, PathBuf>,
    /// The devices.
    pub(super) population: PopulationSpec,
    /// How long devices take, and when they are there.
    #[serde(default)]
    pub(super) fleet: Option<FleetSpec>,
    /// How models are measured.
    #[serde(default)]
    pub(super) evaluation: Evaluation,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum TaskReference {
    Path(String),
    Inline(toml::Table),
}

/// The `[population]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationSpec {
    /// How many devices. Left out with natural users: as many as there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<u64>,
    /// Examples on each device. Left out with natural users: as many as each has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples_per_device: Option<usize>,
    /// Lifetime budget of the population; left out: what the task asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<Epsilon>,
    /// Lifetime failure probability of the population; given exactly when `epsilon` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaProbability>,
    /// What each device may spend on randomising its own updates, in its whole life: needed with a task's `[privacy.local]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_epsilon: Option<Epsilon>,
    /// The failure probability of that; left out: only mechanisms without one are taken part in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_delta: Option<DeltaProbability>,
    /// Users of the data who are no devices: nobody trains on their examples, and what they have for testing is measured apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_out: Vec<DeviceId>,
    /// Whether every device has names of its own for the classes, as people have for what they keep in folders: a permutation, which the seed and
    /// the device's name fix. For `strokes` and `app_usage`; test examples from outside keep the common names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_labels: bool,
    /// Where examples come from.
    pub source: Source,
    /// Which device holds which examples. Left out for `strokes` and `app_usage`, whose devices are people, and for `teacher`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
}

/// Where examples come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// Synthetic handwriting, made from the seed: every device a writer.
    Strokes {},
    /// Synthetic people who open applications, made from the seed: every device a person.
    AppUsage {},
    /// Standard normal inputs, labelled by a random linear teacher that all devices share: for timing, not for learning about learning.
    Teacher {},
    /// A file of comma-separated values, and what its columns mean. Every user of it is a device; what it says is for testing is the test
    /// set. Its path is relative to the scenario's folder; `--data` replaces it, by a file or by a folder that has a file of that name.
    Table(Table),
    /// A file of JSON lines of text, and what their fields mean. Every user of it is a device, and what comes last of each user's text is the
    /// test set. Its path is found as that of a table.
    Text(Text),
    /// Recordings in a folder or an archive, and how to tell whose they are and what is said in them. Every user of them is a device, and what is
    /// said to be for testing is the test set. The path is found as that of a table, and an index beside it.
    Audio(Audio),
    /// A folder of IDX or LEAF files, or of one file of JSON lines of text.
    Folder {
        /// The folder, relative to the scenario's own; `--data` replaces it.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<PathBuf>,
    },
}

/// Which device holds which examples of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Partition {
    /// Each user of the data is a device.
    Natural {},
    /// Examples are dealt out at random.
    Iid {},
    /// Each device draws its own label frequencies from a Dirichlet distribution, and then its examples by them, without
    /// replacement (Hsu, Qi and Brown 2019).
    Dirichlet {
        /// Concentration: small is skewed.
        alpha: f64,
    },
    /// Examples are sorted by label and cut into pieces of equal size, of which each device gets so many: it knows few labels (McMahan and
    /// others 2017, section 3, whose devices get two).
    Shards {
        /// Pieces for a device; they divide its examples.
        per_device: usize,
    },
    /// Examples are dealt out at random, but some devices have far more than others: shares from a Dirichlet distribution (Li, Diao, Chen and He
    /// 2022, section 4.3). Each has one at least, and `samples_per_device` on average.
    Quantity {
        /// Concentration: small is skewed.
        alpha: f64,
    },
}

/// The `[fleet]` section: virtual time. Without it devices are always there, and training and sending take none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetSpec {
    /// Examples on which a device trains in a second, every epoch counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples_per_second: Option<Spread>,
    /// A device's link in 10^6 bits a second: the model comes and the update goes through it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub megabits_per_second: Option<Spread>,
    /// Probability that a device with work is not heard of again in the round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_out: Option<f64>,
    /// Share of the devices that are there in each of the 24 hours of their day, which begins for each of them at another moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<Vec<f64>>,
}

/// A log-normal distribution over devices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Half of the devices are below.
    pub median: f64,
    /// Standard deviation of the natural logarithm; 0 where all devices are alike.
    pub spread: f64,
}

impl FleetSpec {
    pub(super) fn validate(&self) -> Result<(), String> {
        let speeds =
            [("examples_per_second", self.examples_per_second), ("megabits_per_second", self.megabits_per_second)];
        for (key, spread) in speeds {
            let Some(Spread { median, spread }) = spread else { continue };
            if !(median > 0.0 && median.is_finite() && (0.0..=10.0).contains(&spread)) {
                return Err(format!(
                    "fleet.{key} needs a positive median and a spread from 0 to 10, not {median} and {spread}"
                ));
            }
        }
        let share = |value: f64| (0.0..=1.0).contains(&value);
        if let Some(value) = self.drop_out.filter(|value| !share(*value)) {
            return Err(format!("fleet.drop_out must be from 0 to 1, not {value}"));
        }
        match &self.available {
            Some(hours) if hours.len() != 24 || !hours.iter().all(|value| share(*value)) => {
                Err("fleet.available must be 24 numbers from 0 to 1, one for each hour of a device's day".to_owned())
            }
            Some(hours) if hours.iter().all(|value| *value == 0.0) => {
                Err("fleet.available is 0 for every hour: no device would ever be there".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// The `[evaluation]` section: models are measured on data outside the population, which costs no privacy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Rounds between two measurements; the last model is always measured.
    #[serde(default = "ten")]
    pub every: u32,
    /// Test examples from unseen people, for `strokes` and `app_usage`, or of the same law, for `teacher`; a folder's test set is used whole.
    #[serde(default = "two_thousand")]
    pub examples: usize,
}

fn ten() -> u32 {
    10
}

fn two_thousand() -> usize {
    2_000
}

impl Default for Evaluation {
    fn default() -> Self {
        Self { every: ten(), examples: two_thousand() }
    }
}

impl Evaluation {
    pub(super) fn validate(&self) -> Result<(), String> {
        if self.every == 0 {
            return Err("evaluation.every must be at least 1".to_owned());
        }
        if self.examples == 0 {
            return Err("evaluation.examples must be at least 1".to_owned());
        }
        Ok(())
    }
}

impl PopulationSpec {
    pub(super) fn validate(&self) -> Result<(), String> {
        let sized = self.devices.is_some() && self.samples_per_device.is_some();
        match (&self.source, self.partition) {
            (Source::Strokes {} | Source::AppUsage {}, Some(_)) => {
                return Err(
                    "population.partition: the devices of source \"strokes\" or \"app_usage\" are people, remove the key"
                        .to_owned(),
                );
            }
            (Source::Teacher {}, Some(_)) => {
                return Err(
                    "population.partition: every device of source \"teacher\" has examples of its own, remove the key"
                        .to_owned(),
                );
            }
            (Source::Table(_) | Source::Text(_) | Source::Audio(_), Some(_)) => {
                return Err(
                    "population.partition: the devices of source \"table\", \"text\" or \"audio\" are its users, remove the key"
                        .to_owned(),
                );
            }
            (Source::Table(_) | Source::Text(_) | Source::Audio(_), None)
                if self.devices.is_some() || self.samples_per_device.is_some() =>
            {
                return Err(
                    "population.devices and samples_per_device come from the data with source \"table\", \"text\" or \"audio\"; \
                            remove the keys"
                        .to_owned(),
                );
            }
            (Source::Table(_) | Source::Text(_) | Source::Audio(_), None) => {}
            (Source::Folder { .. }, None) => {
                return Err("population.partition is missing: natural, iid, dirichlet, shards or quantity".to_owned());
            }
            (_, Some(Partition::Natural {})) if self.devices.is_some() || self.samples_per_device.is_some() => {
                return Err(
                    "population.devices and samples_per_device come from the data with partition \"natural\"; \
                            remove the keys"
                        .to_owned(),
                );
            }
            (_, Some(Partition::Natural {})) => {}
            _ if !sized => return Err("population.devices and population.samples_per_device are needed".to_owned()),
            (_, Some(Partition::Dirichlet { alpha } | Partition::Quantity { alpha }))
                if !(alpha > 0.0 && alpha.is_finite()) =>
            {
                return Err(format!("population.partition.alpha must be a positive number, not {alpha}"));
            }
            (_, Some(Partition::Shards { per_device })) => {
                let samples = self.samples_per_device.unwrap_or_default();
                if per_device == 0 || !samples.is_multiple_of(per_device) {
                    return Err(format!(
                        "population.partition.per_device must divide samples_per_device, and {per_device} does not divide {samples}"
                    ));
                }
            }
            _ => {}
        }
        let are_users = match self.source {
            Source::Table(_) | Source::Text(_) | Source::Audio(_) => true,
            Source::Folder { .. } => self.partition == Some(Partition::Natural {}),
            Source::Strokes {} | Source::AppUsage {} | Source::Teacher {} => false,
        };
        if !self.held_out.is_empty() && !are_users {
            return Err(
                "population.held_out names users of the data, and the devices are none: remove the key".to_owned()
            );
        }
        if self.own_labels && !matches!(self.source, Source::Strokes {} | Source::AppUsage {}) {
            return Err("population.own_labels is for devices that a program draws (\"strokes\" or \"app_usage\"): remove the key"
                .to_owned());
        }
        if self.devices == Some(0) {
            return Err("population.devices must be at least 1".to_owned());
        }
        if self.epsilon.is_some() != self.delta.is_some() {
            return Err("population.epsilon and population.delta are given together or not at all".to_owned());
        }
        if self.local_delta.is_some() && self.local_epsilon.is_none() {
            return Err(
                "population.local_delta goes with population.local_epsilon: add it, or remove the key".to_owned()
            );
        }
        Ok(())
    }
}
