//! Why a simulation does not run.

use std::{convert::Infallible, error::Error, path::PathBuf};

use murmur_client::{TrainError, data::DataError};
use murmur_privacy::{ledger::LedgerError, local::ledger::LocalLedgerError};
use murmur_round::{
    checkpoint::CheckpointError, coordinator::StartError, device::DeviceError, evaluation::CandidateModelError,
    founding::FoundingError, pretrained::PretrainedFileError, task::TaskError,
};
use thiserror::Error;

use crate::{report::ReportError, scenario::bundled_names};

/// A defect of a scenario, its task or its data, or a refusal of the ledger.
#[derive(Debug, Error)]
pub enum SimError {
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Neither a file nor a scenario that is built in.
    #[error("there is no file {reference:?}, and no built-in scenario of that name (there is: {})", bundled_names().join(", "))]
    NoSuchScenario {
        /// What was asked for.
        reference: String,
    },
    /// A folder for results that holds something already.
    #[error("{}: not empty: results of two runs are never mixed; name a folder that is new or empty", folder.display())]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A path that names no folder of its own, such as `.` or `/`.
    #[error("{}: results need a folder of their own; name one that is new or empty", folder.display())]
    NoFolder {
        /// The path.
        folder: PathBuf,
    },
    /// A scenario that is not TOML, has an unknown key, or lacks one: the text names it.
    #[error("{}: {message}", path.display())]
    Scenario {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A task that cannot be run.
    #[error("{}: {cause}", path.display())]
    Task {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: TaskError,
    },
    /// The file that the task starts from is missing, or another.
    #[error(transparent)]
    Pretrained(#[from] PretrainedFileError),
    /// What a candidate of an evaluation begins with is missing, or another.
    #[error(transparent)]
    CandidateModel(Box<CandidateModelError>),
    /// A task that does not fit the population.
    #[error("the task does not fit the population: {0}")]
    Schedule(TaskError),
    /// Devices randomise their own updates, and nobody said what they may spend on that.
    #[error(
        "population.local_epsilon is missing: the task's [privacy.local] spends each device's own budget, of which nothing has a default"
    )]
    NoLocalBudget,
    /// Means and deviations of everybody's rows, and a promise.
    #[error(
        "{}: population.source.standardise = \"whole\" hands mean and deviation of everybody's rows to every device, which nothing pays \
         for: write \"by_user\", or mechanism = \"none\" in the task",
        path.display()
    )]
    StandardisedByAll {
        /// The scenario.
        path: PathBuf,
    },
    /// A run that cannot be gone on with.
    #[error("the unfinished run cannot be gone on with: {what}")]
    Snapshot {
        /// Why.
        what: String,
    },
    /// A run was begun for this folder and did not end.
    #[error("{}: an unfinished run: go on with it by --resume {}, or remove it", unfinished.display(), folder.display())]
    Unfinished {
        /// Where its results were to be.
        folder: PathBuf,
        /// Where it stands.
        unfinished: PathBuf,
    },
    /// A folder without a finished run.
    #[error("{}: no finished run: name a folder that `run --out` left", folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of a finished run that cannot be understood.
    #[error("{}: not as this version of murmur-sim writes it: {message}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The report cannot be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// So few devices are left, or are there at the same time, that no round opens any more.
    #[error(
        "after {rounds} rounds no further one opened in {hours:.1} hours of virtual time: one opens where at least {minimum} reports may be \
         expected (participation.minimum_reports), and the devices that still check in ({left} of {devices}), or those of them that are about \
         at one time, are too few. Lower that number, or give devices a larger budget of their own (population.local_epsilon) or more hours \
         (fleet.available)"
    )]
    NoRoundOpens {
        /// Rounds that were released.
        rounds: u32,
        /// Virtual hours since the last round opened.
        hours: f64,
        /// Reports that are expected at least of a round that opens.
        minimum: u32,
        /// Devices that check in again and again.
        left: u64,
        /// Devices in all.
        devices: u64,
    },
    /// Somebody asked it to stop.
    #[error("interrupted after {rounds} rounds")]
    Interrupted {
        /// Rounds that were released.
        rounds: u32,
    },
    /// Nothing was begun for this folder.
    #[error("{}: no run was begun for this folder: begin one by `run SCENARIO --out {}`", folder.display(), folder.display())]
    NothingToResume {
        /// The folder.
        folder: PathBuf,
    },
    /// A device's own ledger is broken.
    #[error(transparent)]
    LocalLedger(#[from] LocalLedgerError),
    /// The data cannot be loaded.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A population that cannot be made from the data.
    #[error("[population]: {0}")]
    Population(String),
    /// The budget refuses the task, or the ledger refuses an entry.
    #[error(transparent)]
    Founding(#[from] FoundingError<Infallible>),
    /// The ledger refuses.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The coordinator cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A virtual device refuses its assignment.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Local training or evaluation cannot be done.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The trainer of a run refuses, be it ours or an app's own.
    #[error(transparent)]
    Trainer(Box<dyn Error + Send + Sync>),
    /// The task trains a part of a model.
    #[error(
        "the task trains a part of a model only (pretrained.freeze or lora), which this trainer cannot: implement Trainer::adapt"
    )]
    WholeModelsOnly,
    /// A search has nothing to choose by.
    #[error(
        "devices keep layers of their own ([personal]), and the data do not say which test examples are whose: there is nothing to choose by. Use \
         data with users (partition \"natural\"), or a population that a program draws"
    )]
    OwnUnmeasured,
    /// Nobody could say whether anything is learnt.
    #[error(
        "the trainer does not say how well its model does on test examples: implement Trainer::measure (of a burn module Learner::measure)"
    )]
    Unmeasured,
    /// The coordinator failed.
    #[error("the run failed: {0}")]
    Failed(String),
    /// A thread that trains panicked, or is gone.
    #[error("a thread that trains ended early")]
    Worker,
    /// Another of the processes that carry a run out together could not go on.
    #[error("rank {rank}: {message}")]
    Rank {
        /// Which one.
        rank: usize,
        /// Why, in its own words.
        message: String,
        /// Whether the budget refused.
        refused: bool,
    },
    /// Ranks of one run came to different things.
    #[error(
        "the ranks of this run have come apart: start the same program on all of them, with the same files at the same paths"
    )]
    RanksApart,
    /// A file that is not the model expected.
    #[error("{}: {cause}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: CheckpointError,
    },
    /// Models that cannot be made personal.
    #[error("{what}")]
    Personal {
        /// Why, and what to do.
        what: String,
    },
    /// A model file that says nothing of its layers.
    #[error(
        "{}: no scenario.toml lies beside it: name a --scenario, or a --task whose [model] it is and the --data to test it on",
        path.display()
    )]
    UnknownModel {
        /// The file.
        path: PathBuf,
    },
    /// A picture cannot be drawn.
    #[error("the plot cannot be drawn: {0}")]
    Plot(String),
    /// Something could not be serialised.
    #[error("the result could not be serialised: {0}")]
    Serialise(String),
}

impl From<TaskError> for SimError {
    fn from(error: TaskError) -> Self {
        Self::Schedule(error)
    }
}

impl SimError {
    /// Whether the budget refused: exit code 1 rather than 2.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        let refuses = |error: &LedgerError| {
            matches!(error, LedgerError::OverBudget { .. } | LedgerError::NothingAffordable { .. })
        };
        match self {
            Self::Founding(FoundingError::Ledger(error)) | Self::Ledger(error) => refuses(error),
            Self::Rank { refused, .. } => *refused,
            _ => false,
        }
    }

    /// Whether the other ranks of a run heard of it already, or all come to it by what all heard at the same moment.
    pub(crate) fn is_known_to_all_ranks(&self) -> bool {
        matches!(self, Self::Rank { .. } | Self::RanksApart | Self::Interrupted { .. })
    }

    /// Wraps an error of the file system.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }
}

impl From<CandidateModelError> for SimError {
    fn from(error: CandidateModelError) -> Self {
        Self::CandidateModel(Box::new(error))
    }
}
