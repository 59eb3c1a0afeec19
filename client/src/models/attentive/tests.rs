use murmur_round::{
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
};

use super::*;
use crate::{BurnTrainer, evaluate, models::Network};

fn spec(sequence: usize) -> ModelSpec {
    ModelSpec::Transformer { vocabulary: "abcd ".to_owned(), embedding: 8, heads: 2, layers: 1, hidden: 12, sequence }
}

fn moved(spec: &ModelSpec) -> Params {
    let mut params = spec.initial();
    params.values_mut().iter_mut().zip(0_u16..).for_each(|(value, place)| *value += 0.2 * f32::from(place).cos());
    params
}

fn together(passages: &[String]) -> Examples {
    let mut all = Examples::text(&passages[0]);
    passages[1..].iter().for_each(|passage| all.append(&Examples::text(passage)).unwrap());
    all
}

/// What follows from the one two before it.
fn in_pairs(length: usize) -> String {
    "aabbccdd".chars().cycle().take(length).collect()
}

#[test]
fn every_character_is_foretold_once_whatever_passages_lie_beside_its_own() {
    let spec = spec(6);
    let params = moved(&spec);
    let passages: Vec<String> = [3_000, 4, 7, 1, 2_000].map(in_pairs).into();
    let all = together(&passages);
    let whole = evaluate(&spec, &params, &all).unwrap();
    assert_eq!(whole.examples, all.len());
    let mut counted = 0;
    Network::with(&spec, &params).for_each_logits(&all, |logits, labels| {
        assert_eq!(logits.len(), labels.len() * 6);
        counted += labels.len();
    });
    assert_eq!(counted, all.len());
    let alone: Vec<_> =
        passages.iter().map(|passage| evaluate(&spec, &params, &Examples::text(passage)).unwrap()).collect();
    let sum: f64 = alone.iter().map(|alone| alone.loss * alone.examples as f64).sum();
    assert!((whole.loss - sum / all.len() as f64).abs() < 1e-6, "{whole:?}");
}

#[test]
fn what_comes_later_changes_nothing_before_it_and_what_came_before_does() {
    let spec = spec(8);
    let mut network = Network::with(&spec, &moved(&spec));
    let mut rows = |text: &str| {
        let mut rows = Vec::new();
        network.for_each_logits(&Examples::text(text), |logits, _| rows.extend(logits.chunks(6).map(<[f32]>::to_vec)));
        rows
    };
    let (one, other, third) = (rows("abcdab"), rows("abcddd"), rows("bbcdab"));
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
    // The character itself is seen by those that follow it.
    for place in 0..5 {
        assert!(close(&one[place], &other[place]), "{place}");
    }
    assert!(!close(&one[5], &other[5]) && !close(&one[3], &third[3]));
}

#[test]
fn it_learns_what_follows_what_and_equal_calls_give_equal_bits() {
    let (spec, data) = (spec(16), Examples::text(&in_pairs(160)));
    let mut params = spec.initial();
    let before = evaluate(&spec, &params, &data).unwrap();
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let plan = LocalPlan::plain(60, 4, 0.2);
    let first = trainer.difference(&params, &plan, &data, ShuffleSeed([1; 32])).unwrap();
    assert_eq!(trainer.difference(&params, &plan, &data, ShuffleSeed([1; 32])).unwrap(), first);
    params.values_mut().iter_mut().zip(&first).for_each(|(value, change)| *value += change);
    let after = evaluate(&spec, &params, &data).unwrap();
    // From the last character alone it could be no better than half.
    assert!(after.accuracy > 0.9 && after.loss < before.loss / 2.0, "{before:?} {after:?}");
}

#[test]
fn loading_and_unloading_changes_nothing() {
    let spec = spec(5);
    let mut values = Vec::new();
    Network::with(&spec, &moved(&spec)).for_each_tensor(|tensor| values.extend_from_slice(tensor));
    assert_eq!(values, moved(&spec).values());
}
