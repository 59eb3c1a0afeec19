//! A run between two rounds, as bytes from which it goes on.

use std::{collections::HashMap, time::Duration};

use murmur_client::Evaluation;
use murmur_privacy::{
    Digest,
    ledger::Entry,
    units::{Clip, Epsilon, OutOfRange},
};
use murmur_round::{
    checkpoint::Checkpoint, evaluation::ReleasedEvaluation, measure::ReleasedMetrics, participation::Turn,
    task::TaskHash, time::Time,
};
use serde::{Deserialize, Serialize};

use super::{
    Cohort, Measurement, Phases, Round,
    local::LocalBudgets,
    own::{OwnLayers, OwnQuality},
    standing::{Kept, Standing, State},
};
use crate::{SimError, scenario::Scenario};

const VERSION: u32 = 6;

/// Everything that the rounds to come depend on. Seeded runs only: nothing here was ever a secret.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    version: u32,
    /// Digest of the resolved scenario.
    scenario: Digest,
    pub(super) released: u32,
    pub(super) entropy: u128,
    now: u64,
    queue: Vec<(u64, u64)>,
    turns: Vec<(u64, Vec<(TaskHash, Turn)>)>,
    local: Vec<(u64, Vec<String>)>,
    own: Vec<(u64, Vec<f32>)>,
    entries: Vec<String>,
    model: Vec<u8>,
    optimizer: Vec<u8>,
    secret: Option<Vec<u8>>,
    attendance: Vec<String>,
    measurements: Vec<Measured>,
    history: Vec<Passed>,
    /// Seconds that the run took so far.
    pub(super) seconds: f64,
    pub(super) phases: Phases,
}

/// What a run knows of itself so far, beside what it goes on with.
pub(super) struct Past<'a> {
    pub(super) measurements: &'a [Measurement],
    pub(super) history: &'a [Round],
    pub(super) phases: Phases,
    pub(super) wall: Duration,
}

/// What [`Snapshot::open`] gives.
pub(super) struct Opened {
    pub(super) standing: Standing,
    pub(super) kept: Kept,
    pub(super) local: Vec<(u64, Vec<String>)>,
    pub(super) own: Vec<(u64, Vec<f32>)>,
    pub(super) entries: Vec<Entry>,
    pub(super) model: Checkpoint,
    pub(super) measurements: Vec<Measurement>,
    pub(super) history: Vec<Round>,
}

