//! `murmur-sim report` and `murmur-sim compare`: folders in, an HTML file or a table out.

use std::{collections::HashSet, fs, path::PathBuf};

use clap::Args;
use murmur_sim::{
    SimError,
    folder::{REPORT, Record},
    report,
    tune::{self, TuneError},
};

use super::{DONE, terminal::say};
use crate::progress::waiting;

#[derive(Args)]
pub(super) struct ReportArguments {
    /// Folder that `run --out` or `tune` left.
    folder: PathBuf,
    /// File to write. Default: `report.html` in the folder.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CompareArguments {
    /// Folders that `run --out` left.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// HTML file to write: the runs laid over one another.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn report(arguments: &ReportArguments, quiet: bool) -> anyhow::Result<u8> {
    let folder = arguments.folder.as_path();
    let html = waiting("drawing the report", quiet, || match tune::read(folder) {
        Ok(tuned) => Ok(report::search(&tuned).map_err(SimError::from)?),
        // No search: then a run.
        Err(TuneError::NoSearch { .. }) => Ok(report::run(&Record::read(folder)?).map_err(SimError::from)?),
        Err(error) => Err(anyhow::Error::from(error)),
    })?;
    let path = arguments.out.clone().unwrap_or_else(|| folder.join(REPORT));
    write(&path, &html)?;
    println!("{}", path.display());
    Ok(DONE)
}

pub(super) fn compare(arguments: &CompareArguments) -> anyhow::Result<u8> {
    let records = arguments.runs.iter().map(|run| Record::read(run)).collect::<Result<Vec<_>, _>>()?;
    let compared =
        report::compare(names(&arguments.runs).into_iter().zip(records).collect()).map_err(SimError::from)?;
    if let Some(path) = &arguments.out {
        write(path, &compared.html().map_err(SimError::from)?)?;
    }
    if arguments.json {
        println!("{}", compared.json());
    } else {
        say(&compared.text());
        if let Some(path) = &arguments.out {
            println!("  written to  {}", path.display());
        }
    }
    Ok(DONE)
}

/// The folders' own names, or their paths where two of them have the same.
fn names(runs: &[PathBuf]) -> Vec<String> {
    let short = |run: &PathBuf| run.file_name().map(|name| name.to_string_lossy().into_owned());
    let distinct: HashSet<_> = runs.iter().filter_map(short).collect();
    let path = |run: &PathBuf| run.display().to_string();
    runs.iter()
        .map(|run| if distinct.len() == runs.len() { short(run).unwrap_or_else(|| path(run)) } else { path(run) })
        .collect()
}

fn write(path: &PathBuf, html: &str) -> Result<(), SimError> {
    fs::write(path, html).map_err(|cause| SimError::File { path: path.clone(), cause })
}
