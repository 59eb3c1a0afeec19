//! `model`: what was released, read beside a running server or without one.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use murmur_privacy::Digest;
use murmur_round::{
    beginning::whole_model,
    checkpoint::{Manifest, read_manifest},
    optimizer::Averaging,
    task::Task,
};
use murmur_server::{
    releases::{Release, releases},
    store::sqlite::Reader,
};
use serde::Serialize;
use serde_json::json;

use super::DataDirectory;

#[derive(Debug, Subcommand)]
pub(super) enum Model {
    /// Show every model that was released, and the averages that tasks keep of theirs.
    List(List),
    /// Write a released model to a file: safetensors, with its manifest in the metadata. Where the task trains a part of a model only, that
    /// part is put together with the rest.
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
    /// Write the average of the task's models up to this one, as `[server] average` in the task says.
    #[arg(long)]
    average: bool,
    /// Print the model's manifest as one JSON object.
    #[arg(long)]
    json: bool,
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

/// A model that was released, and from whose devices it was learnt.
#[derive(Debug, Serialize)]
struct Released {
    #[serde(flatten)]
    release: Release,
    population: String,
}

/// The average of a task's models up to one of them.
#[derive(Debug, Serialize)]
struct Averaged {
    /// SHA-256 of the average's own file.
    model_sha256: Digest,
    task: Digest,
    population: String,
    /// The last round in it.
    round: u32,
    average: Averaging,
}

/// In the order of release, one population after the other.
fn released(reader: &Reader) -> Result<Vec<Released>> {
    let mut all = Vec::new();
    for population in reader.populations()? {
        let released = releases(&reader.entries(&population)?);
        all.extend(released.into_iter().map(|release| Released { release, population: population.clone() }));
    }
    Ok(all)
}

/// The file of a task's average after this release, where the task keeps one.
fn averaged(reader: &Reader, release: &Release) -> Result<Option<(Averaging, Vec<u8>)>> {
    let Release { model_sha256: model, task, .. } = *release;
    let Some(json) = reader.task(&task)? else { return Ok(None) };
    let task = Task::from_json(&json)?;
    let Some(average) = task.server().and_then(|server| server.average) else { return Ok(None) };
    let checkpoint = reader.checkpoint(&model)?.with_context(|| format!("the files of model {model} are gone"))?;
    // It is decoded under the name that the ledger gives it: another one is an error.
    let file = murmur_round::checkpoint::Checkpoint { digest: model, ..checkpoint }.averaged(&task)?;
    Ok(file.map(|file| (average, file)))
}

impl List {
    fn run(&self) -> Result<()> {
        let reader = Reader::open(&self.data.path)?;
        let all = released(&reader)?;
        let mut averages = Vec::new();
        // Of a task's models the last one stays.
        let last: BTreeMap<Digest, &Released> = all.iter().map(|one| (one.release.task, one)).collect();
        for (task, Released { release, population }) in last {
            if let Some((average, file)) = averaged(&reader, release)? {
                let (model_sha256, population) = (Digest::of(&file), population.clone());
                averages.push(Averaged { model_sha256, task, population, round: release.round, average });
            }
        }
        let mut out = BufWriter::new(io::stdout().lock());
        if self.json {
            writeln!(out, "{}", json!({ "models": all, "averages": averages }))?;
            return Ok(out.flush()?);
        }
        for Released { release: Release { model_sha256, task, round, .. }, population } in &all {
            writeln!(out, "{model_sha256}  task {task}  in {population}  round {round}")?;
        }
        for Averaged { model_sha256, task, population, round, average } in &averages {
            writeln!(out, "{model_sha256}  task {task}  in {population}  {} up to round {round}", words(*average))?;
        }
        Ok(out.flush()?)
    }
}

fn words(average: Averaging) -> String {
    match average {
        Averaging::Ema { decay } => format!("average with decay {decay}"),
        Averaging::Window { rounds } => format!("average of the last {rounds}"),
    }
}

impl Export {
    fn run(&self) -> Result<()> {
        let reader = Reader::open(&self.data.path)?;
        let starts = |digest: &Digest| digest.to_string().starts_with(&self.wanted.to_lowercase());
        let is_meant = |one: &Released| starts(&one.release.model_sha256) || starts(&one.release.task);
        let Some(Released { release, .. }) = released(&reader)?.into_iter().rfind(is_meant) else {
            bail!(
                "no released model, and no task with one, is called {:?}: `murmur-server model list` shows all",
                self.wanted
            );
        };
        let (model, file) =
            if self.average { self.averaged(&reader, &release)? } else { as_released(&reader, &release)? };
        let file = whole(&reader, &release, file)?;
        let manifest = read_manifest(&file)?;
        let mut out = fs::File::create_new(&self.out).with_context(|| self.out.display().to_string())?;
        out.write_all(&file).and_then(|()| out.sync_all()).with_context(|| self.out.display().to_string())?;
        self.print(model, &manifest)
    }

    fn averaged(&self, reader: &Reader, release: &Release) -> Result<(Digest, Vec<u8>)> {
        let Some((_, file)) = averaged(reader, release)? else {
            bail!("task {} keeps no average of its models: it would say so under [server]", release.task);
        };
        Ok((Digest::of(&file), file))
    }

    fn print(&self, model: Digest, manifest: &Manifest) -> Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string(&manifest)?)?;
            return Ok(());
        }
        let (path, round) = (self.out.display(), manifest.round.unwrap_or(0));
        let kind = manifest.average.map(|average| format!(", {} up to it", words(average))).unwrap_or_default();
        writeln!(out, "{path}: model {model} of task {}, round {round}{kind}", manifest.name)?;
        writeln!(out, "{}", manifest.guarantee)?;
        Ok(())
    }
}

/// The file with all the model's tensors, where it has only those that were trained.
fn whole(reader: &Reader, release: &Release, file: Vec<u8>) -> Result<Vec<u8>> {
    let json = reader.task(&release.task)?.with_context(|| format!("task {} is not kept here", release.task))?;
    let task = Task::from_json(&json)?;
    let pretrained = match task.file_beside() {
        Some(pretrained) => reader.pretrained(&pretrained.sha256)?,
        None => None,
    };
    Ok(whole_model(&task, file, pretrained.as_deref())?)
}

fn as_released(reader: &Reader, release: &Release) -> Result<(Digest, Vec<u8>)> {
    let model = release.model_sha256;
    let file = reader.model(&model)?.with_context(|| format!("the file of model {model} is gone"))?;
    let digest = Digest::of(&file);
    if digest != model {
        bail!("the file of model {model} has digest {digest}: it was damaged or edited");
    }
    Ok((model, file))
}
