//! What pulls at parameters beside the loss on examples: FedProx's proximal term and weight decay.

use murmur_round::plan::LocalPlan;

/// The terms `mu / 2 * |params - global|^2 + decay / 2 * |params|^2` of the loss.
pub(crate) struct Pull {
    learning_rate: f32,
    mu: f32,
    decay: f32,
}

impl Pull {
    /// What the plan asks for, if it does. A plan for one round: neither schedule nor end.
    pub(crate) fn of(plan: &LocalPlan) -> Option<Self> {
        let (mu, decay) = (plan.proximal.unwrap_or(0.0), plan.weight_decay.map_or(0.0, |decay| decay.rate));
        (mu > 0.0 || decay > 0.0).then_some(Self { learning_rate: plan.learning_rate, mu, decay })
    }

    /// Completes a step that took `before` to `after` by the loss on examples alone: the slope of every term is that at `before`.
    pub(crate) fn complete(&self, after: &mut [f32], before: &[f32], global: &[f32]) {
        for ((after, before), global) in after.iter_mut().zip(before).zip(global) {
            *after -= self.learning_rate * (self.mu * (before - global) + self.decay * before);
        }
    }
}
