//! A head of one's own on a body that everybody shares.

use std::ops::Range;

use murmur_round::{
    params::{Layout, ParameterShape, Params},
    plan::{LocalPlan, ShuffleSeed},
};

use super::moved;
use crate::{BurnTrainer, Examples, TrainError};

/// Where the head lies among the parameters of a built-in model: weight and bias of its last dense layer. Of `linear`, that is all of it.
#[must_use]
pub fn head_of(layout: &Layout) -> Range<usize> {
    let parameters: usize = layout.tensors().iter().rev().take(2).map(ParameterShape::len).sum();
    layout.dimension() - parameters..layout.dimension()
}

/// The same body as `global`, to the bit, and a head trained on a device's own examples as the plan says, starting from the head of `global`.
///
/// # Source
/// The division of a model into shared base layers and personal ones of FedPer (Arivazhagan and others 2019), with the base as the
/// federation left it. In FedPer the head never leaves the device in training either; here everybody had trained one together.
///
/// # Errors
/// [`TrainError`] where model, plan and examples do not fit each other.
pub fn with_own_head(
    trainer: &mut BurnTrainer,
    global: &Params,
    plan: &LocalPlan,
    own: &Examples,
    seed: ShuffleSeed,
) -> Result<Params, TrainError> {
    let plan = LocalPlan { proximal: None, adaptive_proximal: None, ..*plan };
    let difference = trainer.difference_of(head_of(global.layout()), global, &plan, own, seed)?;
    Ok(moved(global, &difference)?)
}
