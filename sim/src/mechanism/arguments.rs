//! Raw arguments, each validated as the quantity it is.

use std::f64::consts::SQRT_2;

use clap::Args;
use murmur_privacy::{
    local::{LEAST_EPSILON, LEVELS_LIMIT},
    units::{Clip, Epsilon},
};

use crate::budget::{number, quantity};

/// A randomiser of directions.
#[derive(Debug, Args)]
pub struct DirectionArguments {
    /// Local epsilon of one use.
    #[arg(long, value_name = "E", value_parser = local_epsilon, allow_negative_numbers = true)]
    pub epsilon: Epsilon,
    /// Coordinates of the direction, at least 2.
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(2..=1 << 32), allow_negative_numbers = true)]
    pub dimension: u64,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// A randomiser of magnitudes.
#[derive(Debug, Args)]
pub struct ScalarArguments {
    /// Local epsilon of one use.
    #[arg(long, value_name = "E", value_parser = local_epsilon, allow_negative_numbers = true)]
    pub epsilon: Epsilon,
    /// Largest magnitude.
    #[arg(long, value_name = "R", value_parser = quantity::<Clip>, allow_negative_numbers = true)]
    pub max: Clip,
    /// Levels above zero. Default: e^(E/3), rounded up.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=LEVELS_LIMIT), allow_negative_numbers = true)]
    pub levels: Option<u64>,
    /// Magnitude whose variance is told. Default: the one with the largest.
    #[arg(long, value_name = "R", value_parser = magnitude, allow_negative_numbers = true)]
    pub at: Option<f64>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// An adversary who wants to rebuild a direction.
#[derive(Debug, Args)]
pub struct ReconstructionArguments {
    /// Local epsilon of one use.
    #[arg(long, value_name = "E", value_parser = local_epsilon, allow_negative_numbers = true)]
    pub epsilon: Epsilon,
    /// Logarithm of how much denser than uniform the adversary's prior is, at most.
    #[arg(long, value_name = "R", value_parser = rho0, allow_negative_numbers = true)]
    pub rho0: f64,
    /// Dimensions of what is to be rebuilt, at least 2.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(2..=1 << 32), allow_negative_numbers = true)]
    pub dimension: u64,
    /// Distance between unit vectors up to which an estimate counts as a success, at most sqrt(2).
    #[arg(long, value_name = "A", value_parser = distance, allow_negative_numbers = true)]
    pub distance: f64,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

fn local_epsilon(text: &str) -> Result<Epsilon, String> {
    let epsilon = Epsilon::new(number(text)?).map_err(|error| error.to_string())?;
    if epsilon.is_finite() && epsilon.get() >= LEAST_EPSILON {
        Ok(epsilon)
    } else {
        Err(format!("a local epsilon must be finite and at least {LEAST_EPSILON:e}, not {epsilon}"))
    }
}

fn magnitude(text: &str) -> Result<f64, String> {
    within(text, "a magnitude", "zero or more", |value| value >= 0.0 && value.is_finite())
}

fn rho0(text: &str) -> Result<f64, String> {
    within(text, "rho0", "zero or more", |value| value >= 0.0 && value.is_finite())
}

fn distance(text: &str) -> Result<f64, String> {
    within(text, "the distance", "above 0 and at most sqrt(2)", |value| value > 0.0 && value <= SQRT_2)
}

fn within(text: &str, quantity: &str, range: &str, valid: impl Fn(f64) -> bool) -> Result<f64, String> {
    let value = number(text)?;
    if valid(value) { Ok(value) } else { Err(format!("{quantity} must be {range}, not {value}")) }
}
