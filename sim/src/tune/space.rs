//! The settings that a search chooses from.

use chacha20::ChaCha8Rng;
use murmur_privacy::units::{Clip, SamplingRate};
use murmur_round::{
    optimizer::ServerOptimizer,
    participation::Participation,
    task::{Purpose, Task},
};
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// The `[space]` section. What it does not name is as the scenario's task has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Budgets to compare: each is a point of the frontier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epsilon: Vec<f64>,
    /// Noise multipliers to compare, in the place of budgets: what each costs follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noise_multiplier: Vec<f64>,
    /// `privacy.clip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Values>,
    /// Expected devices in a round of the deployed population.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<Values>,
    /// `rounds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<Values>,
    /// `plan.epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Values>,
    /// `plan.learning_rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<Values>,
    /// `server.learning_rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_learning_rate: Option<Values>,
}

/// Numbers to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// These.
    List(Vec<f64>),
    /// All between.
    Range(Between),
}

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// Drawn evenly over factors rather than over differences.
    #[serde(default)]
    pub logarithmic: bool,
}

/// One value for each key of the space, in the order of `KEYS`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub Vec<Setting>);

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// As in `[space]`.
    pub key: String,
    /// Its value.
    pub value: f64,
}

const KEYS: [&str; 6] = ["clip", "cohort", "rounds", "epochs", "learning_rate", "server_learning_rate"];
/// Keys whose values are counts.
const COUNTS: [&str; 3] = ["cohort", "rounds", "epochs"];
/// More combinations than anybody waits for.
const MOST: usize = 100_000;

/// What a search says to an `[evaluation]`.
pub(super) const TRAINS_NOTHING: &str = "the scenario's task has [evaluation] and trains nothing, so there is nothing to tune: its candidates are \
                              compared by `murmur-sim run`";

/// A key that is searched over, and its values.
pub(super) type Dimension<'a> = (&'static str, &'a Values);

impl Space {
    pub(super) fn dimensions(&self) -> Vec<Dimension<'_>> {
        let all =
            [&self.clip, &self.cohort, &self.rounds, &self.epochs, &self.learning_rate, &self.server_learning_rate];
        KEYS.into_iter().zip(all).filter_map(|(key, values)| Some((key, values.as_ref()?))).collect()
    }

    pub(super) fn validate(&self, grid: bool) -> Result<(), String> {
        match (self.epsilon.len(), self.noise_multiplier.len()) {
            (0, 0) => {
                return Err(
                    "space.epsilon (or space.noise_multiplier) is missing: the points of the frontier".to_owned()
                );
            }
            (1.., 1..) => {
                return Err(
                    "space.epsilon and space.noise_multiplier are two names for one axis: remove one".to_owned()
                );
            }
            _ => {}
        }
        let targets = self.epsilon.iter().chain(&self.noise_multiplier);
        if let Some(wrong) = targets.clone().find(|value| !(**value > 0.0 && value.is_finite())) {
            return Err(format!("space.epsilon and space.noise_multiplier are positive numbers, not {wrong}"));
        }
        for (key, values) in self.dimensions() {
            let (list, least) = match values {
                Values::List(list) => (list.clone(), list.iter().copied().fold(f64::INFINITY, f64::min)),
                Values::Range(_) if grid => return Err(format!("space.{key} needs a list for a grid")),
                Values::Range(Between { from, to, .. })
                    if to.partial_cmp(from) != Some(std::cmp::Ordering::Greater) =>
                {
                    return Err(format!("space.{key}: `to` must be above `from`, not {to} and {from}"));
                }
                Values::Range(Between { from, to, .. }) => (vec![*from, *to], *from),
            };
            if list.is_empty() || least <= 0.0 || least.is_nan() || list.iter().any(|value| !value.is_finite()) {
                return Err(format!("space.{key} needs positive numbers"));
            }
            if COUNTS.contains(&key) && list.iter().any(|value| value.fract() != 0.0) {
                return Err(format!("space.{key} needs whole numbers"));
            }
        }
        Ok(())
    }

    /// All combinations, or `None` where there is no end of them.
    pub(super) fn grid(&self) -> Option<Vec<Settings>> {
        let mut all = vec![Vec::new()];
        for (key, values) in self.dimensions() {
            let Values::List(list) = values else { return None };
            let extended = all.iter().flat_map(|begun: &Vec<Setting>| {
                list.iter().map(move |value| {
                    let setting = Setting { key: key.to_owned(), value: *value };
                    begun.iter().cloned().chain([setting]).collect()
                })
            });
            all = extended.take(MOST + 1).collect();
            if all.len() > MOST {
                return None;
            }
        }
        Some(all.into_iter().map(Settings).collect())
    }

    /// Combination number `index` of those that `seed` draws.
    pub(super) fn draw(&self, seed: u64, index: u32) -> Settings {
        let mut key = *b"murmur settings                 ";
        key[16..24].copy_from_slice(&seed.to_le_bytes());
        key[24..28].copy_from_slice(&index.to_le_bytes());
        let mut drawn = ChaCha8Rng::from_seed(key);
        let settings = self.dimensions().into_iter().map(|(key, values)| {
            let share: f64 = drawn.random();
            let value = match values {
                Values::List(list) => list[((share * list.len() as f64) as usize).min(list.len() - 1)],
                Values::Range(Between { from, to, logarithmic: true }) => from * (to / from).powf(share),
                Values::Range(Between { from, to, logarithmic: false }) => from + (to - from) * share,
            };
            Setting { key: key.to_owned(), value: rounded(key, value) }
        });
        Settings(settings.collect())
    }
}

