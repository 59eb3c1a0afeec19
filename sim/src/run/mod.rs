//! One simulation: virtual devices, virtual time, the real coordinator.

mod agenda;
mod answer;
mod begun;
mod clock;
mod fleet;
mod flights;
mod history;
mod local;
mod observer;
mod own;
mod partial;
mod snapshot;
mod split;
mod standing;
mod timing;
mod work;
mod work_queue;
mod workers;

pub use clock::Phases;
pub use history::{Cohort, Round};
pub use local::LocalSpending;
pub use observer::{Measurement, Observer, Silent};
pub use own::OwnQuality;

use std::{
    cell::Cell,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use murmur_client::{Accelerator, BurnTrainer, CohortTrainer, Evaluation, Examples};
use murmur_privacy::{Digest, ledger::Entry, units::Clip};
use murmur_round::{
    coordinator::{Outcome, StartError},
    device_id::DeviceId,
    evaluation::ReleasedEvaluation,
    guarantee::Guarantee,
    measure::{LocalMetrics, ReleasedMetrics},
    params::Params,
    task::{Schedule, Task},
    trainer::Trainer,
};

use crate::{
    SimError,
    population::Population,
    ranks::{self, Ranks},
    scenario::Scenario,
};
use begun::{Begins, Begun};
use clock::{Clock, Phase};
use fleet::{Fleet, Released};
use local::LocalBudgets;
use own::{Judge, OwnLayers};
use snapshot::{Past, Snapshot};
use split::Split;

/// How a simulation is carried out; its threads do not change its result.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that train.
    pub threads: NonZeroUsize,
    /// Ends the run after this many rounds.
    pub stop_after: Option<u32>,
    /// Where cohorts are trained, if not on the processor by [`BurnTrainer`]: to the same model up to rounding, and not to the same bits.
    pub accelerator: Option<Accelerator>,
}

/// Where a run comes from, and where it is kept on its way.
#[derive(Default)]
pub struct Course<'a> {
    /// What an interrupted run of the same scenario kept last: the run goes on from there, to the same bits.
    pub from: Option<Vec<u8>>,
    /// Keeps, in the place of what was kept before, what it takes to go on from here. Called between rounds.
    pub keep: Option<&'a mut Keep<'a>>,
    /// Least time between two calls: a small simulation has a hundred rounds a second.
    pub between: Duration,
    /// Somebody sets this to have the run stop, with [`SimError::Interrupted`]: at once, or where rounds were released since it was kept
    /// last, as soon as it was kept again.
    pub interrupt: Option<&'a AtomicBool>,
    /// The ranks that carry the run out together: to the same bits as one process, for any number of them. All run the same scenario on the
    /// same data from the same state, each with as many threads as it likes, and all stop when one is interrupted. Only rank 0 measures
    /// released models and keeps anything: what others finish with has no measurements.
    pub ranks: Option<&'a dyn Ranks>,
}

/// Keeps bytes.
pub type Keep<'a> = dyn FnMut(&[u8]) -> Result<(), SimError> + 'a;

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
    /// What the rounds of an evaluation say.
    pub evaluation: Option<ReleasedEvaluation>,
    /// What devices spent on randomising their own updates, where they do.
    pub local: Option<LocalSpending>,
    /// Every entry of the population's ledger.
    pub ledger: Vec<Entry>,
    /// The last released model, a safetensors file: all of it, also where only a part was trained.
    pub model: Vec<u8>,
    /// Its SHA-256.
    pub model_digest: Digest,
    /// The part of it that was trained, as the ledger names it, where that is not all of it.
    pub released: Option<Vec<u8>>,
    /// The average of the released models, a safetensors file, where the task asks for one.
    pub averaged: Option<Vec<u8>>,
    /// Quality of the last model, or of the average where the task asks for one, on each user's test examples, where the data say whose
    /// they are.
    pub test_users: Vec<(DeviceId, Evaluation)>,
    /// Quality on data outside the population, by round.
    pub measurements: Vec<Measurement>,
    /// Every round that was released.
    pub history: Vec<Round>,
    /// Devices in the population.
    pub devices: u64,
    /// Where cohorts were trained, if not on the processor by [`BurnTrainer`].
    pub accelerator: Option<Accelerator>,
    /// Wall-clock time from the first round to the last measurement, all lives of the run together.
    pub wall: Duration,
    /// Where the time went.
    pub phases: Phases,
    /// What it would have taken, where the scenario says how long devices take.
    pub simulated: Option<Duration>,
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
    run_along(scenario, &Population::of(scenario)?, options, observer, Course::default())
}

