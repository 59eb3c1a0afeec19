//! The command line, as it is typed and as it is meant.

mod backup;
mod device;
mod init;
mod interruption;
mod ledger;
mod manual;
mod model;
mod operator;
mod page;
mod pretrained;
mod serve;
mod settings;
mod shown;
mod task;

pub(crate) use operator::Refused;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Federated learning with differential privacy: the coordinator.
///
/// Exit codes: 0 done, 1 the privacy budget refuses the task or its next round, 2 an error, 130 `serve --task` interrupted (the same
/// command resumes).
#[derive(Debug, Parser)]
#[command(name = "murmur-server", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How logs are written to standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// A collector of traces (OTLP over gRPC), as http://HOST:4317: it gets a span for each round.
    #[arg(long, global = true, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(crate) otlp: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the keys and certificates of a data directory: once, before anything else.
    Init(init::Init),
    /// Say who may take part.
    #[command(subcommand)]
    Device(device::Device),
    /// Say what is to be learnt, and look at how it goes. Asks the server that is running.
    #[command(subcommand)]
    Task(task::Task),
    /// Look at what was spent.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Look at what was released.
    #[command(subcommand)]
    Model(model::Model),
    /// Serve devices and operators, and work on every task that was created, until the process is told to stop.
    Serve(serve::Serve),
    /// Show the coordinator's page in a browser on this machine, without a certificate in the browser. It shows, and changes nothing.
    Page(page::Page),
    /// Write a snapshot of ledgers, tasks, devices and tokens to a new file, beside a running server or without one.
    Backup(backup::Backup),
    /// Put a snapshot in the place of what is there; no server may be running.
    Restore(backup::Restore),
    /// Print what a shell needs to complete these commands.
    Completions(manual::Completions),
    /// Write a manual page for every command.
    Man(manual::Man),
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
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
            Command::Task(task) => task.run(),
            Command::Model(model) => model.run(),
            Command::Serve(serve) => serve.run(),
            Command::Page(page) => page.run(),
            Command::Backup(backup) => backup.run(),
            Command::Restore(restore) => restore.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}
