//! One simulation: virtual devices, virtual time, the real coordinator.

mod fleet;
mod observer;
mod workers;

pub use observer::{Measurement, Observer, Silent};

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use murmur_client::evaluate;
use murmur_privacy::{Digest, NoiseRng, Provenance, ledger::Entry, units::Clip};
use murmur_round::{
    coordinator::{Coordinator, Outcome, Stored},
    device_id::DeviceId,
    founding,
    guarantee::Guarantee,
    measure::ReleasedMetrics,
    task::Schedule,
};

use crate::{SimError, population::Population, scenario::Scenario};
use fleet::{Fleet, Released};

/// How a simulation is carried out; none of it changes its result but `stop_after`.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that train.
    pub threads: NonZeroUsize,
    /// Ends the run after this many rounds.
    pub stop_after: Option<u32>,
}

/// What a simulation leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// How the task ended.
    pub outcome: Outcome,
    /// Rounds released.
    pub rounds: u32,
    /// The schedule that ran.
    pub schedule: Schedule,
    /// What was promised up to the last round, marked as simulated.
    pub guarantee: Guarantee,
    /// The clip of the round that would have come next.
    pub clip: Clip,
    /// What the last round said of the model before it, measured by its devices.
    pub metrics: Option<ReleasedMetrics>,
    /// Every entry of the population's ledger.
    pub ledger: Vec<Entry>,
    /// The last released model, a safetensors file.
    pub model: Vec<u8>,
    /// Its SHA-256.
    pub model_digest: Digest,
    /// Quality on data outside the population, by round.
    pub measurements: Vec<Measurement>,
    /// Devices in the population.
    pub devices: u64,
    /// Wall-clock time from the first round to the last measurement.
    pub wall: Duration,
}

/// The schedule of a scenario over its population, without running anything.
///
/// # Errors
/// [`SimError`] when task and population do not fit.
pub fn schedule(scenario: &Scenario, population: &Population) -> Result<Schedule, SimError> {
    Ok(Schedule::new(scenario.task.clone(), population.devices())?)
}

/// Runs a scenario.
///
/// # Errors
/// [`SimError`]; a budget that ends before the schedule is not an error but an [`Outcome`].
pub fn run(scenario: &Scenario, options: &Options, observer: &mut dyn Observer) -> Result<Finished, SimError> {
    run_on(scenario, &Population::of(scenario)?, options, observer)
}

/// [`run`], on a population that was made from the scenario already.
///
/// # Errors
/// As [`run`].
pub fn run_on(
    scenario: &Scenario,
    population: &Population,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Finished, SimError> {
    let schedule = schedule(scenario, population)?;
    let budget = scenario.population.epsilon.zip(scenario.population.delta);
    let mut ledger_entries = Vec::new();
    let ledger = founding::found(&schedule, None, budget, Provenance::Simulated, |entry| {
        ledger_entries.push(entry.clone());
        Ok(())
    })?;
    let enrolled: Vec<DeviceId> =
        (0..population.devices()).map(|index| population.device(index)).collect::<Result<_, _>>()?;
    let entropy = NoiseRng::seeded(scenario.seed);
    let mut coordinator = Coordinator::start(schedule.clone(), enrolled.clone(), ledger, entropy, Stored::default())?;
    coordinator.draw_by(options.threads);
    if let Some(rounds) = options.stop_after {
        coordinator.stop_after(rounds);
    }
    observer.started(&schedule, &coordinator.guarantee()?, options.stop_after);
    let started = Instant::now();
    let task = Arc::new(scenario.task.clone());
    let mut fleet = Fleet::new(coordinator, enrolled, ledger_entries);
    let mut measurements = Vec::new();
    let outcome = std::thread::scope(|scope| {
        let workers = workers::Workers::start(scope, options.threads, population, &task)?;
        fleet.run(&workers, &mut |released| {
            let Released { round, params, guarantee, clip, metrics } = released;
            let due = (round + 1) % scenario.evaluation.every == 0;
            let measured = if due {
                let evaluation = evaluate(&task.model, &params, population.test())?;
                let epsilon = guarantee.epsilon_spent;
                let measurement = Measurement { round, epsilon, evaluation, clip, metrics };
                measurements.push(measurement);
                Some(measurement)
            } else {
                None
            };
            observer.round(round, &guarantee, measured.as_ref());
            Ok(())
        })
    })?;
    if let Outcome::Failed(reason) = &outcome {
        return Err(SimError::Failed(reason.clone()));
    }
    let released = fleet.released();
    let guarantee = fleet.guarantee()?;
    if measurements.last().map(|last| last.round + 1) != released {
        let evaluation = evaluate(&task.model, &fleet.params(), population.test())?;
        let round = released.unwrap_or(1) - 1;
        let (clip, metrics) = fleet.measured();
        measurements.push(Measurement { round, epsilon: guarantee.epsilon_spent, evaluation, clip, metrics });
    }
    let wall = started.elapsed();
    observer.finished();
    let (clip, metrics) = fleet.measured();
    let (ledger, (model, model_digest)) = fleet.into_files();
    Ok(Finished {
        outcome,
        rounds: released.unwrap_or(0),
        schedule,
        guarantee,
        clip,
        metrics,
        ledger,
        model,
        model_digest,
        measurements,
        devices: population.devices(),
        wall,
    })
}
