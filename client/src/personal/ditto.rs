//! Ditto: a model of one's own that the shared one holds.

use murmur_round::{
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
};

use super::moved;
use crate::{BurnTrainer, Examples, TrainError};

/// A model `v` that makes `loss(v) + lambda / 2 * |v - global|^2` small on a device's own examples, trained as the plan says from `global` on:
/// a small lambda leaves plain fine-tuning, a large one the shared model. The plan's own proximal term gives way to this one.
///
/// # Source
/// Li, Hu, Beirami and Smith 2021, "Ditto: Fair and Robust Federated Learning Through Personalization", eq. 1 and algorithm 1, with the shared
/// model as it was released in the end, where algorithm 1 takes turns with the rounds.
///
/// # Errors
/// [`TrainError`] where model, plan and examples do not fit each other, or lambda is not positive.
pub fn ditto(
    trainer: &mut BurnTrainer,
    global: &Params,
    plan: &LocalPlan,
    lambda: f32,
    own: &Examples,
    seed: ShuffleSeed,
) -> Result<Params, TrainError> {
    let plan = LocalPlan { proximal: Some(lambda), adaptive_proximal: None, ..*plan };
    Ok(moved(global, &trainer.difference(global, &plan, own, seed)?)?)
}
