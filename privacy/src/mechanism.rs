//! What is added to a sum before it is released, and what that costs.

use std::num::NonZeroUsize;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use thiserror::Error;

use crate::{
    event::{DpEvent, Relation},
    grid::{BOUND_LIMIT, Grid},
    noise::{NoiseRng, RoundedGaussian, spread},
    ring::RingVector,
    units::{NoiseMultiplier, OutOfRange, Scale},
};

/// Largest standard deviation in steps that the sampler draws.
pub const SIGMA_LIMIT: u64 = RoundedGaussian::LIMIT;

/// A mechanism on integer sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Nothing is added and nothing is promised: epsilon is infinite.
    None,
}

/// A noise level that cannot be drawn.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("a standard deviation of {sigma} steps is outside 1 to 2^44: choose another noise multiplier or clip")]
pub struct SigmaOutOfRange {
    /// The standard deviation asked for, in steps.
    pub sigma: f64,
}

impl Mechanism {
    /// The Gaussian with at least this multiplier: `sigma = ceil(multiplier * S)` steps, so that rounding adds noise
    /// and never takes any away.
    ///
    /// # Errors
    /// [`SigmaOutOfRange`] when the result is beyond the sampler.
    pub fn gaussian(grid: &Grid, multiplier: NoiseMultiplier) -> Result<Self, SigmaOutOfRange> {
        let sigma = (multiplier.get() * grid.bound() as f64).ceil();
        if sigma >= 1.0 && sigma <= SIGMA_LIMIT as f64 {
            Ok(Self::Gaussian { sigma: sigma as u64 })
        } else {
            Err(SigmaOutOfRange { sigma })
        }
    }

    /// What one release on `grid` costs, before any claim about sampling.
    #[must_use]
    pub fn event(&self, grid: &Grid) -> DpEvent {
        match self {
            Self::Gaussian { sigma } => gaussian_event(*sigma, grid.bound()),
            Self::None => DpEvent::NonPrivate,
        }
    }

    /// Standard deviation of the noise in steps; 0 without noise.
    #[must_use]
    pub fn sigma(&self) -> u64 {
        match self {
            Self::Gaussian { sigma } => *sigma,
            Self::None => 0,
        }
    }

    /// Standard deviation over sensitivity, as it really runs on `grid`; `None` where nothing is added.
    ///
    /// # Errors
    /// Never for a mechanism made by [`gaussian`](Self::gaussian) or read from a file; [`OutOfRange`] for a written-out zero.
    pub fn multiplier(&self, grid: &Grid) -> Result<Option<NoiseMultiplier>, OutOfRange> {
        match self {
            Self::Gaussian { sigma } => NoiseMultiplier::new(*sigma as f64 / grid.bound() as f64).map(Some),
            Self::None => Ok(None),
        }
    }

    /// Adds the noise. The result depends on the generator's state alone, not on the number of threads.
    pub(crate) fn perturb(&self, sum: &mut RingVector, rng: &mut NoiseRng, threads: NonZeroUsize) {
        match self {
            Self::Gaussian { sigma } => {
                // Beyond the limit the event promises nothing; nor does it for zero, of which there is nothing to add.
                if let Ok(noise) = RoundedGaussian::new((*sigma).min(SIGMA_LIMIT)) {
                    let (words, add) = sum.addition();
                    spread(&noise, words, rng, threads, add);
                }
            }
            Self::None => {}
        }
    }
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
    let sigma = u64::deserialize(deserializer)?;
    if (1..=SIGMA_LIMIT).contains(&sigma) {
        Ok(sigma)
    } else {
        Err(D::Error::custom(SigmaOutOfRange { sigma: sigma as f64 }))
    }
}
