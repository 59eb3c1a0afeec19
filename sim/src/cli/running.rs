//! `murmur-sim run`: a scenario in, a result out, and on the way a place to go on from.

use std::{num::NonZeroUsize, path::PathBuf, sync::atomic::AtomicBool, time::Duration};

use anyhow::Context as _;
use clap::Args;
use murmur_client::Accelerator;
use murmur_round::coordinator::Outcome;
use murmur_sim::{
    SimError,
    folder::{Folder, Found, REPORT},
    output,
    population::Population,
    ranks::{self, Ranks, Start},
    run::{self, Course, Keep, Observer, Options, Silent},
    scenario::{Overrides, Scenario},
};
use serde_json::json;

use super::{
    DONE, ERROR, INTERRUPTED, REFUSED, interrupt,
    terminal::{Label, label, say},
};
use crate::progress::{Bar, waiting};

#[derive(Args)]
pub(super) struct RunArguments {
    /// Scenario file, or the name of a built-in scenario.
    #[arg(required_unless_present = "resume")]
    scenario: Option<String>,
    /// Go on with the run that was begun with --out for this folder and was killed: the same bits as if it never had been.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenario", "task", "data", "pretrained", "seed", "out"])]
    resume: Option<PathBuf>,
    /// Task file to run instead of the scenario's.
    #[arg(long, value_name = "FILE")]
    task: Option<PathBuf>,
    /// Folder with the data, for a population whose source is a folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File that the task starts from, instead of where the task or the scenario says that it lies.
    #[arg(long, value_name = "FILE")]
    pretrained: Option<PathBuf>,
    /// Stop after this many rounds; nothing else changes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Seed to use instead of the scenario's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads that train; the result does not depend on it. Default: all cores.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Train cohorts on an accelerator (wgpu, cuda; processor to compare with), many devices at once: the same model up to rounding.
    #[arg(long, value_name = "NAME")]
    accelerator: Option<Accelerator>,
    /// New or empty folder for the model, the ledger, the rounds and the resolved scenario.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &RunArguments, quiet: bool, ranks: Option<&dyn Ranks>) -> anyhow::Result<u8> {
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().context("the number of cores is unknown: give --threads")?,
    };
    let interrupt = interrupt::heard()?;
    match ranks.filter(|ranks| ranks.rank() > 0) {
        Some(ranks) => follow(ranks, threads, arguments.accelerator, interrupt),
        None => lead(arguments, quiet, threads, interrupt, ranks),
    }
}

/// What is to be run.
enum Run {
    Over(PathBuf, String),
    Begun { scenario: Box<Scenario>, folder: Option<Folder>, from: Option<Vec<u8>> },
}

impl Run {
    fn begin(arguments: &RunArguments) -> Result<Self, SimError> {
        if let Some(resume) = &arguments.resume {
            return Ok(match Folder::resume(resume)? {
                Found::Unfinished(scenario, folder, from) => Self::Begun { scenario, folder: Some(folder), from },
                Found::Finished(summary) => Self::Over(resume.clone(), summary),
            });
        }
        let reference = arguments.scenario.as_deref().unwrap_or_default();
        let overrides = Overrides {
            task: arguments.task.clone(),
            data: arguments.data.clone(),
            seed: arguments.seed,
            pretrained: arguments.pretrained.clone(),
        };
        let scenario = Scenario::load(reference, &overrides)?;
        // Before the run, not after it: nobody should train for an hour to hear that there is no place for the result.
        let folder = arguments.out.as_deref().map(Folder::claim).transpose()?;
        if let Some(folder) = &folder {
            folder.begin(&scenario)?;
        }
        Ok(Self::Begun { scenario: Box::new(scenario), folder, from: None })
    }
}

