//! Why there is no frontier.

use std::path::PathBuf;

use thiserror::Error;

use crate::SimError;

/// A search that cannot be done, or not here.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TuneError {
    /// A file that is not TOML, has an unknown key, or lacks one: the text names it.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Neither a file nor a search that is built in.
    #[error("there is no file {reference:?}, and no built-in search of that name (there is: quickstart)")]
    NoSuchSearch {
        /// What was asked for.
        reference: String,
    },
    /// The folder holds the trials of another search.
    #[error("{}: trials of another search: results of two searches are never mixed; name another folder", folder.display())]
    OtherSearch {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder without a search.
    #[error("{}: no search: name a folder that `tune --out` left", folder.display())]
    NoSearch {
        /// The folder.
        folder: PathBuf,
    },
    /// A search that is not over.
    #[error("{}: the search is not over: go on with it by the command that began it", folder.display())]
    Unfinished {
        /// The folder.
        folder: PathBuf,
    },
    /// A trial that was kept and cannot be read.
    #[error("{}: a damaged trial, remove it to have it run again: {message}", path.display())]
    Damaged {
        /// The trial's file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No settings ran at one of the noise levels.
    #[error("nothing that was tried ran at {target}; the last to fail said: {why}")]
    NothingRan {
        /// The noise level.
        target: String,
        /// Why one of them did not.
        why: String,
    },
    /// The recommendation that was asked for is not on the frontier.
    #[error("no point of the frontier is to be recommended: {wanted}; the frontier is in {}", folder.display())]
    NothingToRecommend {
        /// What was asked for.
        wanted: String,
        /// Where it can be seen.
        folder: PathBuf,
    },
    /// A simulation failed.
    #[error(transparent)]
    Simulation(#[from] SimError),
}

impl TuneError {
    /// Whether this is a refusal (exit code 1) rather than an error (exit code 2).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::NothingToRecommend { .. } => true,
            Self::Simulation(error) => error.is_refusal(),
            _ => false,
        }
    }
}
