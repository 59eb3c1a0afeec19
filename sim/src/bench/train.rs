//! `bench train`: rounds per second of a whole simulation, on the workload that peers are measured on.
//!
//! It is a scenario like any other, run by [`run_along`]: the same workers, device machines, coordinator, clip, grid, sum, noise, ledger and
//! optimiser as `murmur-sim run`. Only the data are made before the clock starts, and no model is evaluated while it runs.

use std::{collections::BTreeMap, fmt, num::NonZeroUsize, time::Instant};

use clap::{Args, ValueEnum};
use murmur_client::Accelerator;
use murmur_round::{
    guarantee::Guarantee,
    model::ModelSpec,
    task::{Schedule, Task},
};
use serde_json::{Value, json};

use super::{BenchError, Timing, floor::Floor};
use crate::{
    SimError,
    population::Population,
    ranks::{self, Ranks},
    run::{Course, Measurement, Observer, Options, Phases, run_along},
    scenario::{Evaluation, PopulationSpec, Scenario, Source},
};

/// Up to so many examples a device is small, and there are more devices.
const SMALL: u64 = 20;
/// Devices with few examples each, and with many.
const DEVICES: [u64; 2] = [500, 200];

/// The workload.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// The model.
    #[arg(long, value_enum)]
    pub model: TimedModel,
    /// Examples on each device.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub samples_per_device: u64,
    /// Examples in each step of a device.
    #[arg(long, value_name = "B", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
    /// Devices in each round.
    #[arg(long, value_name = "C", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub cohort: u32,
    /// Devices in all. Default: 500, or 200 with more than 20 examples each.
    #[arg(long, value_name = "D")]
    pub devices: Option<u64>,
    /// Rounds that are timed.
    #[arg(long, value_name = "R", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Rounds before those.
    #[arg(long, value_name = "W", default_value_t = 3)]
    pub warmup: u32,
    /// Threads that train.
    #[arg(long, value_name = "T", default_value_t = NonZeroUsize::MIN)]
    pub threads: NonZeroUsize,
    /// Train cohorts on an accelerator, as `run` does.
    #[arg(long, value_name = "NAME")]
    pub accelerator: Option<Accelerator>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// The models of the comparison, on inputs of 28 by 28 and ten classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum TimedModel {
    /// Softmax regression.
    Linear,
    /// One hidden layer of 200.
    Mlp,
    /// Convolutions of 32 and 64 channels, then a hidden layer of 128.
    Cnn,
}

impl TimedModel {
    fn spec(self) -> ModelSpec {
        let (input, classes) = ([1, 28, 28], 10);
        match self {
            Self::Linear => ModelSpec::linear(input, classes),
            Self::Mlp => ModelSpec::mlp(input, vec![200], classes),
            Self::Cnn => ModelSpec::Cnn { input, channels: vec![32, 64], hidden: vec![128], classes },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Mlp => "mlp",
            Self::Cnn => "cnn",
        }
    }
}

/// Looks at the clock when a round is over.
struct Clock {
    last: Instant,
    seconds: Vec<f64>,
    /// Rounds before those that are timed, and those as well.
    rounds: [usize; 2],
    /// What all threads had taken after so many. Asking takes longer than a device of a small model does: it is done twice, not every round.
    processor_seconds: [Option<f64>; 2],
}

impl Clock {
    fn look(&mut self) {
        for (rounds, seconds) in self.rounds.iter().zip(&mut self.processor_seconds) {
            if *rounds == self.seconds.len() {
                *seconds = processor_seconds();
            }
        }
    }
}

impl Observer for Clock {
    fn started(&mut self, _: &Schedule, _: &Guarantee, _: Option<u32>) {
        self.look();
        self.last = Instant::now();
    }

    fn round(&mut self, _: u32, _: &Guarantee, _: Option<&Measurement>) {
        let now = Instant::now();
        self.seconds.push((now - self.last).as_secs_f64());
        self.look();
        self.last = now;
    }

    fn finished(&mut self) {}
}