/// Counts are whole; of anything else three digits tell settings apart as well as seventeen, and can be read.
pub(super) fn rounded(key: &str, value: f64) -> f64 {
    if COUNTS.contains(&key) {
        return value.round();
    }
    format!("{value:.2e}").parse().unwrap_or(value)
}

impl Settings {
    /// The task with these settings, for a population of so many devices. It is not checked yet.
    pub(super) fn apply(&self, task: &Task, devices: u64) -> Result<Task, String> {
        let mut task = task.clone();
        let Purpose::Train { plan, server } = &mut task.purpose else { return Err(TRAINS_NOTHING.to_owned()) };
        for Setting { key, value } in &self.0 {
            match key.as_str() {
                "clip" => task.privacy.clip = Clip::new(*value).map_err(|error| error.to_string())?,
                "cohort" => set_cohort(&mut task.participation, *value, devices)?,
                "rounds" => task.rounds = *value as u32,
                "epochs" => plan.epochs = *value as u32,
                "learning_rate" => plan.learning_rate = *value as f32,
                _ => match &mut server.optimizer {
                    ServerOptimizer::FedAvg { learning_rate }
                    | ServerOptimizer::Momentum { learning_rate, .. }
                    | ServerOptimizer::Adam { learning_rate, .. }
                    | ServerOptimizer::Yogi { learning_rate, .. }
                    | ServerOptimizer::Adagrad { learning_rate, .. } => *learning_rate = *value,
                },
            }
        }
        Ok(task)
    }
}

/// So many expected devices in a round.
fn set_cohort(participation: &mut Participation, wanted: f64, devices: u64) -> Result<(), String> {
    match participation {
        Participation::Poisson { rate, .. } => {
            *rate = SamplingRate::new(wanted / devices as f64).map_err(|error| error.to_string())?;
        }
        Participation::Fixed { cohort, .. } | Participation::CheckIn { cohort, .. } => *cohort = wanted as u32,
        Participation::Allocation { .. } => {
            return Err(
                "space.cohort: under random allocation the cohort follows from rounds_per_device; remove the key"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

impl std::fmt::Display for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("as the scenario has it");
        }
        for (index, Setting { key, value }) in self.0.iter().enumerate() {
            write!(f, "{}{key} {value}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}
