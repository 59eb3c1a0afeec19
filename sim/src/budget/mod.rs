//! What a budget buys, without a scenario: `murmur-sim budget`.
//!
//! Nothing here trains, draws noise or starts a thread; it prices events and reads ledgers.

mod accountants;
mod arguments;
mod calibrated;
mod claim;
mod epsilon;
mod error;
mod ledger;
mod plan;

pub use accountants::{Choice, Priced, Table};
pub use arguments::{EpsilonArguments, LedgerArguments, NoiseArguments, PlanArguments, RoundsArguments};
pub(crate) use arguments::{number, quantity};
pub use claim::Claim;
pub use error::BudgetError;

use clap::Subcommand;
use murmur_privacy::{
    DpEvent, Relation,
    units::{NoiseMultiplier, OutOfRange, SamplingRate, Scale},
};
use serde_json::Value;

/// The questions.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// Price a schedule: the epsilon that it costs.
    Epsilon(EpsilonArguments),
    /// The least noise for which a schedule meets an epsilon.
    Noise(NoiseArguments),
    /// The most rounds that an epsilon pays for.
    Rounds(RoundsArguments),
    /// What each size of cohort needs and costs.
    Plan(PlanArguments),
    /// Verify a ledger's chain and recompute what it spent.
    Ledger(LedgerArguments),
}

/// An answer for scripts and the same for people.
#[derive(Debug)]
pub struct Answer {
    /// One object; an infinite epsilon is the string `"inf"`.
    pub json: Value,
    /// Lines.
    pub text: String,
}

impl Question {
    /// Whether the answer is wanted as JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        match self {
            Self::Epsilon(arguments) => arguments.json,
            Self::Noise(arguments) => arguments.json,
            Self::Rounds(arguments) => arguments.json,
            Self::Plan(arguments) => arguments.json,
            Self::Ledger(arguments) => arguments.json,
        }
    }

    /// Answers.
    ///
    /// # Errors
    /// [`BudgetError`]; some are refusals.
    pub fn answer(&self) -> Result<Answer, BudgetError> {
        match self {
            Self::Epsilon(arguments) => epsilon::answer(arguments),
            Self::Noise(arguments) => calibrated::noise(arguments),
            Self::Rounds(arguments) => calibrated::rounds(arguments),
            Self::Plan(arguments) => plan::answer(arguments),
            Self::Ledger(arguments) => ledger::answer(arguments),
        }
    }
}

/// One round: Gaussian noise of this multiplier on a Poisson sample, under the relation of Murmur's ledgers, in which the
/// sensitivity is the clip.
fn round(multiplier: NoiseMultiplier, rate: SamplingRate) -> Result<DpEvent, OutOfRange> {
    Ok(release(multiplier)?.poisson_sampled(rate))
}

/// One release, whoever took part.
fn release(multiplier: NoiseMultiplier) -> Result<DpEvent, OutOfRange> {
    Ok(DpEvent::gaussian(Scale::new(multiplier.get())?, Scale::new(1.0)?, Relation::ZeroOut))
}

/// `value` with six decimals, rounded up: what is printed is never less than what is lost.
fn upward(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "infinite".to_owned(),
        // Beyond this nobody reads digits, and seven of them are rounded up by far more than the last one.
        _ if value >= 1e9 => format!("{:.6e}", value * (1.0 + 1e-6)),
        _ => format!("{:.6}", (value * 1e6).ceil() / 1e6),
    }
}

/// `value` with six decimals, rounded down.
fn downward(value: f64) -> String {
    format!("{:.6}", (value * 1e6).floor() / 1e6)
}
