//! What a local randomiser runs with, and what it costs in accuracy: `murmur-sim mechanism`.
//!
//! Nothing here draws a number.

mod arguments;

pub use arguments::{DirectionArguments, ReconstructionArguments, ScalarArguments};

use clap::Subcommand;
use murmur_privacy::local::{
    CapParameters, DirectionRandomiser as _, LocalError, LocalGuarantee, PrivUnit2, PrivUnitG, ScalarDp,
    reconstruction_bound,
};
use serde_json::{Value, json};

use crate::budget::Answer;

/// The randomisers.
#[derive(Debug, Subcommand)]
pub enum Mechanism {
    /// PrivUnit2, on directions: the least error known.
    Privunit2(DirectionArguments),
    /// PrivUnitG, on directions: PrivUnit2 with a Gaussian vector in the place of a point on the sphere.
    Privunitg(DirectionArguments),
    /// ScalarDP, on magnitudes.
    Scalardp(ScalarArguments),
    /// How likely somebody of limited prior knowledge rebuilds a direction. Not differential privacy.
    Reconstruction(ReconstructionArguments),
}

impl Mechanism {
    /// Whether the answer is wanted as JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        match self {
            Self::Privunit2(arguments) | Self::Privunitg(arguments) => arguments.json,
            Self::Scalardp(arguments) => arguments.json,
            Self::Reconstruction(arguments) => arguments.json,
        }
    }

    /// Its parameters, its exact error and what it promises.
    ///
    /// # Errors
    /// [`LocalError`] when there is no such randomiser.
    pub fn answer(&self) -> Result<Answer, LocalError> {
        match self {
            Self::Privunit2(arguments) => privunit2(arguments),
            Self::Privunitg(arguments) => privunitg(arguments),
            Self::Scalardp(arguments) => scalardp(arguments),
            Self::Reconstruction(arguments) => reconstruction(arguments),
        }
    }
}

fn privunit2(arguments: &DirectionArguments) -> Result<Answer, LocalError> {
    let made = PrivUnit2::new(arguments.epsilon, dimension(arguments.dimension)?)?;
    let specific = json!({ "mechanism": "privunit2", "output_norm": made.output_norm() });
    let lines = format!("every output has norm 1/m = {}", made.output_norm());
    Ok(directions("PrivUnit2", arguments, made.parameters(), made.guarantee(), made.squared_error(), specific, &lines))
}

fn privunitg(arguments: &DirectionArguments) -> Result<Answer, LocalError> {
    let made = PrivUnitG::new(arguments.epsilon, dimension(arguments.dimension)?)?;
    let bound = made.output_bound();
    let specific = json!({
        "mechanism": "privunitg",
        "expected_component_squared": made.component_square(),
        "output_bound": bound.norm,
        "output_bound_exceeded": bound.exceeded,
    });
    let lines = format!("the norm is above {} with probability {:e} at most", bound.norm, bound.exceeded);
    Ok(directions("PrivUnitG", arguments, made.parameters(), made.guarantee(), made.squared_error(), specific, &lines))
}

fn directions(
    name: &str,
    arguments: &DirectionArguments,
    parameters: &CapParameters,
    guarantee: LocalGuarantee,
    squared_error: f64,
    specific: Value,
    output: &str,
) -> Answer {
    let CapParameters { gamma, p, m, log_q, .. } = parameters;
    let common = json!({
        "epsilon_asked": arguments.epsilon,
        "dimension": arguments.dimension,
        "l2_squared_error": squared_error,
    });
    let json = [json!(parameters), common, specific].into_iter().fold(promise(guarantee), joined);
    let text = format!(
        "{name} for epsilon {} in {} dimensions:\n  gamma     {gamma}\n  p         {p}\n  m         {m}\n  log q     {log_q}\n  \
         error     {squared_error} (mean squared distance from the direction, the same for every direction)\n  output    {output}\n  \
         promise   {guarantee}",
        arguments.epsilon, arguments.dimension
    );
    Answer { json, text }
}

fn scalardp(arguments: &ScalarArguments) -> Result<Answer, LocalError> {
    let ScalarArguments { epsilon, max, levels, at, .. } = *arguments;
    let made = ScalarDp::new(epsilon, max, levels.unwrap_or_else(|| ScalarDp::usual_levels(epsilon)))?;
    let (worst, largest) = made.worst_variance();
    // What is above the maximum is clipped to it.
    let told = at.map_or(worst, |at| at.min(made.max()));
    let variance = if at.is_some() { made.variance(told) } else { largest };
    let (least, most) = (made.value(0), made.value(made.levels()));
    let (a, b, k) = (made.a(), made.b(), made.levels());
    let at_some: Vec<Value> = [0.0, 0.5, 1.0]
        .map(|part| json!({ "magnitude": part * made.max(), "variance": made.variance(part * made.max()) }))
        .into();
    let parameters = json!({
        "mechanism": "scalardp",
        "epsilon_asked": epsilon,
        "max": max,
        "a": a,
        "b": b,
        "k": k,
        "variance": variance,
        "variance_at": told,
        "largest_variance": largest,
        "largest_variance_at": worst,
        "variances": at_some,
        "keep_probability": made.keep_probability(),
        "output_min": least,
        "output_max": most,
    });
    let which = if at.is_some() { "" } else { ", where it is largest" };
    let text = format!(
        "ScalarDP for epsilon {epsilon} on magnitudes up to {max}:\n  a         {a}\n  b         {b}\n  k         {k} levels above zero\n  \
         variance  {variance} at magnitude {told}{which}\n  keeps     the level with probability {}\n  output    from {least} to {most}, \
         never clamped\n  promise   {}",
        made.keep_probability(),
        made.guarantee()
    );
    Ok(Answer { json: joined(promise(made.guarantee()), parameters), text })
}

fn reconstruction(arguments: &ReconstructionArguments) -> Result<Answer, LocalError> {
    let ReconstructionArguments { epsilon, rho0, distance, .. } = *arguments;
    let bound = reconstruction_bound(epsilon, rho0, dimension(arguments.dimension)?, distance)?;
    let statement = json!({ "statement": "a bound on reconstruction, not differential privacy" });
    Ok(Answer { json: joined(json!(bound), statement), text: bound.to_string() })
}

/// What one use promises, with everything that an epsilon depends on.
fn promise(guarantee: LocalGuarantee) -> Value {
    let about = json!({
        "unit": "participation",
        "relation": "replace_one",
        "adversary": "whoever sees what the device sends",
    });
    joined(json!(guarantee), about)
}

/// One object of both.
fn joined(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn dimension(count: u64) -> Result<usize, LocalError> {
    usize::try_from(count).map_err(|_| LocalError::Dimension { dimension: usize::MAX })
}
