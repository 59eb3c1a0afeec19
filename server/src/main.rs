//! `murmur-server`: the coordinator, and what its operator does beside it.

mod cli;
mod summary;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;
use murmur_server::ServerError;
use telemetry::Telemetry;

/// Updates come and go by megabytes, and glibc would go to the kernel for each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The ledger said no.
const REFUSED: u8 = 1;
/// Something is broken, or was asked for wrongly.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    // Reads FAILPOINTS, and holds until the end.
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let arguments = cli::Arguments::parse();
    let telemetry = match Telemetry::begin(arguments.log_format, arguments.otlp.as_deref()) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(ERROR);
        }
    };
    let ended = arguments.run();
    telemetry.end();
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            let refused = error.downcast_ref::<ServerError>().is_some_and(ServerError::is_refusal)
                || error.downcast_ref::<cli::Refused>().is_some();
            ExitCode::from(if refused { REFUSED } else { ERROR })
        }
    }
}
