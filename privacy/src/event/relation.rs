//! Which pairs of worlds an epsilon compares, and that one epsilon compares one kind only.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DpEvent;

/// Which pairs of worlds an epsilon compares. An epsilon under one relation says nothing comparable under another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Relation {
    /// Add-or-remove one device, realised as zero-out: in one world the device contributes its update, in the other it
    /// contributes zero; denominators and everybody else's participation are the same in both. The sensitivity of a
    /// sum of updates with norm at most `S` is `S` (not `2S`, as under replace-one).
    ZeroOut,
    /// Replace one device's data by any other: the sensitivity of a sum of updates with norm at most `S` is `2S`.
    ReplaceOne,
}

impl Relation {
    /// By how much the sum changes between the two worlds at most, as a multiple of the bound on one contribution.
    #[must_use]
    pub fn factor(self) -> u8 {
        match self {
            Self::ZeroOut => 1,
            Self::ReplaceOne => 2,
        }
    }

    /// Sensitivity of a sum of contributions of norm at most `bound`, in any norm (triangle inequality). At the far end
    /// of the floats it is infinite.
    #[must_use]
    pub fn sensitivity(self, bound: f64) -> f64 {
        f64::from(self.factor()) * bound
    }
}

impl std::fmt::Display for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ZeroOut => f.write_str("add-or-remove one device (zero-out, fixed denominators)"),
            Self::ReplaceOne => f.write_str("replace one device"),
        }
    }
}

/// An event whose parts are stated under different relations: no number describes it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "one part of the event is stated under \"{first}\" and another under \"{second}\": state all of it under one relation"
)]
pub struct MixedRelations {
    /// The relation met first.
    pub first: Relation,
    /// The one that differs.
    pub second: Relation,
}

impl DpEvent {
    /// The relation under which every part of this event is stated; `None` where no part states one (nothing was released,
    /// or nothing is promised).
    ///
    /// # Errors
    /// [`MixedRelations`] when two parts disagree, at any depth, also in parts that are repeated zero times.
    pub fn relation(&self) -> Result<Option<Relation>, MixedRelations> {
        match self {
            Self::NonPrivate => Ok(None),
            Self::Gaussian { relation, .. }
            | Self::DiscreteGaussian { relation, .. }
            | Self::Laplace { relation, .. }
            | Self::DiscreteLaplace { relation, .. }
            | Self::TreeAggregation { relation, .. } => Ok(Some(*relation)),
            Self::DistributedDiscreteGaussian(noise) | Self::DistributedSkellam(noise) => Ok(Some(noise.relation)),
            Self::MatrixFactorisation(run) => Ok(Some(run.relation())),
            Self::PoissonSampled { of, .. } | Self::Repeated { of, .. } => of.relation(),
            Self::TruncatedPoisson(sampled) => sampled.of().relation(),
            Self::SampledWithoutReplacement(sampled) => sampled.of().relation(),
            Self::Allocation(allocation) => allocation.of().relation(),
            Self::Composed { of } => of.iter().try_fold(None, |all, event| joined(all, event.relation()?)),
        }
    }
}

fn joined(all: Option<Relation>, next: Option<Relation>) -> Result<Option<Relation>, MixedRelations> {
    match (all, next) {
        (Some(first), Some(second)) if first != second => Err(MixedRelations { first, second }),
        (all, next) => Ok(all.or(next)),
    }
}
