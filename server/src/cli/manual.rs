//! What the command line says about itself.

use std::{fs, io, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct Man {
    /// The folder that the pages are written to; made when it is not there. Without it, the first page goes to standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Completions {
    pub(super) fn run(&self) -> Result<u8> {
        clap_complete::generate(self.shell, &mut Arguments::command(), "murmur-server", &mut io::stdout());
        Ok(0)
    }
}

impl Man {
    pub(super) fn run(&self) -> Result<u8> {
        match &self.out {
            Some(folder) => {
                fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
                clap_mangen::generate_to(Arguments::command(), folder)?;
            }
            None => clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout())?,
        }
        Ok(0)
    }
}
