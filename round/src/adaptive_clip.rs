//! Adaptive clipping: the clip follows a quantile of the devices' update norms, seen through the budget.

use murmur_privacy::{
    encoding::Share,
    units::{Clip, OutOfRange},
};
use serde::{Deserialize, Serialize};

/// The `[privacy.adaptive_clip]` section of a task. Each device tells, in a coordinate with a bound of its own, whether its update was within the
/// round's clip before it was clipped; the noised average of that moves the next round's clip.
///
/// # Guarantee
/// The clip of a round is a function of earlier releases, and public. It scales the grid's step; integer bounds, noise and event do not
/// move with it. So the clip that was used for clipping is the one that the noise was measured by, whatever it is.
///
/// # Source
/// Andrew, Thakkar, McMahan and Ramaswamy 2021 (1905.03871), Algorithm 1, with the indicator before clipping and the geometric step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveClip {
    /// The part of the devices whose updates shall not be clipped: `gamma`.
    pub quantile: f64,
    /// Step size of the clip's logarithm: `eta_C`.
    pub learning_rate: f64,
    /// Part of the budget, for the indicator.
    pub share: Share,
}

/// However far noise may throw it in one round, the clip is at most multiplied or divided by this.
const LARGEST_FACTOR: f64 = 8.0;

impl AdaptiveClip {
    /// Checks the section.
    ///
    /// # Errors
    /// A sentence naming the key at fault.
    pub fn validate(&self) -> Result<(), String> {
        if !(self.quantile > 0.0 && self.quantile < 1.0) {
            return Err(format!(
                "privacy.adaptive_clip.quantile must be strictly between 0 and 1, not {}",
                self.quantile
            ));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            let rate = self.learning_rate;
            return Err(format!("privacy.adaptive_clip.learning_rate must be a positive number, not {rate}"));
        }
        Ok(())
    }

    /// The clip of the next round. `within` is the noised sum of the indicators, 1 for an update within `clip` and -1 for one that was
    /// clipped; `expected_cohort` is the constant of the task.
    ///
    /// `C <- C exp(-eta (b - gamma))`, `b` being the noised part of the cohort that was within: too many within, and the clip falls.
    ///
    /// # Errors
    /// [`OutOfRange`] where the clip would leave what floats can hold.
    pub fn next(&self, clip: Clip, within: f64, expected_cohort: f64) -> Result<Clip, OutOfRange> {
        let part = within / (2.0 * expected_cohort) + 0.5;
        let factor = (-self.learning_rate * (part - self.quantile)).exp();
        Clip::new(clip.get() * factor.clamp(1.0 / LARGEST_FACTOR, LARGEST_FACTOR))
    }
}

#[cfg(test)]
mod tests;
