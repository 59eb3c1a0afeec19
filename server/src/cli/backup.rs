//! `backup` and `restore`: snapshots of what a data directory holds beside models and keys.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use murmur_server::store::sqlite;

use super::DataDirectory;

#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    data: DataDirectory,
    /// Where to; a file that is there is not overwritten. It holds secrets: who can read it can read the deployment.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    data: DataDirectory,
    /// What `backup` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Backup {
    pub(super) fn run(&self) -> Result<u8> {
        sqlite::backup(&self.data.path, &self.file)?;
        println!(
            "{}: ledgers, tasks, devices and tokens; models, keys and certificates are files of their own",
            self.file.display()
        );
        Ok(0)
    }
}

impl Restore {
    pub(super) fn run(&self) -> Result<u8> {
        sqlite::restore(&self.data.path, &self.file)?;
        println!(
            "{}: restored; `murmur-server ledger reconcile` takes over what was spent since",
            self.data.path.display()
        );
        Ok(0)
    }
}
