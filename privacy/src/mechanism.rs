//! What is added to a sum before it is released, and what that costs.

use std::num::NonZeroUsize;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use thiserror::Error;

use crate::{
    correlated::{self, Correlation},
    event::{DpEvent, Relation},
    grid::{BOUND_LIMIT, Grid},
    noise::{IntegerNoise, NoiseRng, RoundedGaussian, spread},
    ring::{AddTo, RingVector},
    units::{NoiseMultiplier, OutOfRange, Scale},
};

/// Largest standard deviation in steps that the sampler draws.
pub const SIGMA_LIMIT: u64 = RoundedGaussian::LIMIT;

/// A mechanism on integer sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mechanism", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mechanism {
    /// Independent `round(N(0, sigma^2))` on every coordinate, drawn exactly.
    ///
    /// # Guarantee
    /// The sum `s` is an integer vector, so `s + round(g) = round(s + g)`: the output is a function of the continuous
    /// Gaussian mechanism's output at l2 sensitivity `S`, and every guarantee of that mechanism carries over
    /// (post-processing). Source: architecture.md 3.4.
    Gaussian {
        /// Standard deviation in steps of the grid, 1 to 2^44. Outside that range nothing is promised: the event is
        /// [`DpEvent::NonPrivate`].
        #[serde(deserialize_with = "drawable")]
        sigma: u64,
    },
    /// Noise that hangs together over a block of rounds, for populations that nobody can sample.
    ///
    /// # Guarantee
    /// All releases of a block are together a function of one Gaussian mechanism, whose event pays for the whole block. Source:
    /// [`correlated`].
    Correlated {
        /// Standard deviation of the independent noise from which it is made, in steps, 1 to 2^28. Outside that range nothing is
        /// promised: the event is [`DpEvent::NonPrivate`].
        #[serde(deserialize_with = "correlatable")]
        sigma: u64,
        /// How.
        correlation: Correlation,
    },
    /// Nothing is added and nothing is promised: epsilon is infinite.
    None,
}

/// A noise level that cannot be drawn.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("a standard deviation of {sigma} steps is outside 1 to {most}: choose another noise multiplier or clip")]
pub struct SigmaOutOfRange {
    /// The standard deviation asked for, in steps.
    pub sigma: f64,
    /// The largest there can be.
    pub most: u64,
}

impl Mechanism {
    /// The Gaussian with at least this multiplier: `sigma = ceil(multiplier * S)` steps, so that rounding adds noise
    /// and never takes any away.
    ///
    /// # Errors
    /// [`SigmaOutOfRange`] when the result is beyond the sampler.
    pub fn gaussian(grid: &Grid, multiplier: NoiseMultiplier) -> Result<Self, SigmaOutOfRange> {
        Ok(Self::Gaussian { sigma: whole((multiplier.get() * grid.bound() as f64).ceil(), SIGMA_LIMIT)? })
    }

    /// Correlated noise with at least this multiplier: the deviation over the sensitivity of a whole block.
    ///
    /// # Errors
    /// [`SigmaOutOfRange`] when the result is beyond the sampler.
    pub fn correlated(
        grid: &Grid,
        correlation: Correlation,
        multiplier: NoiseMultiplier,
    ) -> Result<Self, SigmaOutOfRange> {
        let sigma = (multiplier.get() * correlation.sensitivity(grid)).ceil();
        Self::with_sigma(correlation, whole(sigma, correlated::SIGMA_LIMIT)?)
    }

    /// Correlated noise made from independent noise of `sigma` steps.
    ///
    /// # Errors
    /// [`SigmaOutOfRange`] when sigma is beyond the sampler.
    pub fn with_sigma(correlation: Correlation, sigma: u64) -> Result<Self, SigmaOutOfRange> {
        Ok(Self::Correlated { sigma: whole(sigma as f64, correlated::SIGMA_LIMIT)?, correlation })
    }

    /// What one release on `grid` costs, or the releases of one block, before any claim about sampling.
    #[must_use]
    pub fn event(&self, grid: &Grid) -> DpEvent {
        match self {
            Self::Gaussian { sigma } => gaussian_event(*sigma, grid.bound()),
            Self::Correlated { sigma, correlation } => match Scale::new(*sigma as f64) {
                Ok(scale) if *sigma <= correlated::SIGMA_LIMIT => correlation.event(scale, grid),
                _ => DpEvent::NonPrivate,
            },
            Self::None => DpEvent::NonPrivate,
        }
    }

