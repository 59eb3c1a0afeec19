//! What a release was, frozen: accountants interpret events, nobody edits them.

mod distributed;
mod error;
mod matrix;
mod relation;
mod sampling;

pub use distributed::{DistributedNoise, rounded_bound};
pub use error::InvalidEvent;
pub use matrix::{Buffer, BufferedToeplitz, LowerTriangular, MatrixFactorisation, Strategy, Toeplitz};
pub use relation::{MixedRelations, Relation};
pub use sampling::{Allocation, SampledWithoutReplacement, TruncatedPoisson};

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::units::{SamplingRate, Scale};

/// Version of the events' written form. A variant may be added to it; none is ever changed or taken away, and a test holds
/// the literal form of each. It is part of version 1 of the ledger's format.
pub const FORMAT_VERSION: u32 = 1;

/// One or several releases, as data. Losses are derived from events and never stored in their place.
///
/// A mechanism is stated by its noise, by the `bound` on the norm of one device's contribution (in the unit of the noise) and
/// by the relation. The sensitivity, and with it the noise multiplier, is derived from these by
/// [`Relation::sensitivity`]: no event takes a multiplier, which would mean another thing under another relation.
///
/// "Several" always means independent noise, each event chosen in view of the results before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DpEvent {
    /// A release about which nothing is promised.
    NonPrivate,
    /// A sum with Gaussian noise on every coordinate; rounding to integers afterwards is covered as post-processing.
    Gaussian {
        /// Standard deviation.
        sigma: Scale,
        /// Largest l2 norm of one device's contribution.
        bound: Scale,
        /// Which worlds are compared.
        relation: Relation,
    },
    /// A sum of integers with discrete Gaussian noise on every coordinate: `P(x)` proportional to
    /// `exp(-x^2 / (2 sigma^2))` over the integers.
    DiscreteGaussian {
        /// The parameter `sigma`, in steps.
        sigma: Scale,
        /// Largest l2 norm of one device's contribution, in steps.
        bound: Scale,
        /// Coordinates.
        dimension: NonZeroU64,
        /// Which worlds are compared.
        relation: Relation,
    },
    /// A sum with Laplace noise on every coordinate: density proportional to `exp(-|x| / scale)`.
    Laplace {
        /// The parameter `scale`; the standard deviation is `sqrt(2)` times as large.
        scale: Scale,
        /// Largest l1 norm of one device's contribution.
        bound: Scale,
        /// Coordinates.
        dimension: NonZeroU64,
        /// Which worlds are compared.
        relation: Relation,
    },
    /// A sum of integers with discrete Laplace noise on every coordinate: `P(x)` proportional to `exp(-|x| / scale)`
    /// over the integers.
    DiscreteLaplace {
        /// The parameter `scale`, in steps.
        scale: Scale,
        /// Largest l1 norm of one device's contribution, in steps.
        bound: NonZeroU64,
        /// Coordinates.
        dimension: NonZeroU64,
        /// Which worlds are compared.
        relation: Relation,
    },
    /// A sum of integers to which every surviving honest device adds its own share of discrete Gaussian noise, seen only as a
    /// whole (secure aggregation; wrapping around is post-processing). The sum of the shares is not quite a discrete Gaussian.
    DistributedDiscreteGaussian(DistributedNoise),
    /// As [`DistributedDiscreteGaussian`](Self::DistributedDiscreteGaussian), with shares of Skellam noise: the difference
    /// of two Poisson variables of mean `sigma^2 / 2` each.
    DistributedSkellam(DistributedNoise),
    /// Binary-tree aggregation over a stream of rounds: each node's sum is released with Gaussian noise, and a device
    /// takes part at most once in each tree.
    TreeAggregation {
        /// Standard deviation of the noise at each node.
        sigma: Scale,
        /// Largest l2 norm of one device's contribution.
        bound: Scale,
        /// Rounds in one tree.
        leaves: NonZeroU32,
        /// Trees, one after another; each has fresh noise. A run without restart is one tree.
        trees: NonZeroU32,
        /// Which worlds are compared.
        relation: Relation,
    },
    /// A whole run of a matrix mechanism: correlated Gaussian noise over its rounds.
    MatrixFactorisation(MatrixFactorisation),
    /// `of` on a subset that includes each enrolled device by an independent secret coin of probability `rate`, every included
    /// device being counted.
    PoissonSampled {
        /// Probability of inclusion.
        rate: SamplingRate,
        /// What ran on the subset.
        of: Box<DpEvent>,
    },
    /// `of` on a Poisson sample of which at most a cap is counted.
    TruncatedPoisson(TruncatedPoisson),
    /// `of` on a secret uniform subset of fixed size.
    SampledWithoutReplacement(SampledWithoutReplacement),
    /// A block of rounds to some of which each device was secretly assigned beforehand, each round releasing `of` on its
    /// devices.
    Allocation(Allocation),
    /// `of`, `count` times.
    Repeated {
        /// How often.
        count: u32,
        /// What was repeated.
        of: Box<DpEvent>,
    },
    /// Several events, in order.
    Composed {
        /// The events.
        of: Vec<DpEvent>,
    },
}

impl DpEvent {
    /// Gaussian noise of standard deviation `sigma` on a sum to which one device contributes l2 norm `bound` at most.
    #[must_use]
    pub fn gaussian(sigma: Scale, bound: Scale, relation: Relation) -> Self {
        Self::Gaussian { sigma, bound, relation }
    }

    /// This event, `count` times.
    #[must_use]
    pub fn repeated(self, count: u32) -> Self {
        Self::Repeated { count, of: Box::new(self) }
    }

    /// This event on a Poisson sample.
    #[must_use]
    pub fn poisson_sampled(self, rate: SamplingRate) -> Self {
        Self::PoissonSampled { rate, of: Box::new(self) }
    }

    /// Rounds that one occurrence of this event spans: the whole of it is one block, charged before the first of them
    /// releases anything. 1 for whatever happens within a round.
    ///
    /// Only what is an event of several rounds by its own definition counts. Around it (sampled, repeated, composed) nothing is
    /// promised about rounds, and 1 is the safe answer: each round is then charged with all of it.
    #[must_use]
    pub fn rounds_spanned(&self) -> NonZeroU32 {
        match self {
            Self::Allocation(allocation) => allocation.rounds(),
            Self::TreeAggregation { leaves, trees, .. } => leaves.saturating_mul(*trees),
            Self::MatrixFactorisation(run) => run.rounds(),
            _ => NonZeroU32::MIN,
        }
    }

    /// The event of the mechanism itself, without the claim about who took part.
    #[must_use]
    pub fn mechanism(&self) -> &Self {
        match self {
            Self::PoissonSampled { of, .. } => of.mechanism(),
            Self::TruncatedPoisson(sampled) => sampled.of().mechanism(),
            Self::SampledWithoutReplacement(sampled) => sampled.of().mechanism(),
            Self::Allocation(allocation) => allocation.of().mechanism(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
