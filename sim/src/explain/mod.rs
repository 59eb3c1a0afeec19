//! What a guarantee means, in words and numbers: `murmur-sim explain`.

mod words;

use std::{
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use clap::Args;
use murmur_privacy::{
    TradeOff,
    local::{LocalError, ReconstructionBound, reconstruction_bound},
    units::{DeltaProbability, Epsilon, OutOfRange},
};
use serde_json::json;
use thiserror::Error;

use crate::{
    budget::{Answer, number},
    chart::{Axis, Chart, Series},
};

/// False alarms whose detections are told.
const ALARMS: [f64; 4] = [0.001, 0.01, 0.05, 0.1];
/// Beliefs whose growth is told.
const PRIORS: [f64; 4] = [0.001, 0.01, 0.1, 0.5];
/// Distance within which a rebuilt direction counts, unless another is asked for: 60 degrees.
const DISTANCE: f64 = 1.0;

/// A guarantee to explain.
#[derive(Debug, Args)]
pub struct Explain {
    /// Epsilon.
    #[arg(value_parser = epsilon, allow_negative_numbers = true)]
    pub epsilon: Epsilon,
    /// Delta; 0 where the guarantee is pure, as local ones often are.
    #[arg(value_parser = delta, allow_negative_numbers = true)]
    pub delta: Chance,
    /// Devices that the guarantee is for.
    #[arg(long, value_name = "N")]
    pub population: Option<NonZeroU64>,
    /// The guarantee is local, for one use of a pure randomiser, on updates of this dimension: tells how well they can be rebuilt, too.
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(2..=1 << 32))]
    pub local_dimension: Option<u64>,
    /// Distance between unit vectors within which an update counts as rebuilt.
    #[arg(long, value_name = "A", default_value_t = DISTANCE, requires = "local_dimension")]
    pub distance: f64,
    /// Draw the trade-off curve into this SVG file.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// A failure probability, or none.
#[derive(Clone, Copy, Debug)]
pub struct Chance(pub Option<DeltaProbability>);

/// Why there is no explanation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// A delta that permits publishing somebody's data outright.
    #[error(
        "delta is {delta:e}, and must be below {limit:e}: at 1/{population} and above, publishing one device's data in full would pass"
    )]
    DeltaTooLarge {
        /// The delta given.
        delta: f64,
        /// Devices.
        population: u64,
        /// One over their number.
        limit: f64,
    },
    /// The bound on reconstruction holds for pure guarantees.
    #[error(
        "--local-dimension needs delta 0: the bound on reconstruction is for one use of a randomiser without delta"
    )]
    LocalWithDelta,
    /// A number that is none of its quantity.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// No such reconstruction.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The plot cannot be drawn.
    #[error("the plot cannot be drawn: {0}")]
    Plot(String),
    /// A file cannot be written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

impl ExplainError {
    /// Whether this is a refusal (exit code 1) rather than an error (exit code 2).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::DeltaTooLarge { .. })
    }
}

impl Explain {
    /// Explains.
    ///
    /// # Errors
    /// [`ExplainError`]; a delta that protects nobody is a refusal.
    pub fn answer(&self) -> Result<Answer, ExplainError> {
        let (epsilon, Chance(delta)) = (self.epsilon, self.delta);
        if let (Some(delta), Some(population)) = (delta.map(DeltaProbability::get), self.population) {
            let limit = 1.0 / population.get() as f64;
            if delta >= limit {
                return Err(ExplainError::DeltaTooLarge { delta, population: population.get(), limit });
            }
        }
        if self.local_dimension.is_some() && delta.is_some() {
            return Err(ExplainError::LocalWithDelta);
        }
        let curve = TradeOff::new(epsilon, delta);
        let rebuilt = self.reconstruction()?;
        let detected = ALARMS.map(|alpha| curve.least_missed(alpha).map(|missed| (alpha, 1.0 - missed)));
        let detected = detected.into_iter().collect::<Result<Vec<_>, _>>()?;
        let beliefs = PRIORS.map(|prior| curve.posterior(prior)).into_iter().collect::<Result<Vec<_>, _>>()?;
        if let Some(path) = &self.plot {
            let delta = delta.map_or(0.0, DeltaProbability::get);
            draw(path, curve, format!("whether a device took part, at epsilon {epsilon} and delta {delta:e}"))?;
        }
        let exposed = self.population.zip(delta).map(|(population, delta)| population.get() as f64 * delta.get());
        let facts = words::Facts { curve, detected: &detected, beliefs: &beliefs, exposed, rebuilt };
        let json = json!({
            "question": "explain",
            "epsilon": epsilon,
            "delta": delta.map_or(0.0, DeltaProbability::get),
            "population": self.population,
            "unit": if self.local_dimension.is_some() { "participation" } else { "device" },
            "advantage": curve.advantage(),
            "right_at_even_odds": curve.most_right(),
            "odds_factor": facts.factor(self),
            "odds_except": beliefs.first().map_or(0.0, |belief| belief.except),
            "posterior": beliefs,
            "detection": detected.iter().map(|(alpha, power)| json!({ "false_alarms": alpha, "detections": power })).collect::<Vec<_>>(),
            "population_times_delta": exposed,
            "reconstruction": rebuilt,
            "plot": self.plot,
        });
        Ok(Answer { json, text: facts.text(self) })
    }

    fn reconstruction(&self) -> Result<Option<ReconstructionBound>, ExplainError> {
        let Some(dimension) = self.local_dimension else { return Ok(None) };
        let dimension = usize::try_from(dimension).map_err(|_| LocalError::Dimension { dimension: usize::MAX })?;
        Ok(Some(reconstruction_bound(self.epsilon, 0.0, dimension, self.distance)?))
    }
}

/// The trade-off curve beside that of a coin.
pub(crate) fn chart(curve: TradeOff) -> Result<Chart, OutOfRange> {
    let alphas = (0..=400).map(|step| (f64::from(step) / 400.0).powi(2));
    let points = alphas.map(|alpha| Ok((alpha, curve.least_missed(alpha)?))).collect::<Result<_, OutOfRange>>()?;
    let coin = Series::reference("guessing by a coin", vec![(0.0, 1.0), (1.0, 0.0)]);
    Ok(Chart {
        x: Axis::between("false alarms (probability)", 0.0, 1.0),
        y: Axis::between("missed (probability)", 0.0, 1.0),
        series: vec![Series::line("the best attack", points), coin],
        caption: None,
    })
}

fn draw(path: &Path, curve: TradeOff, caption: String) -> Result<(), ExplainError> {
    let chart = Chart { caption: Some(caption), ..chart(curve)? };
    let picture = chart.svg().map_err(ExplainError::Plot)?;
    std::fs::write(path, picture).map_err(|cause| ExplainError::File { path: path.to_owned(), cause })
}

fn epsilon(text: &str) -> Result<Epsilon, String> {
    let epsilon = Epsilon::new(number(text)?).map_err(|error| error.to_string())?;
    if epsilon.is_finite() { Ok(epsilon) } else { Err("an infinite epsilon promises nothing".to_owned()) }
}

fn delta(text: &str) -> Result<Chance, String> {
    match number(text)? {
        0.0 => Ok(Chance(None)),
        value => DeltaProbability::new(value).map(|delta| Chance(Some(delta))).map_err(|error| error.to_string()),
    }
}
