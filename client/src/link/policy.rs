//! What a device agrees to, whatever its coordinator says.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use murmur_privacy::units::{DeltaProbability, Epsilon};
use murmur_round::task::{Promise, Task};
use serde::Deserialize;
use thiserror::Error;

/// A device's policy, as its owner writes it in `policy.toml`. Every key may be left out; an unknown one is an error.
///
/// # Guarantee
/// No update is made for a task that the policy refuses. What a task promises is the coordinator's word, which a device cannot check; what
/// the device checks is that the word is good enough, and that the words of all tasks together are.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The weakest privacy that is accepted: the largest epsilon of one task, over all its rounds.
    #[serde(default)]
    pub largest_epsilon: Option<Epsilon>,
    /// The largest failure probability of one task.
    #[serde(default)]
    pub largest_delta: Option<DeltaProbability>,
    /// The largest epsilon that the device ever spends: over all tasks that it takes part in, by basic composition.
    #[serde(default)]
    pub lifetime_epsilon: Option<Epsilon>,
    /// Whether tasks are refused that publish what devices measure without noise.
    #[serde(default)]
    pub refuse_open_metrics: bool,
    /// A program and its arguments. The device asks for work only while it exits with 0: when it charges, or is on Wi-Fi, say.
    #[serde(default)]
    pub only_when: Option<Vec<String>>,
    /// After how many seconds that program is asked again.
    #[serde(default = "half_a_minute")]
    pub ask_again_seconds: u32,
}

fn half_a_minute() -> u32 {
    30
}

/// A file that is no policy.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// It says something else.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// Why a device takes no part in a task.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PolicyRefusal {
    /// Its privacy is too weak.
    #[error("its epsilon is {epsilon}, this device accepts at most {largest} (largest_epsilon)")]
    Epsilon {
        /// Of the task.
        epsilon: Epsilon,
        /// Of the policy.
        largest: Epsilon,
    },
    /// It may fail too easily.
    #[error("its delta is {delta:e}, this device accepts at most {largest:e} (largest_delta)")]
    Delta {
        /// Of the task.
        delta: f64,
        /// Of the policy.
        largest: f64,
    },
    /// The device has given what it gives.
    #[error(
        "its epsilon is {epsilon}, and this device has {spent} behind it of the {lifetime} that it ever spends (lifetime_epsilon)"
    )]
    Lifetime {
        /// Of the task.
        epsilon: Epsilon,
        /// Of all tasks before it.
        spent: Epsilon,
        /// Of the policy.
        lifetime: Epsilon,
    },
    /// It publishes measures in clear.
    #[error("it publishes what devices measure without noise, which this device does not accept (refuse_open_metrics)")]
    OpenMetrics,
}

impl Policy {
    /// The policy in a file.
    ///
    /// # Errors
    /// [`PolicyError`], naming the file and the key at fault.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let text = fs::read_to_string(path).map_err(|cause| PolicyError::Io { path: path.to_owned(), cause })?;
        let malformed = |what: String| PolicyError::Malformed { path: path.to_owned(), what };
        let policy: Self = toml::from_str(&text).map_err(|error| malformed(error.to_string().trim().to_owned()))?;
        match &policy.only_when {
            Some(command) if command.is_empty() => Err(malformed("only_when names no program".to_owned())),
            _ => Ok(policy),
        }
    }

    /// Whether the device may take part in this task, of which nothing is behind it yet, with `spent` behind it of others.
    ///
    /// # Errors
    /// [`PolicyRefusal`].
    pub fn check(&self, task: &Task, spent: Epsilon) -> Result<(), PolicyRefusal> {
        let epsilon = task.privacy.epsilon();
        if let Some(largest) = self.largest_epsilon.filter(|largest| epsilon > *largest) {
            return Err(PolicyRefusal::Epsilon { epsilon, largest });
        }
        if let Some(largest) = self.largest_delta {
            // Without a promise there is no delta: it is as if it were one.
            let delta = match task.privacy.promise {
                Promise::None => 1.0,
                Promise::Gaussian { delta, .. } => delta.get(),
            };
            if delta > largest.get() {
                return Err(PolicyRefusal::Delta { delta, largest: largest.get() });
            }
        }
        if self.refuse_open_metrics && task.privacy.metrics_are_open() {
            return Err(PolicyRefusal::OpenMetrics);
        }
        match self.lifetime_epsilon {
            Some(lifetime) if spent.get() + epsilon.get() > lifetime.get() => {
                Err(PolicyRefusal::Lifetime { epsilon, spent, lifetime })
            }
            _ => Ok(()),
        }
    }

    /// Whether the device may ask for work just now. A program that cannot be run says no.
    #[must_use]
    pub fn may_ask(&self) -> bool {
        let Some((program, arguments)) = self.only_when.as_ref().and_then(|command| command.split_first()) else {
            return true;
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.status() {
            Ok(status) => status.success(),
            Err(error) => {
                tracing::warn!("only_when: {program}: {error}");
                false
            }
        }
    }

    /// How long the device waits before it asks itself again whether it may ask.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_secs(self.ask_again_seconds.max(1).into())
    }
}

#[cfg(test)]
mod tests;
