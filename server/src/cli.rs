//! The command line, as it is typed and as it is meant.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use murmur_privacy::units::{DeltaProbability, Epsilon};

/// Federated learning with differential privacy: the coordinator.
///
/// Exit codes: 0 the task has run, 1 the privacy budget refuses the task or its next round, 2 an error, 130 interrupted
/// (the same command resumes).
#[derive(Debug, Parser)]
#[command(name = "murmur-server", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one task to its end, or resume it where the last process stopped.
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The task file.
    #[arg(long, value_name = "FILE")]
    pub(crate) task: PathBuf,
    /// Where the ledger, the models and the task are kept; made when it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// The enrolled devices: one id per line, `#` starts a comment.
    #[arg(long, value_name = "FILE")]
    pub(crate) devices: Option<PathBuf>,
    /// Address for devices; port 0 takes a free one. Only loopback, until devices have certificates.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7878")]
    pub(crate) listen: SocketAddr,
    /// Lifetime budget of a new population; without it the population gets what this task asks for.
    #[arg(long, value_name = "E", requires = "population_delta", allow_negative_numbers = true)]
    pub(crate) population_epsilon: Option<f64>,
    /// Lifetime failure probability of a new population.
    #[arg(long, value_name = "D", requires = "population_epsilon", allow_negative_numbers = true)]
    pub(crate) population_delta: Option<f64>,
    /// How long to go on telling devices that the task is over.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) linger_seconds: u32,
    /// Print the summary as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Serve {
    /// The address, if it is safe to listen there.
    pub(crate) fn loopback(&self) -> Result<SocketAddr> {
        if !self.listen.ip().is_loopback() {
            bail!(
                "--listen {}: only loopback addresses (127.0.0.1, [::1]) are served, because devices cannot prove yet who \
                 they are",
                self.listen
            );
        }
        Ok(self.listen)
    }

    /// The population's budget, if one was named.
    pub(crate) fn budget(&self) -> Result<Option<(Epsilon, DeltaProbability)>> {
        let Some((epsilon, delta)) = self.population_epsilon.zip(self.population_delta) else { return Ok(None) };
        Ok(Some((Epsilon::new(epsilon)?, DeltaProbability::new(delta)?)))
    }

    pub(crate) fn linger(&self) -> Duration {
        Duration::from_secs(self.linger_seconds.into())
    }
}
