//! The tensors of a language model.

use std::collections::BTreeSet;

use super::ModelError;
use crate::params::ParameterShape;

/// Stands before the first character of a text (START OF TEXT): there, nothing is known of what came before. No vocabulary holds it.
pub const TEXT_START: char = '\u{2}';

/// Gates of a recurrent unit, in PyTorch's order: reset, update, new.
const GATES: usize = 3;

/// Checks the vocabulary, and that no extent is zero.
pub(super) fn validate(vocabulary: &str, extents: &[(&'static str, usize)]) -> Result<(), ModelError> {
    if vocabulary.is_empty() {
        return Err(ModelError::NoVocabulary);
    }
    let mut seen = BTreeSet::from([TEXT_START]);
    if let Some(character) = vocabulary.chars().find(|character| !seen.insert(*character)) {
        return Err(ModelError::Vocabulary { character });
    }
    for &(field, extent) in extents {
        if extent == 0 {
            return Err(ModelError::Zero { field });
        }
    }
    Ok(())
}

/// As PyTorch's `Embedding`, `GRU` and `Linear` would call them. The last token is everything that the vocabulary does not hold.
pub(super) fn shapes(vocabulary: &str, embedding: usize, hidden: usize) -> Vec<ParameterShape> {
    let (tokens, gates) = (vocabulary.chars().count() + 1, GATES.saturating_mul(hidden));
    [
        ("embedding.weight", vec![tokens, embedding]),
        ("gru.weight_ih_l0", vec![gates, embedding]),
        ("gru.weight_hh_l0", vec![gates, hidden]),
        ("gru.bias_ih_l0", vec![gates]),
        ("gru.bias_hh_l0", vec![gates]),
        ("output.weight", vec![tokens, hidden]),
        ("output.bias", vec![tokens]),
    ]
    .map(|(name, shape)| ParameterShape { name: name.to_owned(), shape })
    .into()
}

#[cfg(test)]
mod tests {
    use crate::model::ModelSpec;

    fn gru(vocabulary: &str, extents: [usize; 3]) -> ModelSpec {
        let [embedding, hidden, sequence] = extents;
        ModelSpec::Gru { vocabulary: vocabulary.to_owned(), embedding, hidden, sequence }
    }

    #[test]
    fn the_tensors_are_pytorchs_and_one_token_is_everything_else() {
        let spec = gru("ab\u{e9}", [2, 5, 8]);
        spec.validate().unwrap();
        let layout = spec.layout();
        let named: Vec<_> =
            layout.tensors().iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice())).collect();
        assert_eq!(named[0], ("embedding.weight", &[4, 2][..]));
        assert_eq!(named[2], ("gru.weight_hh_l0", &[15, 5][..]));
        assert_eq!(named[5], ("output.weight", &[4, 5][..]));
        assert_eq!(layout.dimension(), 8 + 30 + 75 + 15 + 15 + 20 + 4);
        let initial = spec.initial();
        for (tensor, values) in initial.tensors() {
            let is_bias = tensor.shape.len() == 1;
            assert!(values.iter().all(|value| (*value == 0.0) == is_bias && value.abs() < 2.0), "{}", tensor.name);
        }
    }

    #[test]
    fn every_mistake_is_named() {
        for (spec, named) in [
            (gru("", [1, 1, 1]), "at least one character"),
            (gru("aba", [1, 1, 1]), "'a' comes up twice"),
            (gru("a\u{2}", [1, 1, 1]), "marks where a text begins"),
            (gru("a", [0, 1, 1]), "model.embedding"),
            (gru("a", [1, 0, 1]), "model.hidden"),
            (gru("a", [1, 1, 0]), "model.sequence"),
            (gru("a", [1, usize::MAX, 1]), "more than"),
        ] {
            assert!(spec.validate().unwrap_err().to_string().contains(named), "{spec:?}");
        }
    }
}
