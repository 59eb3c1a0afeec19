use murmur_round::{
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
};

use super::*;
use crate::{BurnTrainer, evaluate, models::Network};

fn spec(sequence: usize) -> ModelSpec {
    ModelSpec::Gru { vocabulary: "abcd ".to_owned(), embedding: 4, hidden: 6, sequence }
}

/// A text whose next character follows from the one before it.
fn round_and_round(length: usize) -> String {
    "abcd".chars().cycle().take(length).collect()
}

fn together(passages: &[String]) -> Examples {
    let mut all = Examples::text(&passages[0]);
    passages[1..].iter().for_each(|passage| all.append(&Examples::text(passage)).unwrap());
    all
}

#[test]
fn a_passage_is_read_as_if_it_were_alone_from_its_beginning_to_its_end() {
    let spec = spec(5);
    let mut params = spec.initial();
    params.values_mut().iter_mut().zip(0_u16..).for_each(|(value, place)| *value += 0.2 * f32::from(place).cos());
    // Longer together than what passes through at once, and of different lengths.
    let passages: Vec<String> = [3_000, 40, 2_500, 1].map(round_and_round).into();
    let together = together(&passages);
    assert!(together.len() > ROWS);
    let all = evaluate(&spec, &params, &together).unwrap();
    let alone: Vec<_> =
        passages.iter().map(|passage| evaluate(&spec, &params, &Examples::text(passage)).unwrap()).collect();
    let sum: f64 = alone.iter().map(|alone| alone.loss * alone.examples as f64).sum();
    let right: f64 = alone.iter().map(|alone| alone.accuracy * alone.examples as f64).sum();
    assert_eq!(all.examples, 5_541);
    assert!((all.loss - sum / 5_541.0).abs() < 1e-6 && (all.accuracy - right / 5_541.0).abs() < 1e-9, "{all:?}");
    // What was read before matters: the state is not that of a beginning.
    let mut network = Network::with(&spec, &params);
    let mut rows = Vec::new();
    network.for_each_logits(&Examples::text("aaa"), |logits, _| rows.extend(logits.chunks(6).map(<[f32]>::to_vec)));
    assert!(rows.len() == 3 && rows[1] != rows[2], "{rows:?}");
}

#[test]
fn passages_are_cut_into_sequences_that_do_not_cross_them() {
    let data = together(&["abcdabc".to_owned(), "ab".to_owned(), "abcd".to_owned()]);
    let mut pieces = Vec::new();
    Network::new(&spec(3)).pieces(&data, &mut pieces);
    assert_eq!(pieces, [0..3, 3..6, 6..7, 7..9, 9..12, 12..13]);
    Network::new(&spec(usize::MAX)).pieces(&data, &mut pieces);
    assert_eq!(pieces, [0..7, 7..9, 9..13]);
}

#[test]
fn it_learns_what_follows_what_and_equal_calls_give_equal_bits() {
    let (spec, data) = (spec(8), Examples::text(&round_and_round(100)));
    let mut params = spec.initial();
    let before = evaluate(&spec, &params, &data).unwrap();
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let (plan, seed) = (LocalPlan::plain(40, 4, 1.0), ShuffleSeed([1; 32]));
    let difference = trainer.difference(&params, &plan, &data, seed).unwrap();
    trainer.difference(&params, &plan, &Examples::text("dcba dcba"), seed).unwrap();
    assert_eq!(trainer.difference(&params, &plan, &data, seed).unwrap(), difference);
    params.values_mut().iter_mut().zip(&difference).for_each(|(value, change)| *value += change);
    let after = evaluate(&spec, &params, &data).unwrap();
    assert!(before.accuracy < 0.6 && after.accuracy > 0.95, "{before:?} to {after:?}");
    let nothing = trainer.difference(&params, &plan, &Examples::text(""), seed).unwrap();
    assert!(nothing.iter().all(|change| change.to_bits() == 0));
}

#[test]
fn nobody_foretells_what_the_vocabulary_does_not_hold() {
    let (spec, data) = (spec(8), Examples::text("zzzzzzzz"));
    let mut params: Params = spec.initial();
    // Sure that something else comes.
    *params.values_mut().last_mut().unwrap() = 50.0;
    let evaluated = evaluate(&spec, &params, &data).unwrap();
    assert!(evaluated.accuracy == 0.0 && evaluated.loss < 1e-6, "{evaluated:?}");
}

#[test]
fn loading_and_unloading_changes_nothing() {
    let spec = spec(4);
    let mut values = Vec::new();
    Network::with(&spec, &spec.initial()).for_each_tensor(|tensor| values.extend_from_slice(tensor));
    assert_eq!(values, spec.initial().values());
}
