//! FedProx with a pull that follows the loss which rounds release.

use serde::{Deserialize, Serialize};

/// The `plan.adaptive_proximal` section of a task: `mu` of FedProx grows by `step` when the released loss has risen, and falls by `step` when it
/// has fallen so many rounds in a row.
///
/// # Guarantee
/// `mu` is a function of released metrics alone, so it is public, and costs nothing beside them. A task whose models are within a claim
/// follows only metrics that are within it too: it is refused with metrics in clear, which would reach its models by way of `mu`.
///
/// # Source
/// Li, Sahu, Zaheer, Sanjabi, Talwalkar and Smith 2020 (1812.06127), section 5.3, figure 3: step 0.1, five rounds, from 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveProximal {
    /// `mu` of the first round.
    pub start: f32,
    /// By how much it changes.
    pub step: f32,
    /// Rounds in a row in which the loss must have fallen.
    pub patience: u32,
}

/// Where the pull stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProximalState {
    /// `mu` of the round under way, or of the next one.
    pub mu: f32,
    /// The loss that was released last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Rounds in a row in which it has fallen, since `mu` changed.
    pub falls: u32,
}

impl AdaptiveProximal {
    /// Checks the section.
    ///
    /// # Errors
    /// A sentence naming the key at fault.
    pub fn validate(&self) -> Result<(), String> {
        if !(self.start.is_finite() && self.start >= 0.0) {
            return Err(format!("plan.adaptive_proximal.start must be 0 or more, not {}", self.start));
        }
        if !(self.step.is_finite() && self.step > 0.0) {
            return Err(format!("plan.adaptive_proximal.step must be a positive number, not {}", self.step));
        }
        if self.patience == 0 {
            return Err("plan.adaptive_proximal.patience must be at least 1".to_owned());
        }
        Ok(())
    }

    /// Before any loss was released.
    #[must_use]
    pub fn begin(&self) -> ProximalState {
        ProximalState { mu: self.start, loss: None, falls: 0 }
    }

    /// After a round that released this loss. `mu` never falls below 0.
    #[must_use]
    pub fn next(&self, state: ProximalState, loss: f64) -> ProximalState {
        let ProximalState { mu, loss: before, falls } = state;
        let (mu, falls) = match before {
            Some(before) if loss > before => (mu + self.step, 0),
            Some(before) if loss < before && falls + 1 >= self.patience => ((mu - self.step).max(0.0), 0),
            Some(before) if loss < before => (mu, falls + 1),
            Some(_) => (mu, 0),
            None => (mu, falls),
        };
        ProximalState { mu, loss: Some(loss), falls }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pull_grows_with_the_loss_and_falls_after_so_many_falls_in_a_row() {
        let rule = AdaptiveProximal { start: 0.25, step: 0.25, patience: 2 };
        let losses = [1.0, 2.0, 1.5, 1.4, 1.3, 1.3, 1.2, 1.1, 1.0, 0.9, 5.0];
        let course: Vec<f32> = losses
            .iter()
            .scan(rule.begin(), |state, loss| {
                *state = rule.next(*state, *loss);
                Some(state.mu)
            })
            .collect();
        // Up at once; down after 1.5 and 1.4; an equal loss begins the count anew; never below 0.
        assert_eq!(course, [0.25, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.0, 0.0, 0.0, 0.25]);
    }

    #[test]
    fn every_mistake_is_named() {
        let rule = AdaptiveProximal { start: 0.0, step: 0.1, patience: 5 };
        assert_eq!(rule.validate(), Ok(()));
        for (rule, named) in [
            (AdaptiveProximal { start: -0.1, ..rule }, "plan.adaptive_proximal.start"),
            (AdaptiveProximal { step: 0.0, ..rule }, "plan.adaptive_proximal.step"),
            (AdaptiveProximal { step: f32::NAN, ..rule }, "plan.adaptive_proximal.step"),
            (AdaptiveProximal { patience: 0, ..rule }, "plan.adaptive_proximal.patience"),
        ] {
            assert!(rule.validate().unwrap_err().contains(named));
        }
    }
}