impl Snapshot {
    pub(super) fn take(scenario: &Scenario, released: u32, state: State<'_>, past: Past<'_>) -> Result<Self, SimError> {
        let State { entropy, queue, turns, local, own, now, entries, model, kept } = state;
        let missing = || SimError::Failed("there is no model to go on from".to_owned());
        let model = model.as_ref().ok_or_else(missing)?;
        let mut turns: Vec<(u64, Vec<(TaskHash, Turn)>)> = turns
            .iter()
            .map(|(device, turns)| (*device, turns.iter().map(|(task, turn)| (*task, *turn)).collect()))
            .collect();
        turns.sort_unstable_by_key(|(device, _)| *device);
        Ok(Self {
            version: VERSION,
            scenario: digest(scenario)?,
            released,
            entropy,
            now: now.0,
            queue,
            turns,
            local: local.as_ref().map_or_else(|| Ok(Vec::new()), LocalBudgets::lines)?,
            own: own.as_ref().map_or_else(Vec::new, OwnLayers::values),
            entries: entries.iter().map(Entry::to_line).collect::<Result<_, _>>()?,
            model: model.model.clone(),
            optimizer: model.optimizer.clone(),
            secret: kept.secret.clone(),
            attendance: kept.attendance.clone(),
            measurements: past.measurements.iter().map(Measured::of).collect(),
            history: past.history.iter().map(Passed::of).collect(),
            seconds: past.wall.as_secs_f64(),
            phases: past.phases,
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, SimError> {
        let body = postcard::to_stdvec(self).map_err(|error| SimError::Serialise(error.to_string()))?;
        Ok([Digest::of(&body).as_bytes().as_slice(), &body].concat())
    }

    /// Reads what was written for this scenario.
    pub(super) fn from_bytes(scenario: &Scenario, bytes: &[u8]) -> Result<Self, SimError> {
        let damaged = |what: &str| SimError::Snapshot { what: what.to_owned() };
        let (digest_written, body) = bytes.split_first_chunk::<32>().ok_or_else(|| damaged("it is cut short"))?;
        if Digest::of(body).as_bytes() != digest_written {
            return Err(damaged("it was damaged"));
        }
        let snapshot: Self = postcard::from_bytes(body).map_err(|error| damaged(&error.to_string()))?;
        if snapshot.version != VERSION {
            return Err(damaged("it was written by another version of this program"));
        }
        if snapshot.scenario != digest(scenario)? {
            return Err(damaged("it belongs to another scenario"));
        }
        Ok(snapshot)
    }

    pub(super) fn open(self) -> Result<Opened, SimError> {
        let turns: HashMap<_, _> =
            self.turns.into_iter().map(|(device, turns)| (device, turns.into_iter().collect())).collect();
        let entries = self.entries.iter().zip(0..).map(|(line, index)| Entry::from_line(index, line));
        let measurements = self.measurements.into_iter().map(Measured::measurement).collect::<Result<_, _>>()?;
        Ok(Opened {
            standing: Standing { now: Time(self.now), queue: self.queue, turns },
            kept: Kept { secret: self.secret, attendance: self.attendance },
            local: self.local,
            own: self.own,
            entries: entries.collect::<Result<_, _>>()?,
            model: Checkpoint { digest: Digest::of(&self.model), model: self.model, optimizer: self.optimizer },
            measurements,
            history: self.history.into_iter().map(Passed::round).collect::<Result<_, _>>()?,
        })
    }
}

/// A measurement in plain numbers: the format has no words for an infinite epsilon.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    round: u32,
    epsilon: f64,
    loss: f64,
    accuracy: f64,
    examples: u64,
    averaged: Option<(f64, f64)>,
    own: Option<OwnQuality>,
    clip: f64,
    metrics: Option<ReleasedMetrics>,
}

impl Measured {
    fn of(measurement: &Measurement) -> Self {
        let Measurement { round, epsilon, evaluation, averaged, own, clip, metrics } = *measurement;
        let Evaluation { loss, accuracy, examples } = evaluation;
        let (epsilon, clip) = (epsilon.get(), clip.get());
        let averaged = averaged.map(|averaged| (averaged.loss, averaged.accuracy));
        Self { round, epsilon, loss, accuracy, examples: examples as u64, averaged, own, clip, metrics }
    }

    fn measurement(self) -> Result<Measurement, SimError> {
        let Self { round, epsilon, loss, accuracy, examples, averaged, own, clip, metrics } = self;
        let epsilon = epsilon_of(epsilon)?;
        let evaluation = Evaluation { loss, accuracy, examples: examples as usize };
        let averaged = averaged.map(|(loss, accuracy)| Evaluation { loss, accuracy, ..evaluation });
        let clip = Clip::new(clip).map_err(damaged)?;
        Ok(Measurement { round, epsilon, evaluation, averaged, own, clip, metrics })
    }
}

/// A round in plain numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Passed {
    round: u32,
    epsilon: f64,
    clip: f64,
    norms: (Option<f64>, Option<f64>),
    metrics: Option<ReleasedMetrics>,
    evaluation: Option<ReleasedEvaluation>,
    cohort: Cohort,
    time: Option<(f64, f64)>,
}

impl Passed {
    fn of(passed: &Round) -> Self {
        let Round { round, epsilon, clip, update_norm, noise_norm, metrics, evaluation, cohort, time } = passed.clone();
        let (epsilon, clip, norms) = (epsilon.get(), clip.get(), (update_norm, noise_norm));
        Self { round, epsilon, clip, norms, metrics, evaluation, cohort, time }
    }

    fn round(self) -> Result<Round, SimError> {
        let Self { round, epsilon, clip, norms: (update_norm, noise_norm), metrics, evaluation, cohort, time } = self;
        let (epsilon, clip) = (epsilon_of(epsilon)?, Clip::new(clip).map_err(damaged)?);
        Ok(Round { round, epsilon, clip, update_norm, noise_norm, metrics, evaluation, cohort, time })
    }
}

fn epsilon_of(epsilon: f64) -> Result<Epsilon, SimError> {
    if epsilon.is_finite() { Epsilon::new(epsilon).map_err(damaged) } else { Ok(Epsilon::INFINITE) }
}

fn damaged(error: OutOfRange) -> SimError {
    SimError::Snapshot { what: error.to_string() }
}

fn digest(scenario: &Scenario) -> Result<Digest, SimError> {
    Ok(Digest::of(scenario.to_toml()?.as_bytes()))
}
