//! What a release was, frozen: accountants interpret events, nobody edits them.

use serde::{Deserialize, Serialize};

use crate::units::{SamplingRate, Scale};

/// One or several releases, as data. Losses are derived from events and never stored in their place.
///
/// Every event is stated for the relation [`Relation::ZeroOut`]. Serialised events are kept in ledgers for ever: a
/// variant may be added, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DpEvent {
    /// A release about which nothing is promised.
    NonPrivate,
    /// A query of l2 `sensitivity` with Gaussian noise of standard deviation `sigma`, in the same unit; rounding to
    /// integers afterwards is covered as post-processing. The noise multiplier is `sigma / sensitivity`.
    Gaussian {
        /// Standard deviation.
        sigma: Scale,
        /// l2 sensitivity under the relation.
        sensitivity: Scale,
    },
    /// `event` on a subset that includes each enrolled device by an independent secret coin of probability `rate`.
    PoissonSampled {
        /// Probability of inclusion.
        rate: SamplingRate,
        /// What ran on the subset.
        of: Box<DpEvent>,
    },
    /// `event`, `count` times with independent randomness, each chosen in view of the results before it.
    Repeated {
        /// How often.
        count: u32,
        /// What was repeated.
        of: Box<DpEvent>,
    },
    /// Several events with independent randomness, each chosen in view of the results before it.
    Composed {
        /// The events, in order.
        of: Vec<DpEvent>,
    },
}

impl DpEvent {
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

    /// The event of the mechanism itself, without the claim about who took part.
    #[must_use]
    pub fn mechanism(&self) -> &Self {
        match self {
            Self::PoissonSampled { of, .. } => of.mechanism(),
            other => other,
        }
    }
}

/// Which pairs of worlds an epsilon compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Relation {
    /// Add-or-remove one device, realised as zero-out: in one world the device contributes its update, in the other it
    /// contributes zero; denominators and everybody else's participation are the same in both. The sensitivity of a
    /// sum of updates with norm at most `S` is `S` (not `2S`, as under replace-one).
    ZeroOut,
}

impl std::fmt::Display for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ZeroOut => f.write_str("add-or-remove one device (zero-out, fixed denominators)"),
        }
    }
}
