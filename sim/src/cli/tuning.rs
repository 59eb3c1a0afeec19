//! `murmur-sim tune`: arguments in, a folder and a recommendation out.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use murmur_sim::{
    SimError,
    folder::REPORT,
    scenario::Overrides,
    tune::{self, Ended, Hands, Plan, Shard, TuneError, Tuned},
};
use serde_json::json;

use super::{
    DONE, INTERRUPTED, interrupt,
    terminal::{Label, label, say},
};
use crate::progress::SearchBar;

#[derive(Args)]
pub(crate) struct TuneArguments {
    /// Search file, or the name of a built-in search: `quickstart`.
    search: String,
    /// Folder of the search: trials, frontier, report and recommended task. One that holds trials of the same search is gone on with.
    /// Default: the search's name with `.tune`, here.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder with the data, for a population whose source is a folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File that the task starts from, instead of where the task or the scenario says that it lies.
    #[arg(long, value_name = "FILE")]
    pretrained: Option<PathBuf>,
    /// Seed to use instead of the scenario's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Simulations at once; the result does not depend on it. Default: all cores.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Run this part of the trials only: of a job array, each job another, all with the same --out (or with --merge afterwards).
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Take the trials of the same search from other folders, too.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    merge: Vec<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn tune(arguments: &TuneArguments, quiet: bool) -> anyhow::Result<u8> {
    let overrides = Overrides {
        data: arguments.data.clone(),
        seed: arguments.seed,
        pretrained: arguments.pretrained.clone(),
        task: None,
    };
    let plan = Plan::load(&arguments.search, &overrides)?;
    let folder = arguments.out.clone().unwrap_or_else(|| {
        let mut name = PathBuf::from(&arguments.search).file_stem().unwrap_or_default().to_owned();
        name.push(".tune");
        name.into()
    });
    let cores = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().context("the number of cores is unknown: give --threads")?,
    };
    let bar = SearchBar::new(quiet || arguments.json);
    let hands = Hands { cores, shard: arguments.shard, interrupt: Some(interrupt::heard()?) };
    let ended = tune::tune(&plan, &folder, &arguments.merge, hands, &bar);
    bar.finish();
    match ended {
        Err(TuneError::Simulation(SimError::Interrupted { .. })) => {
            let finished = tune::finished(&folder)?;
            let kept = format!(
                "{finished} trials are over and kept in {}: the same command goes on with the others",
                folder.display()
            );
            label(Label::Interrupted, &kept);
            if arguments.json {
                println!("{}", json!({ "outcome": "interrupted", "finished": finished, "folder": folder }));
            }
            return Ok(INTERRUPTED);
        }
        other => told(other?, &folder, arguments.json),
    }
    Ok(DONE)
}

fn told(ended: Ended, folder: &Path, json: bool) {
    match ended {
        Ended::Done(tuned) => {
            if json {
                let mut summary = tune::summary(&tuned);
                summary["folder"] = json!(folder);
                println!("{summary}");
            } else {
                say(&sentence(&tuned));
                println!("  written to  {} (open {REPORT} there)", folder.display());
            }
        }
        Ended::Incomplete { finished, missing } => {
            if json {
                println!(
                    "{}",
                    json!({ "outcome": "incomplete", "finished": finished, "missing": missing, "folder": folder })
                );
            } else {
                println!(
                    "this part is done: {finished} trials are over in {}; {missing} are missing before the search can go on: run the other \
                     shards, or the same command without --shard",
                    folder.display()
                );
            }
        }
    }
}

fn sentence(tuned: &Tuned) -> String {
    let mut text = format!("{:>10} {:>10} {:>21}  settings\n", "epsilon", "accuracy", "one more run (95 %)");
    for (index, candidate) in tuned.candidates.iter().enumerate() {
        let point = &candidate.point;
        let spread = format!("{:.2} to {:.2} %", 100.0 * point.accuracy_low, 100.0 * point.accuracy_high);
        text.push_str(&format!(
            "{}{:>9} {:>8.2} % {spread:>21}  {}{}\n",
            if index == tuned.recommended { '*' } else { ' ' },
            point.epsilon,
            100.0 * point.accuracy,
            point.settings,
            if point.scaled { " (scaled noise)" } else { "" }
        ));
    }
    let chosen = &tuned.candidates[tuned.recommended].point;
    text.push_str(&format!(
        "  recommended epsilon {}: {}\n  each from   {} runs on {} test examples outside the population\n",
        chosen.epsilon,
        tuned.why,
        chosen.runs.len(),
        chosen.examples
    ));
    if chosen.scaled {
        text.push_str(&format!(
            "  SCALED      {} devices stood for {}, under noise scaled to them: the same signal to noise, and cohorts that stray more\n",
            chosen.simulated_devices, chosen.deployed_devices
        ));
    }
    text.push_str(&format!(
        "  SIMULATED   the noise is seeded: these runs protect nobody\n  cost        {}",
        tuned.cost.statement
    ));
    text
}
