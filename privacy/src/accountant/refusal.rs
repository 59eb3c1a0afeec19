//! The answer of an accountant that has no theorem.

use thiserror::Error;

use crate::event::{DpEvent, MixedRelations, Relation};

/// No number for this event here: what was refused, why, and what to do.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// No theorem for this kind of event.
    #[error("the {accountant} accountant has no theorem for {event}: {remedy}")]
    NoTheorem {
        /// Who refused.
        accountant: &'static str,
        /// What was refused, in words.
        event: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A theorem is there, for another relation.
    #[error(
        "the {accountant} accountant knows {event} under \"{known}\" only, and the event is stated under \"{stated}\": \
         state the mechanism under the former, or charge it without the claim about sampling"
    )]
    Relation {
        /// Who refused.
        accountant: &'static str,
        /// What was refused, in words.
        event: &'static str,
        /// The relation of the event.
        stated: Relation,
        /// The relation of the theorem.
        known: Relation,
    },
    /// Parts of the event compare different worlds.
    #[error("no accountant prices an event whose parts compare different worlds")]
    MixedRelations(#[from] MixedRelations),
}

impl Refusal {
    /// The refusal of `event` by `accountant`, for want of a theorem.
    pub(super) fn new(accountant: &'static str, event: &DpEvent) -> Self {
        let (event, remedy) = described(event);
        Self::NoTheorem { accountant, event, remedy }
    }

    /// The refusal of a sampled `event` that is stated under `stated`.
    pub(super) fn relation(accountant: &'static str, event: &DpEvent, stated: Relation, known: Relation) -> Self {
        Self::Relation { accountant, event: described(event).0, stated, known }
    }
}

const UNSAMPLED: &str =
    "charge what ran on the sample without the claim about sampling, or use an accountant that knows it";
const OTHER: &str = "use an accountant that knows it";

/// What it is, and what to do instead.
fn described(event: &DpEvent) -> (&'static str, &'static str) {
    match event {
        DpEvent::NonPrivate => ("a release without privacy", OTHER),
        DpEvent::Gaussian { .. } => ("the Gaussian mechanism", OTHER),
        DpEvent::DiscreteGaussian { .. } => ("the discrete Gaussian mechanism", OTHER),
        DpEvent::Laplace { .. } => ("the Laplace mechanism", OTHER),
        DpEvent::DiscreteLaplace { .. } => ("the discrete Laplace mechanism", OTHER),
        DpEvent::DistributedDiscreteGaussian(noise) if noise.sigma.get() < 0.5 => (
            "distributed discrete Gaussian noise whose shares have a sigma below half a step",
            "make the grid finer or the shares larger",
        ),
        DpEvent::DistributedDiscreteGaussian(_) => ("distributed discrete Gaussian noise", OTHER),
        DpEvent::DistributedSkellam(_) => ("distributed Skellam noise", OTHER),
        DpEvent::TreeAggregation { .. } => ("tree aggregation", OTHER),
        DpEvent::MatrixFactorisation(_) => ("a matrix mechanism", OTHER),
        DpEvent::PoissonSampled { of, .. } => match of.as_ref() {
            DpEvent::Gaussian { .. } => ("the Poisson-subsampled Gaussian mechanism", UNSAMPLED),
            DpEvent::DiscreteGaussian { .. }
            | DpEvent::Laplace { .. }
            | DpEvent::DiscreteLaplace { .. }
            | DpEvent::DistributedDiscreteGaussian(_)
            | DpEvent::DistributedSkellam(_) => ("Poisson sampling of a mechanism that is not Gaussian", UNSAMPLED),
            _ => (
                "Poisson sampling of anything but one release of one mechanism",
                "state the sampling of each release by itself",
            ),
        },
        DpEvent::TruncatedPoisson(_) => (
            "a Poisson sample with a cap, in which one device can displace another",
            "use the privacy-loss-distribution accountant, or count every sampled device and claim Poisson sampling",
        ),
        DpEvent::SampledWithoutReplacement(_) => ("sampling without replacement of this mechanism", UNSAMPLED),
        DpEvent::Allocation(_) => (
            "random allocation of this mechanism",
            "use an accountant that knows it, or charge every round of a device without the claim about secrecy",
        ),
        DpEvent::Repeated { .. } => ("a repetition", OTHER),
        DpEvent::Composed { .. } => ("a composition", OTHER),
    }
}
