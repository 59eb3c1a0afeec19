//! One simulation: virtual devices, virtual time, the real coordinator.

mod agenda;
mod fleet;
mod local;
mod observer;
mod pace;
mod saved;
mod workers;

pub use local::LocalSpending;
pub use observer::{Measurement, Observer, Silent};
pub use saved::Keeper;

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use murmur_client::evaluate;
use murmur_privacy::{Digest, Ledger, NoiseRng, Provenance, ledger::Entry, units::Clip};
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
use local::LocalBudgets;
use pace::Pace;
use saved::Saved;

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
    /// What devices spent on randomising their own updates, where they do.
    pub local: Option<LocalSpending>,
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
    /// Wall-clock time from the first round to the last measurement, of this process.
    pub wall: Duration,
    /// Virtual time from the beginning to the end.
    pub simulated: Duration,
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
    run_on(scenario, &Population::of(scenario)?, options, observer, None)
}

/// [`run`], on a population that was made from the scenario already; with a keeper it goes on from what that kept, and has it keep more.
///
/// # Guarantee
/// A run that was killed at any moment and goes on ends with the same bits as one that was not: model, ledger and measurements.
///
/// # Errors
/// As [`run`], and when what was kept is another scenario's or damaged.
pub fn run_on(
    scenario: &Scenario,
    population: &Population,
    options: &Options,
    observer: &mut dyn Observer,
    mut keeper: Option<&mut Keeper>,
) -> Result<Finished, SimError> {
    let schedule = schedule(scenario, population)?;
    let saved = keeper.as_ref().map_or(Ok(None), |keeper| keeper.load())?;
    let resumed = saved.as_ref().map(|saved| saved.facts.released);
    let (mut measurements, mut fleet) = match saved {
        Some(saved) => (saved.facts.measurements(), restored(scenario, population, &schedule, options, saved)?),
        None => (Vec::new(), fresh(scenario, population, &schedule, options)?),
    };
    observer.started(&schedule, &fleet.guarantee()?, options.stop_after);
    resumed.into_iter().for_each(|released| observer.resumed(released));
    let started = Instant::now();
    let task = Arc::new(scenario.task.clone());
    let outcome = std::thread::scope(|scope| {
        let workers = workers::Workers::start(scope, options.threads, population, &task)?;
        fleet.run(&workers, &mut |released| {
            let Released { round, params, guarantee, clip, metrics, at, moment } = released;
            let due = (round + 1) % scenario.evaluation.every == 0;
            let measured = if due {
                let evaluation = evaluate(&task.model, &params, population.test())?;
                let epsilon = guarantee.epsilon_spent;
                let measurement = Measurement { round, epsilon, evaluation, clip, metrics, at };
                measurements.push(measurement);
                Some(measurement)
            } else {
                None
            };
            observer.round(round, &guarantee, measured.as_ref());
            match keeper.as_mut().filter(|keeper| keeper.is_due()).zip(moment()) {
                Some((keeper, moment)) => keeper.save(&moment, &measurements),
                None => Ok(()),
            }
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
        let (epsilon, at) = (guarantee.epsilon_spent, fleet.now());
        measurements.push(Measurement { round, epsilon, evaluation, clip, metrics, at });
    }
    let wall = started.elapsed();
    observer.finished();
    let ((clip, metrics), local) = (fleet.measured(), fleet.local_spending());
    let simulated = Duration::from_millis(fleet.now().0);
    let (ledger, (model, model_digest)) = fleet.into_files();
    Ok(Finished {
        outcome,
        rounds: released.unwrap_or(0),
        schedule,
        guarantee,
        clip,
        metrics,
        local,
        ledger,
        model,
        model_digest,
        measurements,
        devices: population.devices(),
        wall,
        simulated,
    })
}

/// The beginning of a run: its ledger is opened and its task reserved.
fn fresh<'a>(
    scenario: &Scenario,
    population: &'a Population,
    schedule: &Schedule,
    options: &Options,
) -> Result<Fleet<'a>, SimError> {
    let local = LocalBudgets::of(scenario)?;
    let budget = scenario.population.epsilon.zip(scenario.population.delta);
    let mut entries = Vec::new();
    let ledger = founding::found(schedule, None, budget, Provenance::Simulated, |entry| {
        entries.push(entry.clone());
        Ok(())
    })?;
    let entropy = NoiseRng::seeded(scenario.seed);
    let coordinator = start(population, schedule, options, ledger, entropy, Stored::default())?;
    Ok(Fleet::new(coordinator, population, pace(scenario), entries, local))
}

/// A run as it was when its state was saved.
fn restored<'a>(
    scenario: &Scenario,
    population: &'a Population,
    schedule: &Schedule,
    options: &Options,
    saved: Saved,
) -> Result<Fleet<'a>, SimError> {
    let ledger = Ledger::replay(saved.entries.clone())?;
    let entropy = NoiseRng::seeded_after(scenario.seed, saved.facts.drawn);
    let stored = Stored {
        checkpoint: Some(saved.checkpoint.clone()),
        secret: saved.facts.secret(),
        attendance: saved.facts.attendance.clone(),
    };
    let coordinator = start(population, schedule, options, ledger, entropy, stored)?;
    Ok(Fleet::restored(coordinator, population, pace(scenario), saved))
}

fn start(
    population: &Population,
    schedule: &Schedule,
    options: &Options,
    ledger: Ledger,
    entropy: NoiseRng,
    stored: Stored,
) -> Result<Coordinator, SimError> {
    let enrolled: Vec<DeviceId> =
        (0..population.devices()).map(|index| population.device(index)).collect::<Result<_, _>>()?;
    let mut coordinator = Coordinator::start(schedule.clone(), enrolled, ledger, entropy, stored)?;
    coordinator.draw_by(options.threads);
    if let Some(rounds) = options.stop_after {
        coordinator.stop_after(rounds);
    }
    Ok(coordinator)
}

fn pace(scenario: &Scenario) -> Option<Pace> {
    scenario.fleet.clone().map(|spec| Pace::new(spec, scenario.seed))
}
