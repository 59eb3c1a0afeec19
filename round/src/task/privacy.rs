//! The `[privacy]` section. Nothing in it has a default, and nothing in it may contradict itself.

mod section;

use murmur_privacy::{
    correlated::Shape,
    encoding::Share,
    local::LocalMechanism,
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier},
};
use serde::{Deserialize, Serialize};

use crate::{adaptive_clip::AdaptiveClip, measure::Measure};
use section::{Section, WrittenLevel};

/// What a task promises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Section", into = "Section")]
pub struct Privacy {
    /// l2 clip of one device's whole update, in units of the model's parameters; under adaptive clipping, where it starts. Where measures
    /// are all that is sent it is 1 and not written: together they are within that, whatever they are.
    pub clip: Clip,
    /// What is added to sums, and what that is worth.
    pub promise: Promise,
    /// Whether and how the clip follows the devices' updates.
    pub adaptive_clip: Option<AdaptiveClip>,
    /// What devices measure beside their updates.
    pub metrics: Option<Metrics>,
    /// What each device does to its own update before anybody else sees it, beside whatever is added to sums.
    pub local: Option<LocalMechanism>,
}

/// What is added to sums, and what that is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Promise {
    /// The rounded Gaussian on the sum of clipped updates, drawn afresh for each round or correlated between rounds.
    Gaussian {
        /// The task's budget: a filter, not a wish.
        epsilon: Epsilon,
        /// Failure probability, below 1 / population.
        delta: DeltaProbability,
        /// How much noise.
        noise: NoiseLevel,
        /// How the noise of rounds hangs together: `mechanism = "tree" | "banded" | "blt"`; not at all with `"gaussian"`.
        shape: Option<Shape>,
    },
    /// Nothing: `mechanism = "none"`. Updates are still clipped; epsilon is infinite and says so everywhere.
    None,
}

/// How the noise is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenLevel", into = "WrittenLevel")]
pub enum NoiseLevel {
    /// The smallest that affords all rounds within the budget.
    Calibrate,
    /// This multiplier; rounds stop where the budget ends.
    Multiplier(NoiseMultiplier),
}

/// What devices measure on the model that they got, before they train it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metrics {
    /// Coordinates of the noised sum, within the budget.
    Private {
        /// Part of the budget, for all of them together.
        share: Share,
        /// A device's mean loss is cut off at this.
        loss_bound: f64,
    },
    /// All that is sent: of an `[evaluation]`, with the whole budget in equal parts.
    Whole {
        /// A device's mean loss is cut off at this.
        loss_bound: f64,
    },
    /// `non_private_metrics = true`: in clear, averaged by the coordinator and published without noise. No promise covers them, and
    /// every report of the task says so.
    Open,
}

impl Privacy {
    /// The task's budget; infinite without a mechanism.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        match self.promise {
            Promise::Gaussian { epsilon, .. } => epsilon,
            Promise::None => Epsilon::INFINITE,
        }
    }

    /// The failure probability, where one is promised.
    #[must_use]
    pub fn delta(&self) -> Option<DeltaProbability> {
        match self.promise {
            Promise::Gaussian { delta, .. } => Some(delta),
            Promise::None => None,
        }
    }

    /// What travels in the coordinates after the model's, in order, each with its part of the budget.
    #[must_use]
    pub fn measures(&self) -> Vec<(Measure, Share)> {
        let mut measures = Vec::new();
        if let Some(Metrics::Private { share, loss_bound }) = self.metrics {
            let kinds = [Measure::Reports, Measure::Loss { bound: loss_bound }, Measure::Accuracy];
            // A third of a share is a share.
            let third = Share::new(share.get() / 3.0).unwrap_or(share);
            measures.extend(kinds.map(|kind| (kind, third)));
        }
        if let Some(adaptive) = self.adaptive_clip {
            measures.push((Measure::WithinClip, adaptive.share));
        }
        measures
    }

    /// Whether devices send metrics in clear.
    #[must_use]
    pub fn metrics_are_open(&self) -> bool {
        self.metrics == Some(Metrics::Open)
    }
}
