//! `murmur-server`: the coordinator, and what its operator does beside it.

mod cli;
mod summary;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use murmur_server::ServerError;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The ledger said no.
const REFUSED: u8 = 1;
/// Something is broken, or was asked for wrongly.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    // Reads FAILPOINTS, and holds until the end.
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let arguments = cli::Arguments::parse();
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match arguments.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            let refused = error.downcast_ref::<ServerError>().is_some_and(ServerError::is_refusal);
            ExitCode::from(if refused { REFUSED } else { ERROR })
        }
    }
}
