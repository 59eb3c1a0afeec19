//! The state of an unfinished run, so that a run that was killed goes on with the same bits.
//!
//! A state is taken right after a release, when no round is open: then the ledger, the model, the number of secrets drawn and the times at
//! which devices come next say all. It appears by one rename, whole or not at all, and the one before it is removed afterwards; what
//! an interrupted round had spent after it is spent again in the same ledger entries, so nothing is charged twice.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use murmur_privacy::{
    Digest,
    ledger::Entry,
    units::{Clip, Epsilon},
};
use murmur_round::{
    checkpoint::Checkpoint,
    measure::ReleasedMetrics,
    participation::{Attendance, KeptSecret, Turn},
    task::TaskHash,
    time::Time,
};
use serde::{Deserialize, Serialize};

use super::Measurement;
use crate::{SimError, scenario::Scenario};

/// Saving may take one part in so many of a run's time.
const SHARE: u32 = 20;
const STATE: &str = "state.json";
const LEDGER: &str = "ledger.jsonl";
const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const QUEUE: &str = "queue.bin";

/// Where a run keeps its state while it is unfinished.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    scenario: Digest,
    last: Option<(Instant, Duration)>,
}

/// All that a run goes on from.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) facts: Facts,
    pub(super) entries: Vec<Entry>,
    pub(super) checkpoint: Checkpoint,
    /// When each device comes next.
    pub(super) queue: Vec<(Time, u64)>,
}

/// The small part of a state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// Of the resolved scenario: another one does not go on from this state.
    scenario: Digest,
    pub(super) released: u32,
    /// Virtual time, in milliseconds.
    pub(super) now: u64,
    /// Secrets drawn from the run's entropy.
    pub(super) drawn: u64,
    model: Digest,
    queue: Digest,
    secret: Option<Vec<u8>>,
    pub(super) attendance: Vec<Attendance>,
    pub(super) turns: Vec<(u64, BTreeMap<TaskHash, Turn>)>,
    measurements: Vec<SavedMeasurement>,
}

/// A measurement, its floats as bits: they need not be numbers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedMeasurement {
    round: u32,
    epsilon: Epsilon,
    loss: u64,
    accuracy: u64,
    examples: usize,
    clip: Clip,
    metrics: Option<ReleasedMetrics>,
    at: u64,
}

/// What a state is made from.
pub(super) struct Moment<'a> {
    pub(super) released: u32,
    pub(super) now: Time,
    pub(super) drawn: u64,
    pub(super) entries: &'a [Entry],
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) secret: Option<&'a KeptSecret>,
    pub(super) attendance: &'a [Attendance],
    pub(super) turns: Vec<(u64, BTreeMap<TaskHash, Turn>)>,
    pub(super) queue: Vec<(Time, u64)>,
}

impl Keeper {
    /// The keeper of a run whose results go to `results`: it keeps its states beside that folder, under its name and `.unfinished`.
    ///
    /// # Errors
    /// [`SimError::NoFolder`] for a path without a name, [`SimError::NoResume`] for a task whose devices have ledgers of their own.
    pub fn beside(results: &Path, scenario: &Scenario) -> Result<Self, SimError> {
        if scenario.task.privacy.local.is_some() {
            return Err(SimError::NoResume);
        }
        let none = || SimError::NoFolder { folder: results.to_owned() };
        let mut name = results.file_name().ok_or_else(none)?.to_owned();
        name.push(".unfinished");
        let scenario = Digest::of(scenario.to_toml()?.as_bytes());
        Ok(Self { folder: results.with_file_name(name), scenario, last: None })
    }

