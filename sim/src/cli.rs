//! The command line: raw arguments in, one validated request out, results on stdout.

mod tuning;

use std::{num::NonZeroUsize, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use murmur_round::coordinator::Outcome;
use murmur_sim::{
    SimError,
    bench::Benchmark,
    budget::{Answer, BudgetError, Question},
    check,
    describe::Data,
    evaluate::Evaluate,
    explain::{Explain, ExplainError},
    folder::{Folder, Found},
    mechanism::Mechanism,
    output,
    population::Population,
    run::{self, Course, Keep, Observer, Options, Silent},
    scenario::{Overrides, Scenario},
    tune,
};
use serde_json::json;

use crate::progress::Bar;

/// Done.
const DONE: u8 = 0;
/// Refused: the budget does not allow it.
const REFUSED: u8 = 1;
/// Error.
const ERROR: u8 = 2;

/// Simulates federated learning with differential privacy on virtual devices.
#[derive(Parser)]
#[command(name = "murmur-sim", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario: a file, or the built-in `quickstart`.
    Run(RunArguments),
    /// Search for the settings that an epsilon affords, and draw accuracy against epsilon.
    Tune(tuning::TuneArguments),
    /// Validate a task or scenario file and print its guarantee.
    Check(CheckArguments),
    /// How good a model is on test data, by user, and whether it is right as often as it says.
    Evaluate(Evaluate),
    /// What a data set holds.
    #[command(subcommand)]
    Data(Data),
    /// What a budget buys: epsilon, noise or rounds of a schedule, a plan, or a ledger's spending.
    #[command(subcommand)]
    Budget(Question),
    /// What a guarantee means: how well a device that took part can be told from one that did not.
    Explain(Explain),
    /// What a local randomiser runs with, its exact error and its promise.
    #[command(subcommand)]
    Mechanism(Mechanism),
    /// How fast this machine is at what a run is made of.
    #[command(subcommand)]
    Bench(Benchmark),
}

#[derive(Args)]
struct RunArguments {
    /// Scenario file, or the name of a built-in scenario.
    #[arg(required_unless_present = "resume")]
    scenario: Option<String>,
    /// Go on with the run that was begun with --out for this folder and was killed: the same bits as if it never had been.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenario", "task", "data", "seed", "out"])]
    resume: Option<PathBuf>,
    /// Task file to run instead of the scenario's.
    #[arg(long, value_name = "FILE")]
    task: Option<PathBuf>,
    /// Folder with the data, for a population whose source is a folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
    json: bool,
}

#[derive(Args)]
struct CheckArguments {
    /// Task or scenario file, or the name of a built-in scenario.
    file: String,
    /// Folder with the data, for a scenario whose source is a folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Enrolled devices to assume for a task. Default: the most its delta allows.
    #[arg(long, value_name = "N")]
    population: Option<u64>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let (json, result) = match cli.command {
        Command::Run(arguments) => (arguments.json, run(&arguments)),
        Command::Tune(arguments) => (arguments.json, tuning::tune(&arguments)),
        Command::Check(arguments) => (arguments.json, check(&arguments)),
        Command::Budget(question) => {
            let answer = question.answer();
            let refused = answer.as_ref().is_err_and(BudgetError::is_refusal);
            return told(answer, question.json(), refused);
        }
        Command::Explain(asked) => {
            let answer = asked.answer();
            let refused = answer.as_ref().is_err_and(ExplainError::is_refusal);
            return told(answer, asked.json, refused);
        }
        Command::Evaluate(asked) => (asked.json, answered(asked.answer(), asked.json)),
        Command::Data(asked) => (asked.json(), answered(asked.answer(), asked.json())),
        Command::Mechanism(mechanism) => return told(mechanism.answer(), mechanism.json(), false),
        Command::Bench(benchmark) => (benchmark.json(), bench(&benchmark)),
    };
    ExitCode::from(result.unwrap_or_else(|error| report(&error, json)))
}

