//! How good a model is on examples outside the population.

use murmur_round::{
    model::ModelSpec,
    params::{DimensionMismatch, Params},
};

use crate::{
    calibration::Calibration,
    data::Examples,
    models::{Network, score},
    ranking::Ranking,
    trainer::{TrainError, built_in},
};

/// A model's quality on some examples.
///
/// On a device's own data this is a release like any other: evaluate on public data, or do not publish it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Fraction of examples whose largest logit is their label's. A character that the vocabulary does not hold is never foretold.
    pub accuracy: f64,
    /// Number of examples.
    pub examples: usize,
}

/// All that is looked at when nothing is in a hurry.
#[derive(Clone, Debug, PartialEq)]
pub struct Examination {
    /// Loss and accuracy.
    pub evaluation: Evaluation,
    /// Whether the model is right as often as it says.
    pub calibration: Calibration,
    /// How high the right answers stand.
    pub ranking: Ranking,
}

/// Evaluates `params` as parameters of `model` on `examples`.
///
/// # Errors
/// [`TrainError`] when model, parameters and examples do not fit each other or there is no example.
pub fn evaluate(model: &ModelSpec, params: &Params, examples: &Examples) -> Result<Evaluation, TrainError> {
    measure(model, params, examples, |_, _, _| {})
}

/// The same, and how far its probabilities and its second thoughts can be trusted.
///
/// # Errors
/// As [`evaluate`].
pub fn examine(model: &ModelSpec, params: &Params, examples: &Examples) -> Result<Examination, TrainError> {
    let (mut calibration, mut ranking) = (Calibration::default(), Ranking::default());
    let see = |logits: &[f32], labels: &[u32], no_answer| {
        calibration.take_in(logits, labels, no_answer);
        ranking.take_in(logits, labels, no_answer);
    };
    let evaluation = measure(model, params, examples, see)?;
    Ok(Examination { evaluation, calibration, ranking })
}

/// What the model takes each example for: the class of its largest logit, the first of equals, in the order of the examples (of text, in no
/// particular one). None where no logit is a number.
///
/// # Errors
/// As [`evaluate`].
pub fn answers(model: &ModelSpec, params: &Params, examples: &Examples) -> Result<Vec<Option<u32>>, TrainError> {
    let mut answers = Vec::with_capacity(examples.len());
    measure(model, params, examples, |logits, labels, _| {
        let classes = (logits.len() / labels.len().max(1)).max(1);
        answers.extend(logits.chunks_exact(classes).map(|row| {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.iter().position(|value| *value == top).map(|class| class as u32)
        }));
    })?;
    Ok(answers)
}

fn measure(
    model: &ModelSpec,
    params: &Params,
    examples: &Examples,
    mut see: impl FnMut(&[f32], &[u32], Option<u32>),
) -> Result<Evaluation, TrainError> {
    built_in(model)?;
    let (expected, found) = (model.layout().dimension(), params.dimension());
    if expected != found {
        return Err(DimensionMismatch { expected, found }.into());
    }
    examples.check(model)?;
    if examples.is_empty() {
        return Err(TrainError::NothingToEvaluate);
    }
    let mut network = Network::with(model, params);
    let (mut loss, mut right) = (0.0, 0);
    let no_answer = network.no_answer();
    network.for_each_logits(examples, |logits, labels| {
        let (batch_loss, batch_right) = score(logits, labels, no_answer);
        loss += batch_loss;
        right += batch_right;
        see(logits, labels, no_answer);
    });
    let count = examples.len() as f64;
    Ok(Evaluation { loss: loss / count, accuracy: right as f64 / count, examples: examples.len() })
}
