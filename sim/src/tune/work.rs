//! Several simulations at once.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use murmur_round::{guarantee::Guarantee, task::Schedule};

use super::{
    TuneError,
    store::Store,
    trial::{Found, Point, Trial},
};
use crate::{
    SimError,
    population::Population,
    run::{self, Course, Finished, Measurement, Observer, Options},
};

/// How often a process looks whether another has finished a trial that both need.
const LOOK: Duration = Duration::from_millis(200);

/// A part of all trials, for one of several processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub number: NonZeroUsize,
    /// Of how many.
    pub of: NonZeroUsize,
}

impl Shard {
    /// Whether a stage's trial number `index`, from 0, is this shard's.
    fn has(self, index: usize) -> bool {
        index % self.of.get() == self.number.get() - 1
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("a shard is NUMBER/COUNT with NUMBER from 1 to COUNT, not {text:?}");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let parse = |text: &str| text.parse::<NonZeroUsize>().map_err(|_| wrong());
        let shard = Self { number: parse(number)?, of: parse(of)? };
        if shard.number <= shard.of { Ok(shard) } else { Err(wrong()) }
    }
}

/// Somebody who watches a search.
pub trait Watcher: Sync {
    /// So much work is behind, of so much in all, in trainings of one device.
    fn planned(&self, done: u64, all: u64);
    /// More of it is behind.
    fn worked(&self, more: u64);
    /// A trial is over; so many are now, of so many in all.
    fn trial(&self, found: &Found, done: usize, all: usize);
}

/// How a search is carried out. None of it changes its result.
#[derive(Clone, Copy, Debug)]
pub struct Hands<'a> {
    /// Processor cores to use: as many simulations run at once, each on one thread; the last ones share what is free.
    pub cores: NonZeroUsize,
    /// The part of the trials that is this process's.
    pub shard: Option<Shard>,
    /// Somebody sets this to have the search stop, with [`SimError::Interrupted`]: trials under way are dropped, those that are over stay.
    pub interrupt: Option<&'a AtomicBool>,
}

impl Hands<'_> {
    /// An error once somebody asked to stop.
    fn go_on(&self) -> Result<(), TuneError> {
        let asked = self.interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed));
        if asked { Err(SimError::Interrupted { rounds: 0 }.into()) } else { Ok(()) }
    }
}

/// What became of trials that another needs before anything else can begin.
pub(super) enum Together {
    /// All are over.
    All(HashMap<String, Found>),
    /// This process's part is; these, by their place in the stage, are missing, and nobody works on them now.
    Missing(Vec<usize>),
}

/// Runs what is not over yet of `trials`, several at once.
pub(super) fn run(
    store: &Store,
    trials: &[Trial],
    hands: Hands<'_>,
    watcher: &dyn Watcher,
    done_before: usize,
    all: usize,
) -> Result<Together, TuneError> {
    loop {
        let together = once(store, trials, hands, watcher, (done_before, all))?;
        // A claim may be missed while another process looks at it: then the trial is still there to be run.
        let mine = |index: usize| hands.shard.is_none_or(|shard| shard.has(index));
        match together {
            Together::Missing(missing) if missing.iter().any(|index| mine(*index)) => {}
            other => return Ok(other),
        }
    }
}

