//! The command line of a device.

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use murmur_client::{
    Examples,
    data::load_folder,
    link::{Link, take_part},
    strokes,
};
use murmur_round::device_id::DeviceId;
use tracing_subscriber::EnvFilter;

/// A device of Murmur: trains on its own data and sends clipped, encoded updates to a coordinator.
#[derive(Parser)]
#[command(name = "murmur-client", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take part in a coordinator's task until it is over.
    Run(RunArguments),
}

#[derive(Args)]
struct RunArguments {
    /// Address of the coordinator: http://127.0.0.1:PORT (loopback only, until identity is built).
    #[arg(long, value_name = "URL")]
    server: String,
    /// Folder with this device's IDX or LEAF files, or `strokes` for synthetic handwriting.
    #[arg(long, value_name = "DIR|strokes")]
    data: String,
    /// Name under which this device is enrolled.
    #[arg(long, value_name = "ID")]
    device_id: DeviceId,
    /// Examples on this device, with `--data strokes`.
    #[arg(long, value_name = "N", default_value_t = 20)]
    samples: usize,
    /// Seed of the handwriting population, with `--data strokes`.
    #[arg(long, value_name = "N", default_value_t = 0)]
    data_seed: u64,
    /// Print one JSON object on stdout at the end.
    #[arg(long)]
    json: bool,
}

pub(crate) fn main() -> ExitCode {
    let Cli { command: Command::Run(arguments) } = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let id = arguments.device_id.clone();
    let examples = Arc::new(load(arguments, &id)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let taken = runtime.block_on(async {
        let link = Link::new(&arguments.server, id.clone())?;
        take_part(&link, id.clone(), examples).await
    })?;
    if arguments.json {
        println!("{}", serde_json::json!({ "device": id.as_str(), "rounds": taken.rounds, "outcome": "finished" }));
    } else {
        println!("{id}: the task is over, took part in {} rounds", taken.rounds);
    }
    Ok(())
}

/// This device's own examples. In a folder with natural users they are those of the user named like the device.
fn load(arguments: &RunArguments, id: &DeviceId) -> anyhow::Result<Examples> {
    if arguments.data == "strokes" {
        return Ok(strokes::writer(arguments.data_seed, id, arguments.samples));
    }
    let (train, users, _) = load_folder(Path::new(&arguments.data))?.into_parts();
    match users {
        None => Ok(train),
        Some(users) => match users.iter().find(|user| user.name == *id) {
            Some(user) => Ok(train.slice(user.indices.clone())),
            None => bail!("{}: none of its {} users is called {id:?}", arguments.data, users.len()),
        },
    }
}
