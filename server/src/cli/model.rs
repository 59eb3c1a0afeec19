//! `model`: what was released, read beside a running server or without one.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use murmur_privacy::{Digest, ledger::Record};
use murmur_round::checkpoint::read_manifest;
use murmur_server::store::sqlite::Reader;
use serde::Serialize;
use serde_json::json;

use super::DataDirectory;

#[derive(Debug, Subcommand)]
pub(super) enum Model {
    /// Show every model that was released.
    List(List),
    /// Write a released model to a file: safetensors, with its manifest in the metadata.
    Export(Export),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    data: DataDirectory,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    data: DataDirectory,
    /// The model, or the task whose last one it is: a SHA-256 or the beginning of one.
    #[arg(value_name = "MODEL|TASK")]
    wanted: String,
    /// Where to; a file that is there is not overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print the model's manifest as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A model that was released.
#[derive(Debug, Serialize)]
struct Released {
    model_sha256: Digest,
    task: Digest,
    population: String,
    round: u32,
}

impl Model {
    pub(super) fn run(&self) -> Result<u8> {
        match self {
            Self::List(list) => list.run(),
            Self::Export(export) => export.run(),
        }?;
        Ok(0)
    }
}

/// In the order of release, one population after the other.
fn released(reader: &Reader) -> Result<Vec<Released>> {
    let mut all = Vec::new();
    for population in reader.populations()? {
        for entry in reader.entries(&population)? {
            if let Record::Released { task, round, model } = entry.record {
                all.push(Released { model_sha256: model, task, population: population.clone(), round });
            }
        }
    }
    Ok(all)
}

impl List {
    fn run(&self) -> Result<()> {
        let all = released(&Reader::open(&self.data.path)?)?;
        let mut out = BufWriter::new(io::stdout().lock());
        if self.json {
            writeln!(out, "{}", json!({ "models": all }))?;
        } else {
            for Released { model_sha256, task, population, round } in &all {
                writeln!(out, "{model_sha256}  task {task}  in {population}  round {round}")?;
            }
        }
        Ok(out.flush()?)
    }
}

impl Export {
    fn run(&self) -> Result<()> {
        let reader = Reader::open(&self.data.path)?;
        let starts = |digest: &Digest| digest.to_string().starts_with(&self.wanted.to_lowercase());
        let found = released(&reader)?.into_iter().rfind(|one| starts(&one.model_sha256) || starts(&one.task));
        let Some(Released { model_sha256: model, .. }) = found else {
            bail!(
                "no released model, and no task with one, is called {:?}: `murmur-server model list` shows all",
                self.wanted
            );
        };
        let file = reader.model(&model)?.with_context(|| format!("the file of model {model} is gone"))?;
        let digest = Digest::of(&file);
        if digest != model {
            bail!("the file of model {model} has digest {digest}: it was damaged or edited");
        }
        let manifest = read_manifest(&file)?;
        let mut out = fs::File::create_new(&self.out).with_context(|| self.out.display().to_string())?;
        out.write_all(&file).and_then(|()| out.sync_all()).with_context(|| self.out.display().to_string())?;
        if self.json {
            println!("{}", serde_json::to_string(&manifest)?);
        } else {
            println!(
                "{}: model {model} of task {}, round {}",
                self.out.display(),
                manifest.name,
                manifest.round.unwrap_or(0)
            );
            println!("{}", manifest.guarantee);
        }
        Ok(())
    }
}
