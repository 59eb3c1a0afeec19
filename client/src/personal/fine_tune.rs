//! Plain fine-tuning.

use murmur_round::{
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
};

use super::moved;
use crate::{BurnTrainer, Examples, TrainError};

/// All parameters of `global`, trained on a device's own examples as the plan says, with nothing that pulls them back to it.
///
/// # Source
/// The baseline of Yu, Bagdasaryan and Shmatikov 2020, "Salvaging Federated Learning by Local Adaptation", section 3 (FT).
///
/// # Errors
/// [`TrainError`] where model, plan and examples do not fit each other.
pub fn fine_tuned(
    trainer: &mut BurnTrainer,
    global: &Params,
    plan: &LocalPlan,
    own: &Examples,
    seed: ShuffleSeed,
) -> Result<Params, TrainError> {
    let plan = LocalPlan { proximal: None, adaptive_proximal: None, ..*plan };
    Ok(moved(global, &trainer.difference(global, &plan, own, seed)?)?)
}
