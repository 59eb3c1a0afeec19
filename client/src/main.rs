//! `murmur-client`: one device.

use std::{io::IsTerminal, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use murmur_client::{
    Examples,
    data::load_folder,
    link::{Address, take_part},
    strokes,
};
use murmur_round::device_id::DeviceId;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Training frees and takes large buffers at every step; glibc would go to the kernel for each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Federated learning with differential privacy: the device.
///
/// Exit codes: 0 the task is over, 2 an error.
#[derive(Debug, Parser)]
#[command(name = "murmur-client", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take part in a coordinator's task until it is over.
    Run(Run),
}

#[derive(Debug, Args)]
struct Run {
    /// The coordinator, as http://127.0.0.1:PORT; only on this machine, until devices have certificates.
    #[arg(long, value_name = "URL")]
    server: Address,
    /// A folder of IDX or LEAF files that knows a user named like this device, or `strokes` for drawn handwriting.
    #[arg(long, value_name = "DIR|strokes")]
    data: String,
    /// Name under which this device is enrolled.
    #[arg(long, value_name = "ID")]
    device_id: DeviceId,
    /// With `--data strokes`: how many digits this device has written (20).
    #[arg(long, value_name = "N")]
    samples: Option<u32>,
    /// With `--data strokes`: the seed of the population's handwriting (0).
    #[arg(long, value_name = "N")]
    data_seed: Option<u64>,
    /// Print how it ended as one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let Command::Run(arguments) = Arguments::parse().command;
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Run) -> Result<()> {
    let device = &arguments.device_id;
    let examples = Arc::new(examples(arguments)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(take_part(&arguments.server, device.clone(), examples))?;
    if arguments.json {
        println!("{}", serde_json::json!({ "device": device.as_str(), "outcome": "finished" }));
    } else {
        println!("device {device}: the task is over");
    }
    Ok(())
}

/// The device's own examples.
fn examples(arguments: &Run) -> Result<Examples> {
    let device = &arguments.device_id;
    if arguments.data == "strokes" {
        let samples = arguments.samples.unwrap_or(20);
        return Ok(strokes::writer(arguments.data_seed.unwrap_or(0), device, samples as usize));
    }
    if arguments.samples.is_some() || arguments.data_seed.is_some() {
        bail!("--samples and --data-seed go with --data strokes; a folder's users have the examples they have");
    }
    let folder = Path::new(&arguments.data);
    let dataset = load_folder(folder)?;
    let users = dataset.users().with_context(|| {
        format!("{}: these data do not say which examples are whose: no user is called {device}", folder.display())
    })?;
    let user = users
        .iter()
        .find(|user| user.name == *device)
        .with_context(|| format!("{}: no user is called {device}, as this device is", folder.display()))?;
    Ok(dataset.train().slice(user.indices.clone()))
}
