//! What devices measure beside their updates, and what a round releases of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One coordinate beside the model's: a number from -1 to 1 that each device adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// 1 from each device that measured anything.
    Reports,
    /// A device's mean loss, cut off at `bound`: -1 for none, 1 for the bound.
    Loss {
        /// The loss that counts as 1.
        bound: f64,
    },
    /// A device's accuracy: -1 for none right, 1 for all.
    Accuracy,
    /// 1 if the update was within the clip before it was clipped, -1 if not.
    WithinClip,
}

/// How well one device's own examples are predicted by the model that it got.
///
/// It is one device's: neither printable nor serialisable.
#[derive(Clone, Copy, PartialEq)]
pub struct LocalMetrics {
    /// Mean loss over its examples.
    pub loss: f64,
    /// Part of its examples that are predicted right.
    pub accuracy: f64,
}

impl fmt::Debug for LocalMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalMetrics(..)")
    }
}

impl Measure {
    /// The device's contribution. Without metrics (a device without examples) it adds nothing but to the indicator of the clip.
    #[must_use]
    pub fn of(&self, metrics: Option<&LocalMetrics>, within_clip: bool) -> f64 {
        match (self, metrics) {
            (Self::WithinClip, _) => {
                if within_clip {
                    1.0
                } else {
                    -1.0
                }
            }
            (_, None) => 0.0,
            (Self::Reports, Some(_)) => 1.0,
            (Self::Loss { bound }, Some(metrics)) => 2.0 * (metrics.loss / bound).clamp(0.0, 1.0) - 1.0,
            (Self::Accuracy, Some(metrics)) => 2.0 * metrics.accuracy - 1.0,
        }
    }
}

/// What a round says about the model that it began with, on its devices' own examples, each device counting the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedMetrics {
    /// Devices that measured. Within the budget it is a noised number, and may even be negative.
    pub reports: f64,
    /// Mean over devices of their mean loss.
    pub loss: f64,
    /// Mean over devices of their accuracy.
    pub accuracy: f64,
    /// Whether they were released within the budget; otherwise nothing protects them.
    pub private: bool,
}

impl ReleasedMetrics {
    /// From the sums of [`Measure::Reports`], [`Measure::Loss`] and [`Measure::Accuracy`] as they were released, with noise or (where the
    /// task has no mechanism) without.
    #[must_use]
    pub fn of_sums(reports: f64, loss: f64, accuracy: f64, loss_bound: f64, private: bool) -> Self {
        // Both are noised, so their quotient is post-processing. Of less than one report there is no mean.
        let mean = |sum: f64| (0.5 + sum / (2.0 * reports.max(1.0))).clamp(0.0, 1.0);
        Self { reports, loss: loss_bound * mean(loss), accuracy: mean(accuracy), private }
    }
}

/// Metrics that devices sent in clear, added up.
#[derive(Default)]
pub(crate) struct OpenMetrics {
    reports: u64,
    loss: f64,
    accuracy: f64,
}

impl OpenMetrics {
    /// Adds one device's; what is not finite counts as nothing.
    pub(crate) fn add(&mut self, metrics: &LocalMetrics) {
        if metrics.loss.is_finite() && metrics.accuracy.is_finite() {
            self.reports += 1;
            self.loss += metrics.loss;
            self.accuracy += metrics.accuracy;
        }
    }

    /// Their means; nothing without reports.
    pub(crate) fn released(&self) -> Option<ReleasedMetrics> {
        let reports = self.reports as f64;
        (self.reports > 0).then(|| ReleasedMetrics {
            reports,
            loss: self.loss / reports,
            accuracy: self.accuracy / reports,
            private: false,
        })
    }
}

#[cfg(test)]
mod tests;
