//! How good a model is on examples outside the population.

use murmur_round::{
    model::ModelSpec,
    params::{DimensionMismatch, Params},
};

use crate::{
    data::Examples,
    models::{Network, score},
    sight::Sight,
    trainer::{TrainError, built_in},
};

/// Examples per pass: large enough for the matrix products, small enough for the cache.
const BATCH: usize = 256;

/// A model's quality on some examples.
///
/// On a device's own data this is a release like any other: evaluate on public data, or do not publish it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Fraction of examples whose largest logit is their label's.
    pub accuracy: f64,
    /// Number of examples.
    pub examples: usize,
}

/// Evaluates `params` as parameters of `model` on `examples`.
///
/// # Errors
/// [`TrainError`] when model, parameters and examples do not fit each other or there is no example.
pub fn evaluate(model: &ModelSpec, params: &Params, examples: &Examples) -> Result<Evaluation, TrainError> {
    built_in(model)?;
    let (expected, found) = (model.layout().dimension(), params.dimension());
    if expected != found {
        return Err(DimensionMismatch { expected, found }.into());
    }
    examples.check(model)?;
    if examples.is_empty() {
        return Err(TrainError::NothingToEvaluate);
    }
    let (mut network, mut sight) = (Network::with(model, params), Sight::of(model));
    let (mut loss, mut right) = (0.0, 0);
    let inputs = examples.inputs().chunks(BATCH * examples.width());
    for (inputs, labels) in inputs.zip(examples.labels().chunks(BATCH)) {
        let (batch_loss, batch_right) = score(network.logits(sight.see(inputs)), labels);
        loss += batch_loss;
        right += batch_right;
    }
    let count = examples.len() as f64;
    Ok(Evaluation { loss: loss / count, accuracy: right as f64 / count, examples: examples.len() })
}
