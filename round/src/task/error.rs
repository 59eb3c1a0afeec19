//! Why a file is no task.

use murmur_privacy::{
    accountant::{CalibrationError, Refusal},
    correlated::CorrelationError,
    encoding::EncodingError,
    local::LocalError,
    mechanism::SigmaOutOfRange,
};
use thiserror::Error;

use crate::{
    evaluation::EvaluationError, model::ModelError, optimizer::ServerError, participation::ParticipationError,
    personal::PersonalError, plan::PlanError, pretrained::PretrainedError,
};

/// A task file that cannot be run, and what to change in it.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TaskError {
    /// Not TOML, an unknown key, a missing key, or a value of the wrong kind: the text names it.
    #[error("{0}")]
    Toml(String),
    /// Not the canonical form of a task.
    #[error("not a task: {0}")]
    Json(String),
    /// A name that could not be a file's.
    #[error("{field} is {name:?}; it must have 1 to 64 letters, digits, '.', '_' or '-' and not start with '.'")]
    Name {
        /// The key at fault.
        field: &'static str,
        /// What it holds.
        name: String,
    },
    /// No rounds.
    #[error("rounds must be at least 1")]
    NoRounds,
    /// A block of rounds is charged whole.
    #[error(
        "rounds is {rounds}, which is no multiple of participation.block_rounds = {block_rounds}: a block is charged whole, so \
         a task runs whole blocks"
    )]
    PartialBlock {
        /// Rounds of the task.
        rounds: u32,
        /// Rounds of a block.
        block_rounds: u32,
    },
    /// Correlated noise on a secret sample.
    #[error(
        "privacy.mechanism = \"{mechanism}\" does not go with participation.kind = \"{kind}\": no theorem at hand amplifies correlated \
         noise by sampling. Choose kind = \"check_in\" or \"fixed\", or mechanism = \"gaussian\""
    )]
    SampledCorrelation {
        /// The mechanism.
        mechanism: &'static str,
        /// The kind of participation.
        kind: &'static str,
    },
    /// Correlated noise, and nothing said about how often a device takes part.
    #[error(
        "participation.separation and participation.participations are both needed with privacy.mechanism = \"{mechanism}\": its cost \
         depends on how often, and how soon again, one device takes part"
    )]
    CorrelationWithoutLimits {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// Limits that nothing is claimed for.
    #[error(
        "participation.separation and participation.participations go with correlated noise only (privacy.mechanism = \"tree\", \
         \"banded\" or \"blt\"): remove them, or choose one; \"banded\" with bands = 1 is independent noise that is charged for them"
    )]
    LimitsWithoutCorrelation,
    /// Correlated noise whose numbers do not fit each other.
    #[error("privacy.mechanism: {0}")]
    Correlation(CorrelationError),
    /// The `[model]` section.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The `[pretrained]` section.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// The `[personal]` section.
    #[error(transparent)]
    Personal(#[from] PersonalError),
    /// The `[plan]` section.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The `[evaluation]` section, or what `[privacy]` says of what is measured.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// The `[participation]` section.
    #[error(transparent)]
    Participation(#[from] ParticipationError),
    /// The `[server]` section.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Too large a failure probability for so many devices.
    #[error(
        "privacy.delta is {delta:e}, but must be below 1/{population} = {limit:e}: at or above that, exposing one \
         device outright would be allowed"
    )]
    DeltaTooLarge {
        /// Delta of the task.
        delta: f64,
        /// Devices enrolled.
        population: u64,
        /// One over the population.
        limit: f64,
    },
    /// Nobody is enrolled.
    #[error("no device is enrolled in the population")]
    NoDevices,
    /// No grid for this clip, model and shares of the budget.
    #[error("[privacy]: {0}")]
    Encoding(EncodingError),
    /// No such local randomiser.
    #[error("[privacy.local]: {0}")]
    Local(LocalError),
    /// A pull that follows what is never released.
    #[error(
        "plan.adaptive_proximal follows the loss that rounds release, and this task releases none: add privacy.metrics, or write \
         plan.proximal"
    )]
    NoLossToFollow,
    /// A pull that would carry what nobody noised into a model that is promised to be noised.
    #[error(
        "plan.adaptive_proximal would follow what privacy.non_private_metrics publishes without noise, and the models that it leads to would no \
         longer be within the claim: give privacy.metrics a share of the budget, or write plan.proximal"
    )]
    UnnoisedLossToFollow,
    /// Metrics in clear tell who was sampled.
    #[error(
        "privacy.non_private_metrics would publish what a secretly chosen cohort measured, and the claim rests on that secret: give \
         [privacy.metrics] a share of the budget, or choose a participation without a claim (fixed or check_in)"
    )]
    OpenMetricsOfASecretCohort,
    /// No such noise.
    #[error("privacy.noise_multiplier: {0}")]
    Sigma(SigmaOutOfRange),
    /// The budget cannot be met.
    #[error("privacy.epsilon: {0}")]
    Calibration(CalibrationError),
    /// No theorem.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl TaskError {
    /// Whether the task itself may be sound, and other devices being enrolled would make it fit.
    #[must_use]
    pub fn passes_with_enrolment(&self) -> bool {
        use ParticipationError::{CohortAbovePopulation, NeverOpens, TooFewForTurns};
        matches!(
            self,
            Self::NoDevices
                | Self::DeltaTooLarge { .. }
                | Self::Participation(CohortAbovePopulation { .. } | NeverOpens { .. } | TooFewForTurns { .. })
        )
    }
}

impl From<CorrelationError> for TaskError {
    fn from(error: CorrelationError) -> Self {
        Self::Correlation(error)
    }
}

impl From<EncodingError> for TaskError {
    fn from(error: EncodingError) -> Self {
        Self::Encoding(error)
    }
}

impl From<LocalError> for TaskError {
    fn from(error: LocalError) -> Self {
        Self::Local(error)
    }
}

impl From<SigmaOutOfRange> for TaskError {
    fn from(error: SigmaOutOfRange) -> Self {
        Self::Sigma(error)
    }
}

impl From<CalibrationError> for TaskError {
    fn from(error: CalibrationError) -> Self {
        Self::Calibration(error)
    }
}