fn once(
    store: &Store,
    trials: &[Trial],
    hands: Hands<'_>,
    watcher: &dyn Watcher,
    (done_before, all): (usize, usize),
) -> Result<Together, TuneError> {
    let mine = |index: usize| hands.shard.is_none_or(|shard| shard.has(index));
    let mut open = Vec::new();
    let mut over = 0;
    for (index, trial) in trials.iter().enumerate() {
        match store.find(&trial.id)? {
            Some(_) => over += 1,
            None if mine(index) => open.push(trial),
            None => {}
        }
    }
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(done_before + over));
    let failed: Mutex<Option<TuneError>> = Mutex::new(None);
    let at_once = hands.cores.get().min(open.len());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(trial) = open.get(index) else { break };
                    // While there are as many trials as cores each has one: a simulation gains less than half from a second.
                    let left = open.len() - index;
                    let threads =
                        NonZeroUsize::new(hands.cores.get() / left.min(hands.cores.get())).unwrap_or(NonZeroUsize::MIN);
                    let claim = hands.go_on().and_then(|()| store.claim(&trial.id));
                    let result = claim.and_then(|claim| {
                        let Some(_claim) = claim else { return Ok(()) };
                        let found = simulate(trial, threads, hands.interrupt, watcher)?;
                        store.keep(&found)?;
                        watcher.trial(&found, done.fetch_add(1, Ordering::Relaxed) + 1, all);
                        Ok(())
                    });
                    if let Err(error) = result {
                        next.store(open.len(), Ordering::Relaxed);
                        if let Ok(mut failed) = failed.lock() {
                            failed.get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or(None) {
        return Err(error);
    }
    together(store, trials, hands)
}

/// Waits for trials that other processes work on.
fn together(store: &Store, trials: &[Trial], hands: Hands<'_>) -> Result<Together, TuneError> {
    loop {
        let (mut all, mut missing, mut waiting) = (HashMap::new(), Vec::new(), false);
        for (index, trial) in trials.iter().enumerate() {
            // First whether somebody works on it: it may be over in between.
            let claimed = store.is_claimed(&trial.id)?;
            match store.find(&trial.id)? {
                Some(found) => {
                    all.insert(trial.id.clone(), found);
                }
                None => {
                    missing.push(index);
                    waiting |= claimed;
                }
            }
        }
        if missing.is_empty() {
            return Ok(Together::All(all));
        }
        if !waiting {
            return Ok(Together::Missing(missing));
        }
        hands.go_on()?;
        thread::sleep(LOOK);
    }
}

fn simulate(
    trial: &Trial,
    threads: NonZeroUsize,
    interrupt: Option<&AtomicBool>,
    watcher: &dyn Watcher,
) -> Result<Found, TuneError> {
    let started = Instant::now();
    let mut told = Told { watcher, each: trial.work() / u64::from(trial.rounds().max(1)) };
    let options = Options { threads, stop_after: trial.stop_after, accelerator: None };
    let course = Course { interrupt, ..Course::default() };
    let ran = Population::of(&trial.scenario)
        .and_then(|population| run::run_along(&trial.scenario, &population, &options, &mut told, course));
    let seconds = started.elapsed().as_secs_f64();
    match ran {
        Ok(finished) if is_unmeasured(trial, &finished) => Err(SimError::OwnUnmeasured.into()),
        Ok(finished) => Ok(found(trial, &finished, seconds)),
        // These settings cannot be had; others may.
        Err(error) if error.is_refusal() || matches!(error, SimError::Schedule(_)) => Ok(Found {
            trial: trial.id.clone(),
            about: trial.about.clone(),
            rounds: 0,
            accuracy: None,
            loss: None,
            examples: 0,
            course: Vec::new(),
            own_epsilon: None,
            own_delta: None,
            refused: Some(error.to_string()),
            seconds,
        }),
        Err(error) => Err(error.into()),
    }
}

/// Whether devices have layers of their own, and nobody can say how good they are with those: nothing is chosen by what says nothing.
fn is_unmeasured(trial: &Trial, finished: &Finished) -> bool {
    let last = finished.measurements.last();
    trial.scenario.task.personal.is_some() && last.is_none_or(|measured| measured.own.is_none())
}

fn found(trial: &Trial, finished: &Finished, seconds: f64) -> Found {
    let last = finished.measurements.last();
    let point = |measured: &Measurement| Point {
        round: measured.round + 1,
        epsilon: measured.epsilon.get(),
        accuracy: measured.judged().accuracy,
        loss: measured.judged().loss,
    };
    Found {
        trial: trial.id.clone(),
        about: trial.about.clone(),
        rounds: finished.rounds,
        accuracy: last.map(|measured| measured.judged().accuracy),
        loss: last.map(|measured| measured.judged().loss),
        examples: last.map_or(0, |measured| measured.judged().examples as u64),
        course: finished.measurements.iter().map(point).collect(),
        own_epsilon: Some(finished.guarantee.epsilon.get()),
        own_delta: finished.guarantee.delta.map(murmur_privacy::units::DeltaProbability::get),
        refused: None,
        seconds,
    }
}

/// Tells of work while a simulation runs.
struct Told<'a> {
    watcher: &'a dyn Watcher,
    each: u64,
}

impl Observer for Told<'_> {
    fn started(&mut self, _: &Schedule, _: &Guarantee, _: Option<u32>) {}

    fn round(&mut self, _: u32, _: &Guarantee, _: Option<&Measurement>) {
        self.watcher.worked(self.each);
    }

    fn finished(&mut self) {}
}