/// Runs a scenario, on the population that was made from it, from where it stood, and keeps it on its way.
///
/// # Errors
/// As [`run`]; [`SimError::Snapshot`] for what cannot be gone on from.
pub fn run_along(
    scenario: &Scenario,
    population: &Population,
    options: &Options,
    observer: &mut dyn Observer,
    course: Course<'_>,
) -> Result<Finished, SimError> {
    match options.accelerator {
        None => run_with(scenario, population, |task| BurnTrainer::new(&task.model), options, observer, course),
        Some(accelerator) => {
            let trainer = |task: &Task| CohortTrainer::new(&task.model, accelerator);
            run_with(scenario, population, trainer, options, observer, course)
        }
    }
}

/// The same with models of an app's own: `trainer` is called once for each thread, and once for whatever measures released models by
/// [`Trainer::measure`]. What a run comes to is the same for any number of threads if trainers keep their contract.
///
/// # Errors
/// As [`run_along`]; [`SimError::Trainer`] for what the trainer refuses, [`SimError::Unmeasured`] where it does not measure;
/// [`SimError::Rank`] where another rank could not go on, [`SimError::RanksApart`] where ranks came to different things.
pub fn run_with<T, E>(
    scenario: &Scenario,
    population: &Population,
    trainer: impl Fn(&Task) -> Result<T, E>,
    options: &Options,
    observer: &mut dyn Observer,
    course: Course<'_>,
) -> Result<Finished, SimError>
where
    T: Trainer<Data = Examples> + Send,
    E: std::error::Error + Send + Sync + 'static,
{
    // Whatever ends this rank, the others are not left waiting for it.
    let others = course.ranks;
    ranks::told(others, run_here(scenario, population, trainer, options, observer, course))
}

