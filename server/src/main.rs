//! `murmur-server`: one task, one population, one process.

mod cli;
mod summary;

use std::{io::IsTerminal, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use murmur_privacy::NoiseRng;
use murmur_round::task::{Schedule, Task};
use murmur_server::{Server, ServerError, devices, store::SqliteStore};
use tokio::net::TcpListener;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use cli::{Arguments, Command, Serve};
use summary::Summary;

/// The ledger said no.
const REFUSED: u8 = 1;
/// Something is broken, or was asked for wrongly.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    let Command::Serve(serve) = Arguments::parse().command;
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match run(&serve) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            let refused = error.downcast_ref::<ServerError>().is_some_and(ServerError::is_refusal);
            ExitCode::from(if refused { REFUSED } else { ERROR })
        }
    }
}

fn run(serve: &Serve) -> Result<u8> {
    let listen = serve.loopback()?;
    let Some(list) = &serve.devices else {
        bail!(
            "no devices are enrolled: enrolment is not built yet, so list the devices' ids in a file, one per line, and \
             pass it with --devices FILE"
        );
    };
    let devices = devices::read(list)?;
    let text = std::fs::read_to_string(&serve.task).with_context(|| serve.task.display().to_string())?;
    let named = || format!("task {}", serve.task.display());
    let task = Task::from_toml(&text).with_context(named)?;
    let schedule = Schedule::new(task, devices.len() as u64).with_context(named)?;
    let name = schedule.task().name.clone();
    let linger = serve.linger(schedule.task().participation.come_back());
    let store = SqliteStore::open(&serve.data_dir)?;
    let entropy = NoiseRng::from_operating_system()?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ending = runtime.block_on(async {
        // Before the ledger is touched: a port in use must cost nothing.
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let server = Server::open(schedule, devices, serve.budget()?, store, entropy)?;
        eprintln!("task {name}\n{}", server.guarantee()?);
        tracing::info!("listening on http://{}", listener.local_addr()?);
        Ok::<_, anyhow::Error>(server.serve(listener, linger, interrupted()).await?)
    })?;
    let summary = Summary::new(&name, &ending);
    if serve.json {
        println!("{}", serde_json::to_string(&summary)?)
    } else {
        print!("{summary}")
    }
    Ok(summary.exit_code())
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // No signal can ever come: the task's end ends the server.
        std::future::pending::<()>().await;
    }
    tracing::info!("interrupted: requests in flight are answered, then the server stops");
}
