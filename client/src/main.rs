//! `murmur-client`: one device taking part in a coordinator's task.

mod cli;

use std::process::ExitCode;

// With glibc's allocator two training threads run no faster than one (docs/measurements.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
