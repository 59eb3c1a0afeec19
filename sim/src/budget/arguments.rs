//! Raw arguments, each validated as the quantity it is.

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
};

use clap::Args;
use murmur_privacy::units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier, OutOfRange, SamplingRate};

use super::Choice;

/// Price a schedule.
#[derive(Debug, Args)]
pub struct EpsilonArguments {
    /// Standard deviation of a round's noise over the clip.
    #[arg(long, value_name = "Z", value_parser = quantity::<NoiseMultiplier>, allow_negative_numbers = true)]
    pub noise_multiplier: NoiseMultiplier,
    /// Probability with which each device is in a round, by an independent secret coin.
    #[arg(long, value_name = "Q", value_parser = quantity::<SamplingRate>, allow_negative_numbers = true)]
    pub sampling_rate: SamplingRate,
    /// Rounds of the schedule.
    #[arg(long, value_name = "T")]
    pub rounds: NonZeroU32,
    /// Failure probability: below one over the number of devices.
    #[arg(long, value_name = "D", value_parser = quantity::<DeltaProbability>, allow_negative_numbers = true)]
    pub delta: DeltaProbability,
    /// Who prices.
    #[arg(long, value_enum, default_value_t)]
    pub accountant: Choice,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Noise for a target.
#[derive(Debug, Args)]
pub struct NoiseArguments {
    /// The target.
    #[arg(long, value_name = "E", value_parser = target, allow_negative_numbers = true)]
    pub epsilon: Epsilon,
    /// Failure probability: below one over the number of devices.
    #[arg(long, value_name = "D", value_parser = quantity::<DeltaProbability>, allow_negative_numbers = true)]
    pub delta: DeltaProbability,
    /// Probability with which each device is in a round, by an independent secret coin.
    #[arg(long, value_name = "Q", value_parser = quantity::<SamplingRate>, allow_negative_numbers = true)]
    pub sampling_rate: SamplingRate,
    /// Rounds of the schedule.
    #[arg(long, value_name = "T")]
    pub rounds: NonZeroU32,
    /// Who prices.
    #[arg(long, value_enum, default_value_t)]
    pub accountant: Choice,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Rounds for a target.
#[derive(Debug, Args)]
pub struct RoundsArguments {
    /// The target.
    #[arg(long, value_name = "E", value_parser = target, allow_negative_numbers = true)]
    pub epsilon: Epsilon,
    /// Failure probability: below one over the number of devices.
    #[arg(long, value_name = "D", value_parser = quantity::<DeltaProbability>, allow_negative_numbers = true)]
    pub delta: DeltaProbability,
    /// Probability with which each device is in a round, by an independent secret coin.
    #[arg(long, value_name = "Q", value_parser = quantity::<SamplingRate>, allow_negative_numbers = true)]
    pub sampling_rate: SamplingRate,
    /// Standard deviation of a round's noise over the clip.
    #[arg(long, value_name = "Z", value_parser = quantity::<NoiseMultiplier>, allow_negative_numbers = true)]
    pub noise_multiplier: NoiseMultiplier,
    /// Who prices.
    #[arg(long, value_enum, default_value_t)]
    pub accountant: Choice,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// A table over cohort sizes.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Devices enrolled.
    #[arg(long, value_name = "N")]
    pub population: NonZeroU64,
    /// The target.
    #[arg(long, value_name = "E", value_parser = target, allow_negative_numbers = true)]
    pub epsilon: Epsilon,
    /// Failure probability: below one over the population.
    #[arg(long, value_name = "D", value_parser = quantity::<DeltaProbability>, allow_negative_numbers = true)]
    pub delta: DeltaProbability,
    /// Rounds of the schedule.
    #[arg(long, value_name = "T")]
    pub rounds: NonZeroU32,
    /// Largest norm of one device's update: adds the noise in units of the model's parameters.
    #[arg(long, value_name = "C", value_parser = quantity::<Clip>, allow_negative_numbers = true)]
    pub clip: Option<Clip>,
    /// Parameters of the model: without it bytes are told for each parameter.
    #[arg(long, value_name = "P")]
    pub parameters: Option<NonZeroU32>,
    /// Draw noise against cohort size.
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Who prices.
    #[arg(long, value_enum, default_value_t)]
    pub accountant: Choice,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// A ledger to verify.
#[derive(Debug, Args)]
pub struct LedgerArguments {
    /// A `ledger.jsonl`, as `run --out` and `murmur-server ledger export` write it.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also price each task's spent rounds at this delta.
    #[arg(long, value_name = "D", value_parser = quantity::<DeltaProbability>, allow_negative_numbers = true)]
    pub delta: Option<DeltaProbability>,
    /// Also draw what was spent of what, in an HTML file.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

pub(crate) fn quantity<Quantity: TryFrom<f64, Error = OutOfRange>>(text: &str) -> Result<Quantity, String> {
    Quantity::try_from(number(text)?).map_err(|error| error.to_string())
}

fn target(text: &str) -> Result<Epsilon, String> {
    match Epsilon::new(number(text)?) {
        Ok(epsilon) if epsilon.is_finite() => Ok(epsilon),
        Ok(_) => Err("a target must be finite: everything meets an infinite epsilon".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