/// A rank beside rank 0: it runs what rank 0 says and is silent.
fn follow(
    ranks: &dyn Ranks,
    threads: NonZeroUsize,
    accelerator: Option<Accelerator>,
    interrupt: &AtomicBool,
) -> anyhow::Result<u8> {
    let Some(start) = Start::take(ranks)? else { return Ok(DONE) };
    let made = start.scenario().and_then(|scenario| Ok((Population::of(&scenario)?, scenario)));
    let (population, scenario) = ranks::told(Some(ranks), made)?;
    let options = Options { threads, stop_after: start.stop_after, accelerator };
    let course = Course { from: start.from, interrupt: Some(interrupt), ranks: Some(ranks), ..Course::default() };
    match run::run_along(&scenario, &population, &options, &mut Silent, course) {
        Ok(finished) => Ok(code(&finished.outcome)),
        Err(SimError::Interrupted { .. }) => Ok(INTERRUPTED),
        Err(error) => Err(error.into()),
    }
}

/// The one process, or rank 0 of several.
fn lead(
    arguments: &RunArguments,
    quiet: bool,
    threads: NonZeroUsize,
    interrupt: &AtomicBool,
    ranks: Option<&dyn Ranks>,
) -> anyhow::Result<u8> {
    let (scenario, folder, from) = match ranks::told(ranks, Run::begin(arguments))? {
        Run::Begun { scenario, folder, from } => (scenario, folder, from),
        Run::Over(folder, summary) => {
            ranks.map(Start::give_nothing).transpose()?;
            eprintln!("{}: this run is over already", folder.display());
            println!("{summary}");
            return Ok(DONE);
        }
    };
    let options = Options { threads, stop_after: arguments.rounds, accelerator: arguments.accelerator };
    let mut bar = Bar::new();
    let mut silent = Silent;
    let hidden = arguments.json || quiet;
    let observer: &mut dyn Observer = if hidden { &mut silent } else { &mut bar };
    let mut keep = |snapshot: &[u8]| folder.as_ref().map_or(Ok(()), |folder| folder.keep(snapshot));
    let keep = folder.is_some().then_some(&mut keep as &mut Keep<'_>);
    let given = ranks.map(|ranks| Start::give(ranks, &scenario, from.as_deref(), arguments.rounds)).transpose();
    let course = Course { from, keep, between: Duration::from_secs(1), interrupt: Some(interrupt), ranks };
    let named = arguments.out.as_ref().or(arguments.resume.as_ref());
    let made = given
        .and_then(|_| ranks::told(ranks, waiting("making the devices' data", hidden, || Population::of(&scenario))));
    let finished = match made.and_then(|population| run::run_along(&scenario, &population, &options, observer, course))
    {
        Ok(finished) => finished,
        Err(error) => {
            // What never got as far as a round leaves nothing to go on with.
            let kept = folder.as_ref().is_some_and(Folder::give_up_unless_begun);
            let SimError::Interrupted { rounds } = error else { return Err(error.into()) };
            interrupted(rounds, named.filter(|_| kept), arguments);
            return Ok(INTERRUPTED);
        }
    };
    if let Some(folder) = folder {
        waiting("drawing the report", hidden, || folder.fill(&scenario, &finished))?;
    }
    if arguments.json {
        println!("{}", output::summary(&scenario, &finished)?);
    } else {
        say(&output::sentence(&finished));
        if let Some(folder) = named {
            println!("  written to  {} (open {REPORT} there)", folder.display());
        }
    }
    Ok(code(&finished.outcome))
}

fn code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::BudgetExhausted => REFUSED,
        Outcome::Completed | Outcome::StoppedEarly => DONE,
        Outcome::Failed(_) => ERROR,
    }
}

/// Says how far it came, and how it goes on.
fn interrupted(rounds: u32, kept: Option<&PathBuf>, arguments: &RunArguments) {
    let how = match kept {
        Some(folder) => format!("`murmur-sim run --resume {}` goes on from there", folder.display()),
        None if arguments.out.is_some() || arguments.resume.is_some() => "nothing was kept yet".to_owned(),
        None => "nothing was kept; a run with --out DIR can be gone on with".to_owned(),
    };
    label(Label::Interrupted, &format!("after {rounds} rounds: {how}"));
    if arguments.json {
        println!("{}", json!({ "outcome": "interrupted", "simulated": true, "rounds": rounds, "resume": kept }));
    }
}
