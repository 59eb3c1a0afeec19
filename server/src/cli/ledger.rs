//! `ledger`: what was spent, read beside a running server or without one.

mod show;

use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use murmur_server::{
    rollback::{TakenOver, reconcile},
    store::{SqliteStore, Store, sqlite::Reader},
};
use serde_json::json;

use super::DataDirectory;

#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Print a ledger as lines of JSON, one an entry, as `murmur-sim budget ledger FILE` reads them.
    Export(Export),
    /// Show every round that was charged, and what is reserved and left.
    Show(Several),
    /// Take over, where a ledger is behind the models that are there, the spends that it does not know. No server may be running.
    Reconcile(Several),
    /// Replay ledgers from the medium: their chains, and every rule that they must keep.
    Verify(Several),
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    data: DataDirectory,
    /// Whose ledger; may be left out where there is only one.
    #[arg(long, value_name = "P")]
    population: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Several {
    #[command(flatten)]
    data: DataDirectory,
    /// Whose ledger; without it, all of them.
    #[arg(long, value_name = "P")]
    population: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Ledger {
    pub(super) fn run(&self) -> Result<u8> {
        match self {
            Self::Export(export) => export.run(),
            Self::Show(several) => show::show(&several.ledgers()?, several.json),
            Self::Reconcile(several) => several.reconcile(),
            Self::Verify(several) => several.verify(),
        }?;
        Ok(0)
    }
}

impl Export {
    fn run(&self) -> Result<()> {
        let (folder, reader) = (self.data.path.display(), Reader::open(&self.data.path)?);
        let populations = reader.populations()?;
        let population = match (&self.population, populations.as_slice()) {
            (Some(named), all) if all.contains(named) => named,
            (None, [only]) => only,
            (Some(named), all) => bail!("{folder}: population {named:?} has no ledger; there are {all:?}"),
            (None, []) => bail!("{folder}: nothing was spent here yet"),
            (None, all) => bail!("{folder}: name one population with --population: {}", all.join(", ")),
        };
        let mut out = BufWriter::new(io::stdout().lock());
        for entry in reader.entries(population)? {
            writeln!(out, "{}", entry.to_line()?)?;
        }
        Ok(out.flush()?)
    }
}

impl Several {
    /// The ledgers asked for, with their populations. A population that has none yet has spent nothing.
    fn ledgers(&self) -> Result<Vec<(String, Vec<murmur_privacy::ledger::Entry>)>> {
        let reader = Reader::open(&self.data.path)?;
        let mut populations = reader.populations()?;
        if let Some(named) = &self.population {
            populations.retain(|population| population == named);
        }
        populations.into_iter().map(|population| Ok((population.clone(), reader.entries(&population)?))).collect()
    }

    fn reconcile(&self) -> Result<()> {
        let mut store = SqliteStore::open(&self.data.path)?;
        let mut populations = store.populations()?;
        // A ledger that is gone altogether is behind too.
        populations.extend(store.manifests()?.into_iter().map(|(_, manifest)| manifest.population));
        populations.sort_unstable();
        populations.dedup();
        if let Some(named) = &self.population {
            populations.retain(|population| population == named);
        }
        let taken = populations.iter().map(|population| reconcile(&mut store, population));
        let taken = taken.collect::<Result<Vec<_>, _>>()?;
        let mut out = io::stdout().lock();
        if self.json {
            let one = |taken: &TakenOver| json!({ "population": taken.population, "models": taken.models, "rounds_charged": taken.rounds });
            writeln!(out, "{}", json!({ "reconciled": taken.iter().map(one).collect::<Vec<_>>() }))?;
        } else {
            for TakenOver { population, models, rounds } in &taken {
                match models {
                    0 => writeln!(out, "{population}: nothing to take over")?,
                    _ => writeln!(
                        out,
                        "{population}: {rounds} rounds charged for {models} models that the ledger did not know"
                    )?,
                }
            }
        }
        Ok(())
    }

    fn verify(&self) -> Result<()> {
        let mut verified = Vec::new();
        for (population, entries) in self.ledgers()? {
            let named = || format!("the ledger of population {population:?}");
            let ledger = murmur_privacy::Ledger::replay(entries).with_context(named)?;
            verified.push(json!({ "population": population, "entries": ledger.length(), "head": ledger.head() }));
        }
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", json!({ "ledgers": verified }))?;
        } else {
            for one in &verified {
                let [population, entries, head] = ["population", "entries", "head"].map(|key| one[key].to_string());
                let text = |value: String| value.trim_matches('"').to_owned();
                writeln!(out, "{}: sound, {entries} entries, head {}", text(population), text(head))?;
            }
        }
        Ok(())
    }
}