    /// Removes all states: the run's results are where they belong.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn remove(self) -> Result<(), SimError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SimError::file(self.folder)(error)),
            _ => Ok(()),
        }
    }

    /// Whether it is time for another state: saving must not take long beside what it saves.
    pub(super) fn is_due(&self) -> bool {
        self.last.is_none_or(|(when, took)| when.elapsed() >= took * SHARE)
    }

    /// The last state, if there is one.
    pub(super) fn load(&self) -> Result<Option<Saved>, SimError> {
        let Some((_, folder)) = self.states()?.pop_last() else { return Ok(None) };
        let damaged = |file: &str| SimError::Unfinished {
            folder: self.folder.clone(),
            message: format!("{} is damaged", folder.join(file).display()),
        };
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read(&path).map_err(SimError::file(path))
        };
        let facts: Facts = serde_json::from_slice(&read(STATE)?).map_err(|_| damaged(STATE))?;
        if facts.scenario != self.scenario {
            let message = "it is the state of another scenario, task, seed or data folder".to_owned();
            return Err(SimError::Unfinished { folder: self.folder.clone(), message });
        }
        let ledger = String::from_utf8(read(LEDGER)?).map_err(|_| damaged(LEDGER))?;
        let entries = (0..).zip(ledger.lines()).map(|(index, line)| Entry::from_line(index, line));
        let entries = entries.collect::<Result<_, _>>()?;
        let (model, queue) = (read(MODEL)?, read(QUEUE)?);
        if Digest::of(&queue) != facts.queue {
            return Err(damaged(QUEUE));
        }
        let (numbers, _) = queue.as_chunks::<8>();
        let (pairs, _) = numbers.as_chunks::<2>();
        let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let queue = pairs.iter().map(|[time, device]| (Time(number(time)), number(device))).collect();
        // The coordinator compares the model with what the ledger names.
        let checkpoint = Checkpoint { model, digest: facts.model, optimizer: read(OPTIMIZER)? };
        Ok(Some(Saved { facts, entries, checkpoint, queue }))
    }

    /// Shows a new state and removes the ones before it.
    pub(super) fn save(&mut self, moment: &Moment<'_>, measurements: &[Measurement]) -> Result<(), SimError> {
        let start = Instant::now();
        let mut queue = Vec::with_capacity(16 * moment.queue.len());
        for (time, device) in &moment.queue {
            queue.extend(time.0.to_le_bytes());
            queue.extend(device.to_le_bytes());
        }
        let facts = Facts {
            scenario: self.scenario,
            released: moment.released,
            now: moment.now.0,
            drawn: moment.drawn,
            model: moment.checkpoint.digest,
            queue: Digest::of(&queue),
            secret: moment.secret.map(|secret| secret.expose().to_vec()),
            attendance: moment.attendance.to_vec(),
            turns: moment.turns.clone(),
            measurements: measurements.iter().map(SavedMeasurement::of).collect(),
        };
        let facts = serde_json::to_vec(&facts).map_err(|error| SimError::Serialise(error.to_string()))?;
        let mut ledger = String::new();
        for entry in moment.entries {
            ledger.push_str(&entry.to_line()?);
            ledger.push('\n');
        }
        let partial = self.folder.join("partial");
        let shown = self.folder.join(moment.released.to_string());
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(SimError::file(&partial))?;
        }
        fs::create_dir_all(&partial).map_err(SimError::file(&partial))?;
        let files: [(&str, &[u8]); 5] = [
            (STATE, &facts),
            (LEDGER, ledger.as_bytes()),
            (MODEL, &moment.checkpoint.model),
            (OPTIMIZER, &moment.checkpoint.optimizer),
            (QUEUE, &queue),
        ];
        for (name, bytes) in files {
            let path = partial.join(name);
            File::create(&path)
                .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
                .map_err(SimError::file(path))?;
        }
        fs::rename(&partial, &shown).map_err(SimError::file(&shown))?;
        for (_, older) in self.states()?.range(..moment.released) {
            fs::remove_dir_all(older).map_err(SimError::file(older))?;
        }
        self.last = Some((Instant::now(), start.elapsed()));
        Ok(())
    }

    /// Whole states by how many rounds were released.
    fn states(&self) -> Result<BTreeMap<u32, PathBuf>, SimError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(SimError::file(&self.folder)(error)),
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
        let paths = paths.map_err(SimError::file(&self.folder))?;
        let numbered = |path: PathBuf| Some((path.file_name()?.to_str()?.parse().ok()?, path));
        Ok(paths.into_iter().filter_map(numbered).collect())
    }
}

impl Facts {
    pub(super) fn secret(&self) -> Option<KeptSecret> {
        self.secret.clone().map(KeptSecret::new)
    }

    pub(super) fn measurements(&self) -> Vec<Measurement> {
        self.measurements.iter().map(SavedMeasurement::restored).collect()
    }
}

impl SavedMeasurement {
    fn of(measured: &Measurement) -> Self {
        let Measurement { round, epsilon, evaluation, clip, metrics, at } = *measured;
        let (loss, accuracy) = (evaluation.loss.to_bits(), evaluation.accuracy.to_bits());
        Self { round, epsilon, loss, accuracy, examples: evaluation.examples, clip, metrics, at: at.0 }
    }

    fn restored(&self) -> Measurement {
        let evaluation = murmur_client::Evaluation {
            loss: f64::from_bits(self.loss),
            accuracy: f64::from_bits(self.accuracy),
            examples: self.examples,
        };
        let Self { round, epsilon, clip, metrics, at, .. } = *self;
        Measurement { round, epsilon, evaluation, clip, metrics, at: Time(at) }
    }
}
