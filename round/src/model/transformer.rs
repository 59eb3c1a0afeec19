//! The tensors of a transformer.

use super::ModelError;
use crate::params::ParameterShape;

/// No model may have more layers: the table of its tensors is made before its parameters are counted.
const LAYERS_LIMIT: usize = 4_096;

pub(super) fn validate([embedding, heads, layers]: [usize; 3]) -> Result<(), ModelError> {
    if !embedding.is_multiple_of(heads) {
        return Err(ModelError::Heads { heads, embedding });
    }
    if layers > LAYERS_LIMIT { Err(ModelError::TooLarge) } else { Ok(()) }
}

/// As PyTorch calls them: an `Embedding` for characters (the last token is everything that the vocabulary does not hold) and one for places,
/// a `TransformerEncoder` with a final norm, and a `Linear`.
pub(super) fn shapes(vocabulary: &str, [width, layers, hidden, sequence]: [usize; 4]) -> Vec<ParameterShape> {
    let tokens = vocabulary.chars().count() + 1;
    let mut shapes = Vec::new();
    let mut push = |name: String, shape: Vec<usize>| shapes.push(ParameterShape { name, shape });
    push("embedding.weight".to_owned(), vec![tokens, width]);
    push("position.weight".to_owned(), vec![sequence, width]);
    for layer in 0..layers {
        let triple = width.saturating_mul(3);
        for (name, shape) in [
            ("self_attn.in_proj_weight", vec![triple, width]),
            ("self_attn.in_proj_bias", vec![triple]),
            ("self_attn.out_proj.weight", vec![width, width]),
            ("self_attn.out_proj.bias", vec![width]),
            ("linear1.weight", vec![hidden, width]),
            ("linear1.bias", vec![hidden]),
            ("linear2.weight", vec![width, hidden]),
            ("linear2.bias", vec![width]),
            ("norm1.weight", vec![width]),
            ("norm1.bias", vec![width]),
            ("norm2.weight", vec![width]),
            ("norm2.bias", vec![width]),
        ] {
            push(format!("encoder.layers.{layer}.{name}"), shape);
        }
    }
    push("encoder.norm.weight".to_owned(), vec![width]);
    push("encoder.norm.bias".to_owned(), vec![width]);
    push("output.weight".to_owned(), vec![tokens, width]);
    push("output.bias".to_owned(), vec![tokens]);
    shapes
}

#[cfg(test)]
mod tests {
    use crate::model::ModelSpec;

    fn transformer(vocabulary: &str, [embedding, heads, layers, hidden, sequence]: [usize; 5]) -> ModelSpec {
        ModelSpec::Transformer { vocabulary: vocabulary.to_owned(), embedding, heads, layers, hidden, sequence }
    }

    #[test]
    fn the_tensors_are_pytorchs_and_norms_begin_at_one() {
        let spec = transformer("abc", [4, 2, 2, 6, 5]);
        spec.validate().unwrap();
        let layout = spec.layout();
        let of_a_layer = 12 * 4 + 12 + 16 + 4 + 24 + 6 + 24 + 4 + 4 * 4;
        assert_eq!(layout.dimension(), 16 + 20 + 2 * of_a_layer + 8 + 16 + 4);
        assert_eq!(layout.tensors()[2].name, "encoder.layers.0.self_attn.in_proj_weight");
        for (tensor, values) in spec.initial().tensors() {
            let expected = match (tensor.shape.len(), tensor.name.contains("norm") && tensor.name.ends_with("weight")) {
                (1, true) => Some(1.0),
                (1, false) => Some(0.0),
                _ => None,
            };
            match expected {
                Some(all) => assert!(values.iter().all(|value| *value == all), "{}", tensor.name),
                None => assert!(values.iter().all(|value| *value != 0.0 && value.abs() < 2.0), "{}", tensor.name),
            }
        }
    }

    #[test]
    fn every_mistake_is_named() {
        for (spec, named) in [
            (transformer("", [2, 1, 1, 1, 1]), "at least one character"),
            (transformer("aa", [2, 1, 1, 1, 1]), "twice"),
            (transformer("a", [0, 1, 1, 1, 1]), "model.embedding"),
            (transformer("a", [2, 0, 1, 1, 1]), "model.heads"),
            (transformer("a", [2, 1, 0, 1, 1]), "model.layers"),
            (transformer("a", [2, 1, 1, 0, 1]), "model.hidden"),
            (transformer("a", [2, 1, 1, 1, 0]), "model.sequence"),
            (transformer("a", [6, 4, 1, 1, 1]), "4 heads do not divide"),
            (transformer("a", [2, 1, usize::MAX, 1, 1]), "more than"),
            (transformer("a", [2, 1, 1, usize::MAX, 1]), "more than"),
            (transformer("a", [2, 1, 1, 1, usize::MAX]), "more than"),
        ] {
            assert!(spec.validate().unwrap_err().to_string().contains(named), "{spec:?}");
        }
    }
}
