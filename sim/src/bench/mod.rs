//! How fast this machine is at what a run is made of: `murmur-sim bench`.

mod floor;
mod noise;
mod train;

pub use noise::{NoiseArguments, NoiseMechanism};
pub use train::{TimedModel, TrainArguments};

use clap::Subcommand;
use murmur_privacy::noise::{EntropyError, ScaleOutOfRange};
use serde_json::Value;
use thiserror::Error;

use crate::{SimError, ranks::Ranks};

/// What can be timed.
#[derive(Debug, Subcommand)]
pub enum Benchmark {
    /// Samples of noise per second, with OpenDP's rate beside it.
    Noise(NoiseArguments),
    /// Devices per second of a whole simulation, with what this machine's arithmetic would allow beside it.
    Train(TrainArguments),
}

/// A measurement for scripts and the same for people.
#[derive(Debug)]
pub struct Timing {
    /// One object.
    pub json: Value,
    /// Lines.
    pub text: String,
}

/// Nothing was timed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// No such noise.
    #[error(transparent)]
    Scale(#[from] ScaleOutOfRange),
    /// No key for the noise.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The other library refuses.
    #[error("opendp refuses: {0}")]
    OpenDp(opendp::error::Error),
    /// The simulation that was to be timed cannot be run.
    #[error(transparent)]
    Simulation(#[from] SimError),
}

impl Benchmark {
    /// Whether the measurement is wanted as JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        match self {
            Self::Noise(arguments) => arguments.json,
            Self::Train(arguments) => arguments.json,
        }
    }

    /// Measures. These ranks train together: what rank 0 says then is of all of them, and the others say nothing.
    ///
    /// # Errors
    /// [`BenchError`] for what cannot be drawn, or cannot be drawn now.
    pub fn run(&self, ranks: Option<&dyn Ranks>) -> Result<Timing, BenchError> {
        match self {
            Self::Noise(arguments) => noise::run(arguments),
            Self::Train(arguments) => train::run(arguments, ranks),
        }
    }
}
