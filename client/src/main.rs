//! `murmur-client`: one device.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use murmur_client::{
    Drawn, Examples,
    data::{Audio, Dataset, Standardise, Table, Text, load_audio, load_folder, load_table, load_text},
    link::{Access, Address, Course, LocalBudget, Policy, State, enrol, take_part},
};
use murmur_privacy::units::{DeltaProbability, Epsilon};
use murmur_round::device_id::DeviceId;
use tokio::runtime::Runtime;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Training frees and takes large buffers at every step; glibc would go to the kernel for each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Federated learning with differential privacy: the device.
///
/// Exit codes: 0 done, 2 an error.
#[derive(Debug, Parser)]
#[command(name = "murmur-client", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Become known to a coordinator, with a one-time token.
    Enroll(Enroll),
    /// Take part in what a coordinator works on: an enrolled device until it is stopped, through restarts of its coordinator.
    Run(Run),
}

#[derive(Debug, Args)]
struct Enroll {
    /// The coordinator, as https://HOST:PORT.
    #[arg(long, value_name = "URL")]
    server: Address,
    /// By this the coordinator proves who it is: its device-ca.pem.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The token. Whoever did not hear the answer may use it again, with the same --state.
    #[arg(long, value_name = "TOKEN")]
    token: String,
    /// Where key and certificate are kept; made when it is not there.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Enrol the device of --state again, under a new key, with a token for this device.
    #[arg(long)]
    again: bool,
    /// Print who the device is as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Run {
    /// Where `enroll` kept this device's key and certificate.
    #[arg(long, value_name = "DIR", required_unless_present = "insecure_loopback")]
    state: Option<PathBuf>,
    /// The coordinator, if it is elsewhere than when the device enrolled.
    #[arg(long, value_name = "URL", required_unless_present = "state")]
    server: Option<Address>,
    /// Talk to a coordinator on this machine without TLS, which believes whoever asks: for trials.
    #[arg(long, requires = "device_id", conflicts_with = "state")]
    insecure_loopback: bool,
    /// With --insecure-loopback: who this device says that it is.
    #[arg(long, value_name = "ID", requires = "insecure_loopback")]
    device_id: Option<DeviceId>,
    /// What this device agrees to; without it, policy.toml in its --state, if there is one, and else to everything.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// End when one update of this device was counted.
    #[arg(long)]
    once: bool,
    /// A folder of IDX or LEAF files or of JSON lines of text that knows this device's user, a .toml that describes a table, lines of text or
    /// recordings, or what a program draws: `strokes` (handwriting) or `app_usage` (which application is opened next).
    #[arg(long, value_name = "DIR|strokes|app_usage")]
    data: String,
    /// With a folder: the user whose examples these are (one called like the device).
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// With `--data strokes` or `app_usage`: how many examples this device has (20).
    #[arg(long, value_name = "N")]
    samples: Option<u32>,
    /// With `--data strokes` or `app_usage`: the seed of the population (0).
    #[arg(long, value_name = "N")]
    data_seed: Option<u64>,
    /// What this device may spend on randomising its own updates, in its whole life, for tasks with [privacy.local]. Fixed when it
    /// is first given, and kept in --state (with --insecure-loopback: for as long as the process lives).
    #[arg(long, value_name = "EPSILON")]
    local_epsilon: Option<f64>,
    /// The failure probability that goes with it; without one, mechanisms that have one are refused.
    #[arg(long, value_name = "DELTA", requires = "local_epsilon")]
    local_delta: Option<f64>,
    /// Print how it ended as one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let done = match &command {
        Command::Enroll(arguments) => enroll(arguments),
        Command::Run(arguments) => run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn enroll(arguments: &Enroll) -> Result<()> {
    let Enroll { server, ca, token, state, again, .. } = arguments;
    let state = runtime()?.block_on(enrol(server, ca, token, state, *again))?;
    let (device, population) = (state.device(), state.population());
    if arguments.json {
        println!("{}", serde_json::json!({ "device": device.as_str(), "population": population }));
    } else {
        println!("device {device}: enrolled in population {population}");
    }
    Ok(())
}

fn run(arguments: &Run) -> Result<()> {
    let (mut access, patient, beside) = access(arguments)?;
    if let Some(budget) = local_budget(arguments)? {
        access = access.with_local_budget(budget);
    }
    let policy = match (&arguments.policy, beside) {
        (Some(path), _) => Policy::read(path)?,
        (None, Some(path)) if path.exists() => Policy::read(&path)?,
        (None, _) => Policy::default(),
    };
    let course = Course { patient, once: arguments.once, policy };
    let device = access.device().clone();
    let examples = Arc::new(examples(arguments, &device)?);
    runtime()?.block_on(take_part(access, examples, course))?;
    if arguments.json {
        println!("{}", serde_json::json!({ "device": device.as_str(), "outcome": "finished" }));
    } else {
        println!(
            "device {device}: {}",
            if arguments.once { "one update was counted, or the task is over" } else { "the task is over" }
        );
    }
    Ok(())
}

/// Who the device is, and to whom; whether it goes on whatever happens, and where its policy may be.
fn access(arguments: &Run) -> Result<(Access, bool, Option<PathBuf>)> {
    let Run { state, server, device_id, .. } = arguments;
    match (state, server, device_id) {
        (Some(folder), server, _) => {
            let mut state = State::open(folder)?;
            if let Some(server) = server {
                state.set_server(server.clone())?;
            }
            let policy = state.policy_path();
            Ok((Access::enrolled(state), true, Some(policy)))
        }
        (None, Some(server), Some(device)) => {
            Ok((Access::insecure_loopback(server.clone(), device.clone())?, false, None))
        }
        (None, ..) => {
            bail!("name the folder of an enrolled device with --state, or --insecure-loopback with --device-id")
        }
    }
}

/// What the device may spend on randomising its own updates.
fn local_budget(arguments: &Run) -> Result<Option<LocalBudget>> {
    let Some(epsilon) = arguments.local_epsilon else { return Ok(None) };
    let epsilon = Epsilon::new(epsilon).context("--local-epsilon")?;
    let delta = arguments.local_delta.map(DeltaProbability::new).transpose().context("--local-delta")?;
    Ok(Some(LocalBudget { epsilon, delta }))
}

/// The device's own examples.
fn examples(arguments: &Run, device: &DeviceId) -> Result<Examples> {
    if let Some(drawn) = Drawn::named(&arguments.data) {
        if arguments.user.is_some() {
            bail!("--user goes with --data DIR; {} are drawn for the device itself", arguments.data);
        }
        let samples = arguments.samples.unwrap_or(20);
        return Ok(drawn.examples(arguments.data_seed.unwrap_or(0), device, samples as usize));
    }
    if arguments.samples.is_some() || arguments.data_seed.is_some() {
        bail!(
            "--samples and --data-seed go with --data strokes or app_usage; a folder's users have the examples they have"
        );
    }
    let folder = Path::new(&arguments.data);
    let named = arguments.user.as_deref().unwrap_or(device.as_str());
    let dataset = dataset(folder)?;
    let users = dataset.users().with_context(|| {
        format!("{}: these data do not say which examples are whose: no user is called {named}", folder.display())
    })?;
    let user = users
        .iter()
        .find(|user| user.name.as_str() == named)
        .with_context(|| format!("{}: no user is called {named}; --user names another", folder.display()))?;
    Ok(dataset.train().slice(user.indices.clone()))
}

/// A folder, or a table, lines of text or recordings by their description.
fn dataset(path: &Path) -> Result<Dataset> {
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Ok(load_folder(path)?);
    }
    let named = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(named)?;
    let keys: toml::Table = toml::from_str(&text).with_context(named)?;
    let beside = |file: Option<&PathBuf>| {
        let file = file.with_context(|| format!("{}: path is missing: the file that it describes", path.display()))?;
        anyhow::Ok(path.parent().unwrap_or(Path::new("")).join(file))
    };
    // A table has a column of labels; lines of text have a field of texts; recordings have an index or names.
    if keys.contains_key("text") {
        let lines: Text = toml::from_str(&text).with_context(named)?;
        return Ok(load_text(&lines, &beside(lines.path.as_ref())?)?);
    }
    if keys.contains_key("index") || keys.contains_key("name") {
        let audio: Audio = toml::from_str(&text).with_context(named)?;
        return Ok(load_audio(&audio, &beside(audio.path.as_ref())?)?);
    }
    let table: Table = toml::from_str(&text).with_context(named)?;
    if table.standardise == Some(Standardise::Whole) {
        bail!(
            "{}: standardise = \"whole\" needs everybody's rows; a device has its own: write \"by_user\"",
            path.display()
        );
    }
    Ok(load_table(&table, &beside(table.path.as_ref())?)?)
}
