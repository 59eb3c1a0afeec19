//! `murmur-sim`: run a private federated task on virtual devices, or check what it would promise.

mod cli;
mod progress;

use std::process::ExitCode;

// With glibc's allocator two training threads run no faster than one (docs/measurements.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
