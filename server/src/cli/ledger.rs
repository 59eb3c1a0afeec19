//! `ledger`: what was spent, read beside a running server or without one.

use std::io::{self, BufWriter, Write};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use murmur_server::store::sqlite::Reader;

use super::DataDirectory;

#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Print a ledger as lines of JSON, one an entry, as `murmur-sim budget ledger FILE` reads them.
    Export(Export),
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    data: DataDirectory,
    /// Whose ledger; may be left out where there is only one.
    #[arg(long, value_name = "P")]
    population: Option<String>,
}

impl Ledger {
    pub(super) fn run(&self) -> Result<u8> {
        let Self::Export(export) = self;
        export.run()?;
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
