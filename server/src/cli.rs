//! The command line, as it is typed and as it is meant.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use murmur_privacy::units::{DeltaProbability, Epsilon};
use murmur_round::time::Millis;

/// Even devices that were told to come back at once may have something to finish.
const LEAST_LINGER: Duration = Duration::from_secs(5);
/// What a device that comes back on time may need to get here.
const ON_THE_WAY: Duration = Duration::from_secs(1);

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
    /// How long to go on telling devices that the task is over. Without it: as long as any of them may have been told to
    /// stay away (a tenth of the task's window, at most 30 seconds) and a second for the way, but at least 5 seconds.
    #[arg(long, value_name = "N")]
    pub(crate) linger_seconds: Option<u32>,
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

    /// How long the server stays after the task's end. `come_back` is the longest that a device was told to stay away.
    pub(crate) fn linger(&self, come_back: Millis) -> Duration {
        match self.linger_seconds {
            Some(seconds) => Duration::from_secs(seconds.into()),
            None => (Duration::from_millis(come_back.0) + ON_THE_WAY).max(LEAST_LINGER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_being_told_the_server_outstays_every_device_it_sent_away() {
        let linger = |more: &[&str], come_back| {
            let typed = ["murmur-server", "serve", "--task", "task.toml", "--data-dir", "data"];
            let Command::Serve(serve) = Arguments::try_parse_from(typed.iter().chain(more)).unwrap().command;
            serve.linger(Millis(come_back)).as_millis()
        };
        assert_eq!(linger(&[], 50), 5_000);
        assert_eq!(linger(&[], 30_000), 31_000);
        assert_eq!(linger(&["--linger-seconds", "0"], 30_000), 0);
        assert_eq!(linger(&["--linger-seconds", "7"], 50), 7_000);
    }
}