fn run(arguments: &RunArguments) -> anyhow::Result<u8> {
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
            let overrides =
                Overrides { task: arguments.task.clone(), data: arguments.data.clone(), seed: arguments.seed };
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
    let observer: &mut dyn Observer = if arguments.json { &mut silent } else { &mut bar };
    let mut keep = |snapshot: &[u8]| folder.as_ref().map_or(Ok(()), |folder| folder.keep(snapshot));
    let keep = folder.is_some().then_some(&mut keep as &mut Keep<'_>);
    let course = Course { from, keep, between: Duration::from_secs(1) };
    let finished = match Population::of(&scenario)
        .and_then(|population| run::run_along(&scenario, &population, &options, observer, course))
    {
        Ok(finished) => finished,
        Err(error) => {
            // What never got as far as a round leaves nothing to go on with.
            if let Some(folder) = &folder {
                folder.give_up_unless_begun();
            }
            return Err(error.into());
        }
    };
    if let Some(folder) = folder {
        folder.fill(&scenario, &finished)?;
    }
    if arguments.json {
        println!("{}", output::summary(&scenario, &finished)?);
    } else {
        println!("{}", output::sentence(&finished));
        if let Some(folder) = arguments.out.as_ref().or(arguments.resume.as_ref()) {
            println!("  written to  {}", folder.display());
        }
    }
    Ok(match finished.outcome {
        Outcome::BudgetExhausted => REFUSED,
        Outcome::Completed | Outcome::StoppedEarly => DONE,
        Outcome::Failed(_) => ERROR,
    })
}

fn check(arguments: &CheckArguments) -> anyhow::Result<u8> {
    let overrides = Overrides { data: arguments.data.clone(), ..Overrides::default() };
    let checked = check::check(&arguments.file, &overrides, arguments.population)?;
    let (schedule, task) = (&checked.schedule, checked.schedule.task());
    if arguments.json {
        println!(
            "{}",
            json!({
                "kind": checked.kind,
                "name": task.name,
                "task": schedule.hash().to_string(),
                "population": schedule.population(),
                "rounds": task.rounds,
                "rounds_affordable": checked.affordable,
                "parameters": schedule.task().model.layout().dimension(),
                "ring_bits": schedule.grid().ring_bits(),
                "guarantee": checked.guarantee,
            })
        );
    } else {
        println!("{} {} is valid (task {})", checked.kind, task.name, schedule.hash());
        println!("{}", output::promise(&checked.guarantee, schedule.population()));
        println!("  rounds      {} of {} are affordable", checked.affordable, task.rounds);
    }
    if checked.affordable < task.rounds {
        eprintln!("warning: the budget ends after round {}; a run stops there with exit code 1", checked.affordable);
    }
    Ok(DONE)
}

/// Prints an answer of the simulator's own.
fn answered(answer: Result<Answer, SimError>, json: bool) -> anyhow::Result<u8> {
    let Answer { json: object, text } = answer?;
    println!("{}", if json { object.to_string() } else { text });
    Ok(DONE)
}

/// Prints an answer, or why there is none.
fn told(answer: Result<Answer, impl std::fmt::Display>, json: bool, refused: bool) -> ExitCode {
    let code = match answer {
        Ok(answer) if json => {
            println!("{}", answer.json);
            DONE
        }
        Ok(answer) => {
            println!("{}", answer.text);
            DONE
        }
        Err(error) => {
            eprintln!("{}: {error}", if refused { "refused" } else { "error" });
            if json && refused {
                println!("{}", json!({ "outcome": "refused", "error": error.to_string() }));
            }
            if refused { REFUSED } else { ERROR }
        }
    };
    ExitCode::from(code)
}

fn bench(benchmark: &Benchmark) -> anyhow::Result<u8> {
    let timing = benchmark.run()?;
    if benchmark.json() {
        println!("{}", timing.json);
    } else {
        println!("{}", timing.text);
    }
    Ok(DONE)
}

fn report(error: &anyhow::Error, json: bool) -> u8 {
    let refused = error.downcast_ref::<SimError>().is_some_and(SimError::is_refusal)
        || error.downcast_ref::<tune::TuneError>().is_some_and(tune::TuneError::is_refusal);
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    eprintln!("{}: {}", if refused { "refused" } else { "error" }, causes.join(": "));
    if json && refused {
        println!("{}", json!({ "outcome": "refused", "simulated": true, "error": causes.join(": ") }));
    }
    if refused { REFUSED } else { ERROR }
}
