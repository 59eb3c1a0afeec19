//! Matrix mechanisms: the strategy as data. Its sensitivity is computed by the accountant and never stated here.

mod lower_triangular;
mod toeplitz;

pub use lower_triangular::LowerTriangular;
pub use toeplitz::{Buffer, BufferedToeplitz, Toeplitz};

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{InvalidEvent, Relation};
use crate::units::Scale;

/// Rounds of a run with a Toeplitz strategy: what a sensitivity computed at once may cost.
const ROUNDS_LIMIT: usize = 1 << 20;

/// A run of `rounds` rounds with workload `A = B C`, released as `A (X + C^-1 Z)`: row `t` of `X` is the sum of round `t`, `Z` is
/// Gaussian of standard deviation `sigma` in every entry, `C` is the strategy. All of it is one Gaussian release of `C X`;
/// rounds may be chosen in view of those before (Denisov and others 2022, Theorem 2.1).
///
/// A device takes part in at most `participations` rounds, any two of them at least `separation` apart (1: any rounds), which
/// the coordinator enforces; it contributes l2 norm `bound` at most in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawMatrixFactorisation")]
pub struct MatrixFactorisation {
    strategy: Strategy,
    rounds: NonZeroU32,
    participations: NonZeroU32,
    separation: NonZeroU32,
    sigma: Scale,
    bound: Scale,
    relation: Relation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMatrixFactorisation {
    strategy: Strategy,
    rounds: NonZeroU32,
    participations: NonZeroU32,
    separation: NonZeroU32,
    sigma: Scale,
    bound: Scale,
    relation: Relation,
}

impl MatrixFactorisation {
    /// The run described above.
    ///
    /// # Errors
    /// [`InvalidEvent`] when the strategy does not fit the rounds, or the run is too long for one event.
    pub fn new(
        strategy: Strategy,
        rounds: NonZeroU32,
        participations: NonZeroU32,
        separation: NonZeroU32,
        sigma: Scale,
        bound: Scale,
        relation: Relation,
    ) -> Result<Self, InvalidEvent> {
        let run = Self { strategy, rounds, participations, separation, sigma, bound, relation };
        let given = rounds.get() as usize;
        let (length, fits) = match &run.strategy {
            Strategy::Toeplitz(toeplitz) => (toeplitz.coefficients().len(), toeplitz.coefficients().len() <= given),
            Strategy::BufferedToeplitz(_) => (given, true),
            Strategy::LowerTriangular(matrix) => (matrix.columns().len(), matrix.columns().len() == given),
        };
        if !fits {
            return Err(InvalidEvent::StrategyLength { length, rounds: rounds.get() });
        }
        if given > ROUNDS_LIMIT {
            return Err(InvalidEvent::StrategyTooLarge { what: "rounds", given, limit: ROUNDS_LIMIT });
        }
        Ok(run)
    }

    /// The strategy `C`.
    #[must_use]
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Rounds of the run.
    #[must_use]
    pub fn rounds(&self) -> NonZeroU32 {
        self.rounds
    }

    /// Most rounds in which one device takes part.
    #[must_use]
    pub fn participations(&self) -> NonZeroU32 {
        self.participations
    }

    /// Least distance between two of them.
    #[must_use]
    pub fn separation(&self) -> NonZeroU32 {
        self.separation
    }

    /// Standard deviation of `Z`.
    #[must_use]
    pub fn sigma(&self) -> Scale {
        self.sigma
    }

    /// Largest l2 norm of one device's contribution to one round.
    #[must_use]
    pub fn bound(&self) -> Scale {
        self.bound
    }

    /// Which worlds are compared.
    #[must_use]
    pub fn relation(&self) -> Relation {
        self.relation
    }
}

impl TryFrom<RawMatrixFactorisation> for MatrixFactorisation {
    type Error = InvalidEvent;

    fn try_from(raw: RawMatrixFactorisation) -> Result<Self, InvalidEvent> {
        let RawMatrixFactorisation { strategy, rounds, participations, separation, sigma, bound, relation } = raw;
        Self::new(strategy, rounds, participations, separation, sigma, bound, relation)
    }
}

/// The lower-triangular matrix `C`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// The same coefficients below every diagonal element.
    Toeplitz(Toeplitz),
    /// A Toeplitz matrix whose coefficients are sums of a few decaying exponentials.
    BufferedToeplitz(BufferedToeplitz),
    /// Column by column.
    LowerTriangular(LowerTriangular),
}