pub(super) fn run(arguments: &TrainArguments, ranks: Option<&dyn Ranks>) -> Result<Timing, BenchError> {
    let scenario = ranks::told(ranks, scenario(arguments))?;
    let population = ranks::told(ranks, Population::of(&scenario))?;
    let rounds = [arguments.warmup, arguments.warmup + arguments.rounds].map(|rounds| rounds as usize);
    let mut clock = Clock { last: Instant::now(), seconds: Vec::new(), rounds, processor_seconds: [None; 2] };
    let options = Options { threads: arguments.threads, stop_after: None, accelerator: arguments.accelerator };
    let course = Course { ranks, ..Course::default() };
    let finished = run_along(&scenario, &population, &options, &mut clock, course)?;
    if !ranks::leads(ranks) {
        return Ok(Timing { json: Value::Null, text: String::new() });
    }
    let timed = clock.seconds.get(arguments.warmup as usize..).unwrap_or_default();
    if timed.len() != arguments.rounds as usize {
        return Err(SimError::Failed(format!("{} of {} rounds were timed", timed.len(), arguments.rounds)).into());
    }
    let [begun, ended] = clock.processor_seconds;
    let cpu_s_per_round = ended.zip(begun).map(|(ended, begun)| (ended - begun) / timed.len() as f64);
    let floor = Floor::measured(&arguments.model.spec(), arguments.samples_per_device, arguments.batch_size);
    let round = median(timed);
    let devices_per_s = f64::from(arguments.cohort) / round;
    let spent = Spent::of(&finished.phases, arguments.rounds + arguments.warmup);
    let processes = ranks.map_or(1, |ranks| ranks.count().get());
    let floor_devices_per_s = processes as f64 * floor.devices_per_s(arguments.threads);
    let json = json!({
        "benchmark": "train",
        "tool": "murmur",
        "model": arguments.model.name(),
        "params": finished.schedule.task().model.layout().dimension(),
        "cohort": arguments.cohort,
        "samples_per_user": arguments.samples_per_device,
        "batch": arguments.batch_size,
        "epochs": 1,
        "users": finished.devices,
        "threads": arguments.threads,
        "accelerator": arguments.accelerator.map(|accelerator| accelerator.to_string()),
        "ranks": processes,
        "rounds_timed": timed.len(),
        "s_per_round": round,
        "s_min": timed.iter().copied().fold(f64::INFINITY, f64::min),
        "s_max": timed.iter().copied().fold(0.0, f64::max),
        "block_medians": blocks(timed),
        "cpu_s_per_round": cpu_s_per_round,
        "devices_per_s": devices_per_s,
        "samples_per_s": devices_per_s * arguments.samples_per_device as f64,
        "peak_rss_mb": peak_rss_mb(),
        "epsilon": serde_json::to_value(finished.guarantee.epsilon_spent).unwrap_or(Value::Null),
        "model_sha256": finished.model_digest.to_string(),
        "phases_ms": spent.to_json(),
        "floor": floor.to_json(),
        "floor_devices_per_s": floor_devices_per_s,
        "share_of_floor": devices_per_s / floor_devices_per_s,
    });
    let text = format!(
        "{} on {} {}, cohorts of {}, {} examples each in batches of {}:\n  \
           murmur      {devices_per_s:.0} devices/s: {:.3} ms a round, the median of {}\n  \
           of which    {spent}\n  \
           floor       {floor_devices_per_s:.0} devices/s, of which that is {:.0} %: {floor}\n  \
           memory      {} at most",
        arguments.model.name(),
        arguments.threads,
        if arguments.threads.get() == 1 { "thread" } else { "threads" },
        arguments.cohort,
        arguments.samples_per_device,
        arguments.batch_size,
        round * 1e3,
        timed.len(),
        100.0 * devices_per_s / floor_devices_per_s,
        peak_rss_mb().map_or("unknown".to_owned(), |megabytes| format!("{megabytes:.0} MB")),
    );
    Ok(Timing { json, text })
}

/// The workload of docs/measurements.md as a scenario: fixed cohorts, clip 1, noise multiplier 1, plain averaging. Its budget stops nothing.
fn scenario(arguments: &TrainArguments) -> Result<Scenario, SimError> {
    let devices = arguments.devices.unwrap_or(DEVICES[usize::from(arguments.samples_per_device > SMALL)]);
    let rounds = arguments.rounds.saturating_add(arguments.warmup);
    let task = json!({
        "name": "bench",
        "population": "bench",
        "rounds": rounds,
        "model": arguments.model.spec(),
        "plan": { "epochs": 1, "batch_size": arguments.batch_size, "learning_rate": 0.05 },
        "participation": {
            "kind": "fixed", "cohort": arguments.cohort, "window_seconds": 60, "minimum_reports": 1,
        },
        "privacy": {
            "clip": 1.0, "mechanism": "gaussian", "epsilon": 1e9, "delta": 1e-9, "noise_multiplier": 1.0,
        },
        "server": { "optimizer": "fedavg", "learning_rate": 1.0 },
    });
    Ok(Scenario {
        candidate_models: BTreeMap::new(),
        seed: 1234,
        pretrained: None,
        population: PopulationSpec {
            devices: Some(devices),
            samples_per_device: Some(arguments.samples_per_device as usize),
            epsilon: None,
            delta: None,
            local_epsilon: None,
            local_delta: None,
            held_out: Vec::new(),
            own_labels: false,
            source: Source::Teacher {},
            partition: None,
        },
        fleet: None,
        // The last model is always measured, after the clock has stopped.
        evaluation: Evaluation { every: u32::MAX, examples: 1 },
        task: Task::from_json(task.to_string().as_bytes())?,
    })
}

/// What a round's time went into, in milliseconds, on average over all rounds: beside the threads that train only one works, and drawing
/// noise.
struct Spent {
    checking_in: f64,
    training: f64,
    adding: f64,
    releasing: f64,
}

impl Spent {
    fn of(phases: &Phases, rounds: u32) -> Self {
        let each = |seconds: f64| 1e3 * seconds / f64::from(rounds);
        let Phases { checking_in, training, adding, releasing, .. } = *phases;
        Self {
            checking_in: each(checking_in),
            training: each(training),
            adding: each(adding),
            releasing: each(releasing),
        }
    }

    fn to_json(&self) -> Value {
        let Self { checking_in, training, adding, releasing } = self;
        json!({ "checking_in": checking_in, "training": training, "adding": adding, "releasing": releasing })
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checking_in, training, adding, releasing } = self;
        write!(
            f,
            "{training:.3} ms training, {releasing:.3} releasing, {checking_in:.3} checking in, {adding:.3} adding, on average"
        )
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// Medians of three consecutive parts, as the peers' scripts report them: the best one says what a quiet machine would do.
fn blocks(values: &[f64]) -> Vec<f64> {
    values.chunks(values.len().div_ceil(3)).map(median).collect()
}

/// Time that the threads of this process have taken from processors, in steps of a hundredth of a second; unknown where the system does
/// not say. It tells what the work costs on a machine that is shared.
fn processor_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // proc(5): the name, in brackets, may hold anything; user and system time are the twelfth and thirteenth field after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// The most memory that this process ever had resident, in MB of 2^20 bytes; unknown where the system does not say.
fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_those_of_the_definition() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(blocks(&[3.0, 1.0, 2.0, 9.0, 7.0]), [2.0, 5.5, 7.0]);
        assert_eq!(blocks(&[3.0]), [3.0]);
    }
}
