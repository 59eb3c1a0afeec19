//! The command line: raw arguments in, one validated request out, results on stdout.

mod interrupt;
mod reporting;
mod running;
pub(crate) mod terminal;
mod tuning;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use murmur_sim::{
    SimError,
    bench::Benchmark,
    budget::{Answer, BudgetError, Question},
    check,
    describe::Data,
    evaluate::Evaluate,
    explain::{Explain, ExplainError},
    mechanism::Mechanism,
    output,
    personalise::Personalise,
    ranks::{self, Ranks},
    scenario::Overrides,
    tune,
};
use serde_json::json;

use crate::progress::waiting;
use terminal::{Label, label, say};

/// Done.
const DONE: u8 = 0;
/// Refused: the budget does not allow it.
const REFUSED: u8 = 1;
/// Error.
const ERROR: u8 = 2;
/// Somebody pressed ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Simulates federated learning with differential privacy on virtual devices.
#[derive(Parser)]
#[command(name = "murmur-sim", version, about)]
struct Cli {
    /// Show no progress.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario: a file, or the built-in `quickstart`.
    Run(running::RunArguments),
    /// Search for the settings that an epsilon affords, and draw accuracy against epsilon.
    Tune(tuning::TuneArguments),
    /// Draw the report of a folder that `run --out` or `tune` left anew.
    Report(reporting::ReportArguments),
    /// Lay runs over one another, and say in what they differ.
    Compare(reporting::CompareArguments),
    /// Validate a task or scenario file and print its guarantee.
    Check(CheckArguments),
    /// How good a model is on test data, by user, and whether it is right as often as it says.
    Evaluate(Evaluate),
    /// What users gain by making a released model their own, on their devices.
    Personalise(Personalise),
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

impl Command {
    /// Whether several ranks can do it together.
    fn is_split(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Bench(Benchmark::Train(_)))
    }
}

#[derive(Args)]
struct CheckArguments {
    /// Task or scenario file, or the name of a built-in scenario.
    file: String,
    /// Folder with the data, for a scenario whose source is a folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File that the task starts from, instead of where the task or the scenario says that it lies.
    #[arg(long, value_name = "FILE")]
    pretrained: Option<PathBuf>,
    /// Enrolled devices to assume for a task. Default: the most its delta allows.
    #[arg(long, value_name = "N")]
    population: Option<u64>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn main() -> ExitCode {
    let Cli { quiet, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explained(&error),
    };
    // Left at the very end: until rank 0 has said everything, no other ends, which whatever started them might take for a failure.
    let ranks = command.is_split().then(ranks::join).flatten();
    let ranks = ranks.as_deref();
    let (json, result) = match command {
        Command::Run(arguments) => (arguments.json, running::run(&arguments, quiet, ranks)),
        Command::Tune(arguments) => (arguments.json, tuning::tune(&arguments, quiet)),
        Command::Report(arguments) => (false, reporting::report(&arguments, quiet)),
        Command::Compare(arguments) => (arguments.json, reporting::compare(&arguments)),
        Command::Check(arguments) => (arguments.json, check(&arguments, quiet)),
        Command::Budget(question) => {
            let answer = waiting("pricing", quiet || question.json(), || question.answer());
            let refused = answer.as_ref().is_err_and(BudgetError::is_refusal);
            return told(answer, question.json(), refused);
        }
        Command::Explain(asked) => {
            let answer = asked.answer();
            let refused = answer.as_ref().is_err_and(ExplainError::is_refusal);
            return told(answer, asked.json, refused);
        }
        Command::Evaluate(asked) => (asked.json, answered(asked.answer(), asked.json)),
        Command::Personalise(asked) => {
            let answer = waiting("training personal models", quiet || asked.json, || asked.answer());
            (asked.json, answered(answer, asked.json))
        }
        Command::Data(asked) => (asked.json(), answered(asked.answer(), asked.json())),
        Command::Mechanism(mechanism) => return told(mechanism.answer(), mechanism.json(), false),
        Command::Bench(benchmark) => (benchmark.json(), bench(&benchmark, quiet, ranks)),
    };
    let code = match result {
        Ok(code) => code,
        Err(error) if ranks::leads(ranks) => report(&error, json),
        Err(error) => failed(&error),
    };
    ExitCode::from(code)
}

fn check(arguments: &CheckArguments, quiet: bool) -> anyhow::Result<u8> {
    let (data, pretrained) = (arguments.data.clone(), arguments.pretrained.clone());
    let overrides = Overrides { data, pretrained, ..Overrides::default() };
    let checked = waiting("pricing", quiet || arguments.json, || {
        check::check(&arguments.file, &overrides, arguments.population)
    })?;
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
                "parameters_trained": task.local_layout().dimension(),
                "parameters_own": output::own_parameters(task),
                "ring_bits": schedule.grid().ring_bits(),
                "guarantee": checked.guarantee,
            })
        );
    } else {
        println!("{} {} is valid (task {})", checked.kind, task.name, schedule.hash());
        say(&output::promise(&checked.guarantee, schedule.population()));
        println!("  rounds      {} of {} are affordable", checked.affordable, task.rounds);
        if let Some(line) = output::trained(task) {
            println!("{line}");
        }
    }
    if checked.affordable < task.rounds {
        let affordable = checked.affordable;
        label(Label::Warning, &format!("the budget ends after round {affordable}; a run stops there with exit code 1"));
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
            say(&answer.text);
            DONE
        }
        Err(error) => {
            label(Label::of(refused), &error.to_string());
            if json && refused {
                println!("{}", json!({ "outcome": "refused", "error": error.to_string() }));
            }
            if refused { REFUSED } else { ERROR }
        }
    };
    ExitCode::from(code)
}

fn bench(benchmark: &Benchmark, quiet: bool, ranks: Option<&dyn Ranks>) -> anyhow::Result<u8> {
    let leads = ranks::leads(ranks);
    let hidden = quiet || benchmark.json() || !leads;
    let timing = waiting("measuring", hidden, || benchmark.run(ranks))?;
    if !leads {
        return Ok(DONE);
    }
    if benchmark.json() {
        println!("{}", timing.json);
    } else {
        println!("{}", timing.text);
    }
    Ok(DONE)
}

fn report(error: &anyhow::Error, json: bool) -> u8 {
    let (code, refused) = (failed(error), failed(error) == REFUSED);
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    label(Label::of(refused), &causes.join(": "));
    if json && refused {
        println!("{}", json!({ "outcome": "refused", "simulated": true, "error": causes.join(": ") }));
    }
    code
}

/// The exit code of an error.
fn failed(error: &anyhow::Error) -> u8 {
    let refused = error.downcast_ref::<SimError>().is_some_and(SimError::is_refusal)
        || error.downcast_ref::<tune::TuneError>().is_some_and(tune::TuneError::is_refusal);
    if refused { REFUSED } else { ERROR }
}

/// Prints what clap says of the arguments: of several ranks, one does.
fn explained(error: &clap::Error) -> ExitCode {
    let ranks = error.use_stderr().then(ranks::join).flatten();
    if ranks::leads(ranks.as_deref()) {
        // Nobody is there to be told that nobody is there.
        let _ = error.print();
    }
    ExitCode::from(if error.use_stderr() { ERROR } else { DONE })
}
