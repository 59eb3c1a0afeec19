//! The command line, as it is typed and as it is meant.

mod device;
mod init;
mod ledger;
mod serve;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Federated learning with differential privacy: the coordinator.
///
/// Exit codes: 0 done, 1 the privacy budget refuses the task or its next round, 2 an error, 130 interrupted (the same command
/// resumes).
#[derive(Debug, Parser)]
#[command(name = "murmur-server", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the keys and certificates of a data directory: once, before anything else.
    Init(init::Init),
    /// Say who may take part.
    #[command(subcommand)]
    Device(device::Device),
    /// Look at what was spent.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Run one task to its end, or resume it where the last process stopped.
    Serve(serve::Serve),
}

/// Where everything is kept.
#[derive(Debug, Args)]
struct DataDirectory {
    /// Where keys, devices, ledgers, models and tasks are kept.
    #[arg(long = "data-dir", value_name = "DIR")]
    path: PathBuf,
}

impl Arguments {
    /// Does what was asked for; the exit code.
    pub(crate) fn run(&self) -> Result<u8> {
        match &self.command {
            Command::Init(init) => init.run(),
            Command::Device(device) => device.run(),
            Command::Ledger(ledger) => ledger.run(),
            Command::Serve(serve) => serve.run(),
        }
    }
}
