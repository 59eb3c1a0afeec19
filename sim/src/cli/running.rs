//! `murmur-sim run`: a scenario in, a result out, and on the way a place to go on from.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use murmur_round::coordinator::Outcome;
use murmur_sim::{
    SimError,
    folder::{Folder, Found, REPORT},
    output,
    population::Population,
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
    /// New or empty folder for the model, the ledger, the rounds and the resolved scenario.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &RunArguments, quiet: bool) -> anyhow::Result<u8> {
    let (scenario, folder, from) = match &arguments.resume {
        Some(resume) => match Folder::resume(resume)? {
            Found::Unfinished(scenario, folder, from) => (*scenario, Some(folder), from),
            Found::Finished(summary) => {
                eprintln!("{}: this run is over already", resume.display());
                println!("{summary}");
                return Ok(DONE);
            }
        },
        None => {
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
            (scenario, folder, None)
        }
    };
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().context("the number of cores is unknown: give --threads")?,
    };
    let options = Options { threads, stop_after: arguments.rounds };
    let mut bar = Bar::new();
    let mut silent = Silent;
    let hidden = arguments.json || quiet;
    let observer: &mut dyn Observer = if hidden { &mut silent } else { &mut bar };
    let mut keep = |snapshot: &[u8]| folder.as_ref().map_or(Ok(()), |folder| folder.keep(snapshot));
    let keep = folder.is_some().then_some(&mut keep as &mut Keep<'_>);
    let course = Course { from, keep, between: Duration::from_secs(1), interrupt: Some(interrupt::heard()?) };
    let named = arguments.out.as_ref().or(arguments.resume.as_ref());
    let finished = match waiting("making the devices' data", hidden, || Population::of(&scenario))
        .and_then(|population| run::run_along(&scenario, &population, &options, observer, course))
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
    Ok(match finished.outcome {
        Outcome::BudgetExhausted => REFUSED,
        Outcome::Completed | Outcome::StoppedEarly => DONE,
        Outcome::Failed(_) => ERROR,
    })
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
