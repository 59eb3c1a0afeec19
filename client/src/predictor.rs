//! What was trained, in use.

use murmur_round::{
    checkpoint::{CheckpointError, read_model},
    model::ModelSpec,
    params::{DimensionMismatch, Params},
};
use thiserror::Error;

use crate::{
    data::Examples,
    models::Network,
    trainer::{TrainError, built_in},
};

/// A built-in model with its parameters, ready to be asked. One per thread: buffers stay from question to question.
pub struct Predictor {
    model: ModelSpec,
    network: Network,
}

/// A character that may come next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The character.
    pub character: char,
    /// How sure the model is that it comes, from 0 to 1.
    pub probability: f32,
}

/// Why there is no prediction.
#[derive(Debug, Error)]
pub enum PredictError {
    /// The file is no model of this kind.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// The model cannot be used, or the inputs do not fit it.
    #[error(transparent)]
    Model(#[from] TrainError),
    /// A question about classes to a model of text, or the other way round.
    #[error(
        "a model of kind {kind:?} does not answer this: ask a language model for next_characters, any other for probabilities"
    )]
    Question {
        /// The model's kind.
        kind: &'static str,
    },
}

impl Predictor {
    /// The model of `spec` with these parameters.
    ///
    /// # Errors
    /// [`TrainError`] when the parameters are not the model's, or the model is an app's own.
    pub fn new(model: &ModelSpec, params: &Params) -> Result<Self, TrainError> {
        built_in(model)?;
        let (expected, found) = (model.layout().dimension(), params.dimension());
        if expected != found {
            return Err(DimensionMismatch { expected, found }.into());
        }
        Ok(Self { model: model.clone(), network: Network::with(model, params) })
    }

    /// The model of `spec` with the parameters of a safetensors file: one that Murmur released, or any other of the same names and shapes.
    ///
    /// # Errors
    /// [`PredictError::File`], [`PredictError::Model`].
    pub fn from_file(model: &ModelSpec, safetensors: &[u8]) -> Result<Self, PredictError> {
        built_in(model)?;
        Ok(Self::new(model, &read_model(safetensors, model.layout())?)?)
    }

    /// The probability of every class for each of some inputs, which lie one behind the other as in [`Examples`].
    ///
    /// # Errors
    /// [`PredictError::Model`] when the inputs are not a whole number of the model's; [`PredictError::Question`].
    pub fn probabilities(&mut self, inputs: &[f32]) -> Result<Vec<Vec<f32>>, PredictError> {
        let (Some(shape), Some(classes)) = (self.model.input(), self.model.classes()) else {
            return Err(PredictError::Question { kind: self.model.kind() });
        };
        // A division that does not come out leaves a length that is found to be wrong here.
        let count = inputs.len().div_ceil(shape.iter().product());
        let examples = Examples::new(shape, inputs.to_vec(), vec![0; count]).map_err(TrainError::from)?;
        let mut probabilities = Vec::with_capacity(count);
        self.network.for_each_logits(&examples, |logits, _| probabilities.extend(logits.chunks(classes).map(softmax)));
        Ok(probabilities)
    }

    /// What may come after `text`, the likeliest first: all characters of the vocabulary. Their probabilities and that of any
    /// other character make 1.
    ///
    /// # Errors
    /// [`PredictError::Question`].
    pub fn next_characters(&mut self, text: &str) -> Result<Vec<Guess>, PredictError> {
        let Some(vocabulary) = self.model.vocabulary() else {
            return Err(PredictError::Question { kind: self.model.kind() });
        };
        // What follows the last character is asked for by any character in its place.
        let examples = Examples::text(&format!("{text}\n"));
        let mut last = Vec::new();
        let classes = vocabulary.chars().count() + 1;
        self.network.for_each_logits(&examples, |logits, _| {
            last.clear();
            last.extend(logits.chunks(classes).next_back().unwrap_or_default());
        });
        let guess = |(character, probability)| Guess { character, probability };
        let mut guesses: Vec<Guess> = vocabulary.chars().zip(softmax(&last)).map(guess).collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(guesses)
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|value| (value - top).exp()).collect();
    let total: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / total).collect()
}

#[cfg(test)]
mod tests {
    use murmur_round::plan::{LocalPlan, ShuffleSeed};

    use super::*;
    use crate::{BurnTrainer, evaluate};

    fn trained(spec: &ModelSpec, data: &Examples, plan: &LocalPlan) -> Params {
        let mut params = spec.initial();
        let difference = BurnTrainer::new(spec).unwrap().difference(&params, plan, data, ShuffleSeed([5; 32])).unwrap();
        params.values_mut().iter_mut().zip(difference).for_each(|(value, change)| *value += change);
        params
    }

    #[test]
    fn a_language_model_says_what_comes_next() {
        let vocabulary = "abc".to_owned();
        let text: String = "abc".chars().cycle().take(120).collect();
        for spec in [
            ModelSpec::Gru { vocabulary: vocabulary.clone(), embedding: 3, hidden: 6, sequence: 12 },
            ModelSpec::Transformer { vocabulary, embedding: 4, heads: 2, layers: 1, hidden: 6, sequence: 12 },
        ] {
            let rate = if spec.kind() == "gru" { 1.0 } else { 0.2 };
            let params = trained(&spec, &Examples::text(&text), &LocalPlan::plain(40, 2, rate));
            let mut predictor = Predictor::new(&spec, &params).unwrap();
            // Also of a text that is longer than a sequence.
            for (before, next) in [("abca", 'b'), ("ab", 'c'), ("", 'a'), ("abcabcabcabcabcab", 'c')] {
                let guesses = predictor.next_characters(before).unwrap();
                assert_eq!((guesses.len(), guesses[0].character), (3, next), "after {before:?}: {guesses:?}");
                let total: f32 = guesses.iter().map(|guess| guess.probability).sum();
                assert!(guesses[0].probability > 0.5 && total <= 1.0 + 1e-5, "{guesses:?}");
            }
            let kind = spec.kind();
            assert!(matches!(predictor.probabilities(&[1.0]), Err(PredictError::Question { kind: of }) if of == kind));
        }
    }

    #[test]
    fn the_likeliest_class_is_what_the_evaluation_counts() {
        let spec = ModelSpec::linear([1, 1, 2], 2);
        let inputs = vec![1.0, 0.0, 0.0, 1.0, 0.9, 0.2, 0.1, 0.8];
        let data = Examples::new([1, 1, 2], inputs.clone(), vec![0, 1, 0, 1]).unwrap();
        let params = trained(&spec, &data, &LocalPlan::plain(20, 2, 0.5));
        let mut predictor = Predictor::new(&spec, &params).unwrap();
        let probabilities = predictor.probabilities(&inputs).unwrap();
        assert!(probabilities.iter().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6), "{probabilities:?}");
        let right = probabilities.iter().zip(data.labels()).filter(|(row, label)| (row[1] > row[0]) == (**label == 1));
        assert_eq!(right.count() as f64 / 4.0, evaluate(&spec, &params, &data).unwrap().accuracy);
        assert!(matches!(predictor.probabilities(&[1.0]), Err(PredictError::Model(TrainError::Examples(_)))));
        assert!(matches!(predictor.next_characters("a"), Err(PredictError::Question { kind: "linear" })));
        assert!(matches!(Predictor::from_file(&spec, b"no model"), Err(PredictError::File(_))));
    }
}
