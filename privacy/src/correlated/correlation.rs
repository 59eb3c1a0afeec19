//! How the noise of a block's rounds hangs together, and what that costs.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Banded, Buffered, CorrelationError, Limits, Tree, toeplitz};
use crate::{
    accountant::one_gaussian,
    event::{Buffer, BufferedToeplitz, DpEvent, InvalidEvent, MatrixFactorisation, Relation, Strategy, Toeplitz},
    grid::Grid,
    units::Scale,
};

/// A correlation over a block of rounds. Everything that decides about privacy is in it but the noise level and the grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "correlation", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Correlation {
    /// Noise on the nodes of a binary tree over the block.
    Tree(Tree),
    /// A banded Toeplitz strategy.
    Banded(Banded),
    /// A buffered linear Toeplitz strategy.
    Buffered(Buffered),
}

impl Correlation {
    /// Tree aggregation over blocks of `leaves` rounds, in each of which a device takes part at most once.
    ///
    /// # Errors
    /// [`CorrelationError`] for too few or too many leaves.
    pub fn tree(leaves: u32) -> Result<Self, CorrelationError> {
        Tree::new(leaves).map(Self::Tree)
    }

    /// The banded strategy found best for a block of `rounds` rounds.
    ///
    /// # Errors
    /// [`CorrelationError`] when the numbers do not fit each other.
    pub fn banded(rounds: u32, bands: u32, limits: Limits) -> Result<Self, CorrelationError> {
        Banded::new(rounds, bands, limits).map(Self::Banded)
    }

    /// The buffered strategy found best for a block of `rounds` rounds.
    ///
    /// # Errors
    /// [`CorrelationError`] when the numbers do not fit each other.
    pub fn buffered(rounds: u32, buffers: u32, limits: Limits) -> Result<Self, CorrelationError> {
        Buffered::new(rounds, buffers, limits).map(Self::Buffered)
    }

    /// Short name, as in a task file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tree(_) => "tree",
            Self::Banded(_) => "banded",
            Self::Buffered(_) => "blt",
        }
    }

    /// Rounds of a block.
    #[must_use]
    pub fn rounds(&self) -> NonZeroU32 {
        match self {
            Self::Tree(tree) => tree.leaves(),
            Self::Banded(banded) => banded.rounds(),
            Self::Buffered(buffered) => buffered.rounds(),
        }
    }

    /// How often one device may take part in a block for the claim to hold.
    #[must_use]
    pub fn limits(&self) -> Limits {
        match self {
            Self::Tree(_) => Limits { participations: NonZeroU32::MIN, separation: NonZeroU32::MIN },
            Self::Banded(banded) => banded.limits(),
            Self::Buffered(buffered) => buffered.limits(),
        }
    }

    /// What one block with Gaussian noise of deviation `sigma` steps costs on `grid`.
    ///
    /// # Guarantee
    /// Everything that a block releases is a function of the mechanism that the event describes: see [the module](super).
    #[must_use]
    pub fn event(&self, sigma: Scale, grid: &Grid) -> DpEvent {
        // A mechanism that could not be stated would promise nothing; none of those made here is of that kind.
        self.stated(sigma, grid).unwrap_or(DpEvent::NonPrivate)
    }

    fn stated(&self, sigma: Scale, grid: &Grid) -> Option<DpEvent> {
        let (relation, trees) = (Relation::ZeroOut, NonZeroU32::MIN);
        // Below 2^53: a float holds it.
        let exact = Scale::new(grid.bound() as f64).ok()?;
        let (strategy, bound) = match self {
            Self::Tree(tree) => {
                let leaves = tree.leaves();
                return Some(DpEvent::TreeAggregation { sigma, bound: exact, leaves, trees, relation });
            }
            Self::Banded(banded) => (toeplitz_strategy(banded).ok()?, exact),
            Self::Buffered(buffered) => {
                (buffered_strategy(buffered).ok()?, Scale::new(exact.get() + charge(buffered, grid)).ok()?)
            }
        };
        let Limits { participations, separation } = self.limits();
        let run = MatrixFactorisation::new(strategy, self.rounds(), participations, separation, sigma, bound, relation);
        run.ok().map(DpEvent::MatrixFactorisation)
    }

    /// The l2 sensitivity, in steps, of the Gaussian mechanism of which a block is a function: what `sigma` is measured by.
    #[must_use]
    pub fn sensitivity(&self, grid: &Grid) -> f64 {
        let unit = Scale::new(1.0).ok();
        unit.and_then(|unit| one_gaussian(&self.event(unit, grid))).unwrap_or(f64::INFINITY)
    }

    /// Variances of the noise on the sum of a block's first `1, 2, ...` rounds, for `sigma = 1` and before anything is rounded.
    #[must_use]
    pub fn prefix_variances(&self) -> Vec<f64> {
        match self {
            Self::Tree(tree) => tree.prefix_variances(),
            Self::Banded(banded) => toeplitz::prefix_variances(&banded.inverse()),
            Self::Buffered(buffered) => toeplitz::prefix_variances(&buffered.inverse()),
        }
    }

    /// Root of the mean of [`prefix_variances`](Self::prefix_variances) where sigma equals the sensitivity of contributions of norm 1:
    /// by this number correlations over equally many rounds compare, at equal privacy.
    ///
    /// For a tree it holds within one block.
    #[must_use]
    pub fn relative_error(&self, grid: &Grid) -> f64 {
        self.sensitivity(grid) / grid.bound() as f64 * toeplitz::mean(&self.prefix_variances()).sqrt()
    }

    /// An upper bound on the standard deviation of what is added to one round's sum, in whole steps.
    pub(crate) fn spread(&self, sigma: u64) -> u64 {
        let sigma = sigma as f64;
        let spread = match self {
            // The difference of two rounded estimates.
            Self::Tree(tree) => {
                let largest = tree.prefix_variances().into_iter().fold(0.0, f64::max);
                2.0 * (largest.sqrt() * sigma + 0.5)
            }
            Self::Banded(banded) => toeplitz::spread(&banded.inverse(), sigma),
            Self::Buffered(buffered) => toeplitz::spread(&buffered.inverse(), sigma),
        };
        spread.ceil() as u64
    }
}

fn toeplitz_strategy(banded: &Banded) -> Result<Strategy, InvalidEvent> {
    Toeplitz::new(banded.values()).map(Strategy::Toeplitz)
}

fn buffered_strategy(buffered: &Buffered) -> Result<Strategy, InvalidEvent> {
    let buffer = |(decay, weight)| Buffer { decay, weight };
    BufferedToeplitz::new(buffered.pairs().into_iter().map(buffer).collect()).map(Strategy::BufferedToeplitz)
}

/// What the rounding of buffers adds to the bound, in steps: in each coordinate of each round the error differs between
/// neighbours by twice its bound at most. The sensitivity of a strategy is at least one, so that on the bound it is charged in full.
fn charge(buffered: &Buffered, grid: &Grid) -> f64 {
    let entries = f64::from(buffered.rounds().get()) * grid.dimension() as f64;
    // The factor is above the rounding errors of this line.
    2.0 * buffered.error() * entries.sqrt() * (1.0 + 1e-9)
}

#[cfg(test)]
mod tests;