/// What one process does of it.
fn run_here<T, E>(
    scenario: &Scenario,
    population: &Population,
    trainer: impl Fn(&Task) -> Result<T, E>,
    options: &Options,
    observer: &mut dyn Observer,
    course: Course<'_>,
) -> Result<Finished, SimError>
where
    T: Trainer<Data = Examples> + Send,
    E: std::error::Error + Send + Sync + 'static,
{
    let (pretrained, beginning) = scenario.starting_point()?;
    let models = scenario.candidate_models()?;
    // Of the model's tensors, where some stay as the file has them.
    let adaptation = beginning.adaptation().filter(|adaptation| adaptation.is_partial());
    let trainer = |task: &Task| {
        let mut trainer = trainer(task).map_err(|error| SimError::Trainer(Box::new(error)))?;
        match adaptation {
            Some(adaptation) if !trainer.adapt(adaptation.clone()) => Err(SimError::WholeModelsOnly),
            _ => Ok(trainer),
        }
    };
    let mut judge = trainer(&scenario.task)?;
    let mut evaluate = |params: &Params, own: Option<&Params>, examples: &Examples| {
        let local = beginning.local(params, own).map_err(|error| SimError::Failed(error.to_string()))?;
        quality(&mut judge, &local, examples)
    };
    let most = scenario.evaluation.examples;
    let schedule = schedule(scenario, population)?;
    let local = LocalBudgets::of(scenario)?;
    let Course { from, mut keep, between, interrupt, ranks } = course;
    let (split, leads) = (Split::of(ranks, interrupt), ranks::leads(ranks));
    let split = split.as_ref();
    let clock = Clock::start();
    let begins = Begins { local, own: OwnLayers::of(&beginning), pretrained };
    let began = Begun::of(scenario, population, &schedule, begins, &clock, from)?;
    let Begun { fleet, mut measurements, mut history, seconds, phases } = began;
    let mut fleet = fleet.split_by(split);
    fleet.draw_by(options.threads);
    if let Some(rounds) = options.stop_after {
        fleet.stop_after(rounds);
    }
    observer.started(&schedule, &fleet.guarantee()?, options.stop_after);
    let started = Instant::now();
    let wall = || started.elapsed() + Duration::from_secs_f64(seconds);
    let task = Arc::new(scenario.task.clone());
    let mut kept = Instant::now();
    let asked_here = || interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed));
    let asked = || asked_here() || split.is_some_and(Split::is_asked);
    let unkept = Cell::new(false);
    // One rank does not stop by itself: the others would wait for it.
    let stop = || split.map_or_else(|| asked() && !unkept.get(), Split::stops);
    let outcome = std::thread::scope(|scope| {
        let workers = workers::Workers::start(scope, options.threads, population, &task, &models, trainer)?;
        fleet.run(&workers, &stop, &mut |released, fleet| {
            let Released { round: passed, params, averaged, guarantee, clip } = released;
            let (round, metrics) = (passed.round, passed.metrics);
            history.push(passed);
            // An evaluation leaves the model as it is: measuring it once is enough.
            let due = leads && task.plan().is_some() && (round + 1) % scenario.evaluation.every == 0;
            let measured = if due {
                let evaluation = evaluate(&params, None, population.test())?;
                let epsilon = guarantee.epsilon_spent;
                let averaged = averaged.map(|averaged| evaluate(&averaged, None, population.test())).transpose()?;
                let own = fleet.own_layers().map(|own| own.quality(&params, population, most, &mut evaluate));
                let own = own.transpose()?.flatten();
                let measurement = Measurement { round, epsilon, evaluation, averaged, own, clip, metrics };
                measurements.push(measurement);
                Some(measurement)
            } else {
                None
            };
            observer.round(round, &guarantee, measured.as_ref());
            if let Some(keep) = keep.as_mut().filter(|_| leads) {
                unkept.set(kept.elapsed() < between && !asked());
                split.iter().for_each(|split| split.set_ready(!unkept.get()));
                if !unkept.get() {
                    clock.turn_to(Phase::Keeping);
                    let past = Past {
                        measurements: &measurements,
                        history: &history,
                        phases: phases + clock.spent(),
                        wall: wall(),
                    };
                    keep(&Snapshot::take(scenario, round + 1, fleet.state(), past)?.to_bytes()?)?;
                    kept = Instant::now();
                }
            }
            Ok(())
        })
    })?;
    if let Outcome::Failed(reason) = &outcome {
        return Err(SimError::Failed(reason.clone()));
    }
    clock.turn_to(Phase::Evaluating);
    let released = fleet.released();
    let guarantee = fleet.guarantee()?;
    if leads && measurements.last().map(|last| last.round + 1) != released {
        let evaluation = evaluate(&fleet.params(), None, population.test())?;
        let round = released.unwrap_or(1) - 1;
        let (clip, metrics) = fleet.measured();
        let averaged = fleet.averaged().map(|averaged| evaluate(&averaged, None, population.test())).transpose()?;
        let own = fleet.own_layers().map(|own| own.quality(&fleet.params(), population, most, &mut evaluate));
        let (epsilon, own) = (guarantee.epsilon_spent, own.transpose()?.flatten());
        measurements.push(Measurement { round, epsilon, evaluation, averaged, own, clip, metrics });
    }
    let wall = wall();
    let simulated = scenario.fleet.is_some().then(|| Duration::from_millis(fleet.now().0));
    observer.finished();
    let test_users = if leads { by_user(population, &fleet, &mut evaluate)? } else { Vec::new() };
    if let Some(split) = split {
        split.end(fleet.head())?;
    }
    let averaged = fleet.averaged_file()?;
    let phases = phases + clock.spent();
    let ((clip, metrics), evaluation, local) = (fleet.measured(), fleet.evaluated(), fleet.local_spending());
    let (ledger, (model, model_digest)) = fleet.into_files();
    let (model, model_digest, averaged, released_part) = if scenario.task.is_partial() {
        let put_together = |part: &[u8]| beginning.put_together(part).map_err(StartError::from);
        let (whole, averaged) = (put_together(&model)?, averaged.as_deref().map(put_together).transpose()?);
        let digest = Digest::of(&whole);
        (whole, digest, averaged, Some(model))
    } else {
        (model, model_digest, averaged, None)
    };
    Ok(Finished {
        outcome,
        rounds: released.unwrap_or(0),
        schedule,
        guarantee,
        clip,
        metrics,
        evaluation,
        local,
        ledger,
        model,
        model_digest,
        released: released_part,
        averaged,
        test_users,
        measurements,
        history,
        devices: population.devices(),
        wall,
        phases,
        accelerator: options.accelerator,
        simulated,
    })
}

/// How good the trainer says that a model is.
fn quality<T: Trainer<Data = Examples>>(
    trainer: &mut T,
    params: &Params,
    examples: &Examples,
) -> Result<Evaluation, SimError> {
    let measured = trainer.measure(params, examples).map_err(|error| SimError::Trainer(Box::new(error)))?;
    let LocalMetrics { loss, accuracy } = measured.ok_or(SimError::Unmeasured)?;
    Ok(Evaluation { loss, accuracy, examples: examples.len() })
}

/// Quality of what a task leaves on each user's test examples, with layers of the user's own where there are such. Users without any
/// examples are left out.
fn by_user(
    population: &Population,
    fleet: &Fleet<'_>,
    evaluate: &mut Judge<'_>,
) -> Result<Vec<(DeviceId, Evaluation)>, SimError> {
    let params = fleet.averaged().map_or_else(|| fleet.params(), Arc::new);
    let own = fleet.own_layers().map(|own| own.by_name(population)).transpose()?.unwrap_or_default();
    let tested = population.test_users().iter().filter(|user| !user.indices.is_empty());
    let evaluated = tested.map(|user| {
        let examples = population.test().slice(user.indices.clone());
        Ok((user.name.clone(), evaluate(&params, own.get(&user.name).copied(), &examples)?))
    });
    evaluated.collect()
}

#[cfg(test)]
mod tests;