    /// Standard deviation of the independent noise that is drawn, in steps; 0 without noise.
    #[must_use]
    pub fn sigma(&self) -> u64 {
        match self {
            Self::Gaussian { sigma } | Self::Correlated { sigma, .. } => *sigma,
            Self::None => 0,
        }
    }

    /// Standard deviation of what is added to the sum of one round, in steps, rounded up: what the ring must hold.
    #[must_use]
    pub fn spread(&self) -> u64 {
        match self {
            Self::Gaussian { sigma } => *sigma,
            Self::Correlated { sigma, correlation } => correlation.spread(*sigma),
            Self::None => 0,
        }
    }

    /// Standard deviation over sensitivity (of a release, or of a whole block), as it really runs on `grid`; `None` where nothing is
    /// added.
    ///
    /// # Errors
    /// Never for a mechanism made by a constructor or read from a file; [`OutOfRange`] for a written-out zero.
    pub fn multiplier(&self, grid: &Grid) -> Result<Option<NoiseMultiplier>, OutOfRange> {
        match self {
            Self::Gaussian { sigma } => NoiseMultiplier::new(*sigma as f64 / grid.bound() as f64).map(Some),
            Self::Correlated { sigma, correlation } => {
                NoiseMultiplier::new(*sigma as f64 / correlation.sensitivity(grid)).map(Some)
            }
            Self::None => Ok(None),
        }
    }

    /// Adds noise that is drawn afresh; false, and nothing is added, where noise comes from a stream. The result depends on the
    /// generator's state alone, not on the number of threads.
    pub(crate) fn perturb(&self, sum: &mut RingVector, rng: &mut NoiseRng, threads: NonZeroUsize) -> bool {
        match self {
            Self::Gaussian { sigma } => {
                // Beyond the limit the event promises nothing; nor does it for zero, of which there is nothing to add.
                if let Ok(noise) = RoundedGaussian::new((*sigma).min(SIGMA_LIMIT)) {
                    sum.add_by(Fresh { noise, rng, threads });
                }
            }
            Self::Correlated { .. } => return false,
            Self::None => {}
        }
        true
    }
}

/// Noise that is drawn for each coordinate.
struct Fresh<'a, N> {
    noise: N,
    rng: &'a mut NoiseRng,
    threads: NonZeroUsize,
}

impl<N: IntegerNoise> AddTo for Fresh<'_, N> {
    fn work<W: Send>(self, words: &mut [W], add: impl Fn(&mut W, i64) + Sync) {
        spread(&self.noise, words, self.rng, self.threads, add);
    }
}

/// A standard deviation as a whole number of steps, 1 to `most`.
fn whole(sigma: f64, most: u64) -> Result<u64, SigmaOutOfRange> {
    if sigma >= 1.0 && sigma <= most as f64 { Ok(sigma as u64) } else { Err(SigmaOutOfRange { sigma, most }) }
}

/// The event of a Gaussian with these integers. Both are below 2^53, so `f64` holds them exactly.
fn gaussian_event(sigma: u64, bound: u64) -> DpEvent {
    const { assert!(SIGMA_LIMIT < 1 << 53 && BOUND_LIMIT < 1 << 53) };
    if sigma > SIGMA_LIMIT {
        // Written out by hand: the sampler does not reach it.
        return DpEvent::NonPrivate;
    }
    match (Scale::new(sigma as f64), Scale::new(bound as f64)) {
        (Ok(sigma), Ok(bound)) => DpEvent::gaussian(sigma, bound, Relation::ZeroOut),
        // A sigma of zero adds nothing: it promises nothing.
        _ => DpEvent::NonPrivate,
    }
}

/// A standard deviation that the sampler can draw.
fn drawable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    written(deserializer, SIGMA_LIMIT)
}

/// One from which correlated noise can be made.
fn correlatable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    written(deserializer, correlated::SIGMA_LIMIT)
}

fn written<'de, D: Deserializer<'de>>(deserializer: D, most: u64) -> Result<u64, D::Error> {
    let sigma = u64::deserialize(deserializer)?;
    let within = (1..=most).contains(&sigma);
    if within { Ok(sigma) } else { Err(D::Error::custom(SigmaOutOfRange { sigma: sigma as f64, most })) }
}
