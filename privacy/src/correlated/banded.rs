//! Banded Toeplitz strategies: the noise of a round is correlated with that of the last few.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{
    CorrelationError, Limits,
    dyadic::{ONE, nearest, value},
    simplex::minimise,
    toeplitz::{self, inverse},
};

/// Rounds of one block.
pub(super) const ROUNDS_LIMIT: u32 = 1 << 16;
/// Bands: so many vectors of the model's dimension are kept, but for one.
const BANDS_LIMIT: u32 = 1 << 9;

/// A lower-triangular Toeplitz matrix with `bands` coefficients `c_0 = 1 >= c_1 >= ...`, all multiples of `2^-16`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawBanded")]
pub struct Banded {
    rounds: NonZeroU32,
    limits: Limits,
    /// In units of `2^-16`.
    coefficients: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBanded {
    rounds: NonZeroU32,
    limits: Limits,
    coefficients: Vec<u32>,
}

impl Banded {
    /// The strategy for a block of `rounds` rounds that makes the sums of its first rounds most exact at equal privacy, on average
    /// over the block, among coefficients of the form `c_t = c_(t-1) (t - 1 + u) / (t + v)`.
    ///
    /// With `u = 1/2` and `v = 0` these are the first coefficients of the square root of the matrix of ones; the best `u` and `v` come
    /// within 0.1 % of the best banded Toeplitz matrix (docs/measurements.md).
    ///
    /// # Errors
    /// [`CorrelationError`] when the numbers do not fit each other.
    pub fn new(rounds: u32, bands: u32, limits: Limits) -> Result<Self, CorrelationError> {
        let block = Self::check(rounds, bands, limits)?;
        let curve = |shape: &[f64]| {
            let mut coefficients = vec![1.0];
            for t in 1..bands {
                let t = f64::from(t);
                let ratio = (t - 1.0 + shape[0]) / (t + shape[1]);
                coefficients.push(coefficients[coefficients.len() - 1] * ratio);
            }
            coefficients
        };
        let loss = |shape: &[f64]| {
            let coefficients = curve(shape);
            // Beyond these the coefficients rise, or become negative.
            if shape[0] < 0.0 || shape[1] <= -1.0 || shape[0] > 1.0 + shape[1] {
                return f64::INFINITY;
            }
            toeplitz::loss(&coefficients, &inverse(&coefficients, rounds as usize), rounds, limits)
        };
        let mut shape = vec![0.5, 0.0];
        if bands > 1 {
            for step in [0.25, 0.05] {
                shape = minimise(&shape, step, 200, loss);
            }
        }
        let coefficients = curve(&shape).into_iter().map(nearest).collect();
        Ok(Self { rounds: block, limits, coefficients })
    }

    /// The same with the coefficients given, in units of `2^-16`: the first is one (65,536), none is larger than the one before.
    ///
    /// # Errors
    /// [`CorrelationError`] for any other coefficients.
    pub fn with_coefficients(rounds: u32, limits: Limits, coefficients: Vec<u32>) -> Result<Self, CorrelationError> {
        let bands = u32::try_from(coefficients.len()).unwrap_or(u32::MAX);
        let rounds = Self::check(rounds, bands, limits)?;
        let mut before = ONE;
        for (index, numerator) in coefficients.iter().copied().enumerate() {
            if numerator > before || (index == 0 && numerator != ONE) {
                let range = "65536 for the first, and no larger than the one before for the others";
                return Err(CorrelationError::Coefficient { what: "coefficient", index, numerator, range });
            }
            before = numerator;
        }
        Ok(Self { rounds, limits, coefficients })
    }

    /// Rounds of a block.
    #[must_use]
    pub fn rounds(&self) -> NonZeroU32 {
        self.rounds
    }

    /// How often a device takes part.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// `c_0, c_1, ...` in units of `2^-16`.
    #[must_use]
    pub fn coefficients(&self) -> &[u32] {
        &self.coefficients
    }

    /// `c_0, c_1, ...`
    pub(super) fn values(&self) -> Vec<f64> {
        self.coefficients.iter().copied().map(value).collect()
    }

    pub(super) fn inverse(&self) -> Vec<f64> {
        inverse(&self.values(), self.rounds.get() as usize)
    }

    /// The block's rounds, if everything fits.
    pub(super) fn check(rounds: u32, bands: u32, limits: Limits) -> Result<NonZeroU32, CorrelationError> {
        let block = block_of(rounds, limits)?;
        if bands == 0 || bands > BANDS_LIMIT {
            return Err(CorrelationError::Count { what: "bands", given: bands, limit: BANDS_LIMIT });
        }
        if bands > rounds {
            return Err(CorrelationError::BandsAboveRounds { bands, rounds });
        }
        let separation = limits.separation.get();
        if bands > separation && limits.participations.get() > 1 {
            return Err(CorrelationError::BandsAboveSeparation { bands, separation });
        }
        Ok(block)
    }
}

/// A block of so many rounds, if it holds a device's separation.
pub(super) fn block_of(rounds: u32, limits: Limits) -> Result<NonZeroU32, CorrelationError> {
    let block = NonZeroU32::new(rounds).filter(|rounds| rounds.get() <= ROUNDS_LIMIT);
    let block = block.ok_or(CorrelationError::Count { what: "rounds", given: rounds, limit: ROUNDS_LIMIT })?;
    let separation = limits.separation.get();
    if separation > rounds {
        return Err(CorrelationError::SeparationAboveRounds { separation, rounds });
    }
    Ok(block)
}

impl TryFrom<RawBanded> for Banded {
    type Error = CorrelationError;

    fn try_from(raw: RawBanded) -> Result<Self, CorrelationError> {
        Self::with_coefficients(raw.rounds.get(), raw.limits, raw.coefficients)
    }
}

#[cfg(test)]
mod tests;
