use murmur_round::{
    model::ModelSpec,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
    task::Task,
    trainer::Trainer,
};
use serde_json::json;

use super::*;
use crate::{BurnTrainer, Examples, evaluate, strokes};

const SEED: ShuffleSeed = ShuffleSeed([5; 32]);

/// A safetensors file with these parameters: the length of the head, the head, the values.
pub(crate) fn file(params: &Params) -> Vec<u8> {
    let (mut head, mut values) = (serde_json::Map::new(), Vec::new());
    for (tensor, of) in params.tensors() {
        let begin = values.len();
        values.extend(of.iter().flat_map(|value| value.to_le_bytes()));
        let place = json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [begin, values.len()] });
        head.insert(tensor.name.clone(), place);
    }
    let head = serde_json::Value::Object(head).to_string();
    [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &values].concat()
}

/// What a task with this model and these keys of `[pretrained]` trains of a file with these parameters.
pub(crate) fn adaptation(model: &ModelSpec, start: &Params, keys: &serde_json::Value) -> Adaptation {
    let file = file(start);
    let mut pretrained = json!({ "file": "a", "sha256": murmur_privacy::Digest::of(&file) });
    pretrained.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    let task = json!({
        "name": "fine",
        "population": "writers",
        "rounds": 1,
        "model": model,
        "plan": { "epochs": 1, "batch_size": 1, "learning_rate": 0.1 },
        "participation": { "kind": "poisson", "rate": 0.5, "window_seconds": 10, "minimum_reports": 1 },
        "privacy": { "clip": 0.5, "mechanism": "none" },
        "server": { "optimizer": "fedavg", "learning_rate": 1.0 },
        "pretrained": pretrained,
    });
    Adaptation::of(&Task::from_json(task.to_string().as_bytes()).unwrap(), Some(&file)).unwrap().unwrap()
}

/// Parameters that are nowhere near zero, as after some training.
fn started(model: &ModelSpec) -> Params {
    let mut params = model.initial();
    params.values_mut().iter_mut().zip(0_u16..).for_each(|(value, place)| *value += 0.1 * f32::from(place).sin());
    params
}

fn trainer(model: &ModelSpec, adaptation: &Adaptation) -> BurnTrainer {
    let mut trainer = BurnTrainer::new(model).unwrap();
    assert!(trainer.adapt(adaptation.clone()));
    trainer
}

/// A small model of every kind with data for it.
fn subjects() -> Vec<(ModelSpec, Examples)> {
    let writer = strokes::writer(11, &"somebody".parse().unwrap(), 6);
    let text = Examples::text("abcabdacabcd");
    let input = strokes::SHAPE;
    vec![
        (ModelSpec::mlp(input, vec![6], 10), writer.clone()),
        (ModelSpec::Cnn { input, channels: vec![2], hidden: vec![5], classes: 10 }, writer),
        (ModelSpec::Gru { vocabulary: "abcd".to_owned(), embedding: 3, hidden: 4, sequence: 20 }, text.clone()),
        (
            ModelSpec::Transformer {
                vocabulary: "abcd".to_owned(),
                embedding: 4,
                heads: 2,
                layers: 1,
                hidden: 6,
                sequence: 20,
            },
            text,
        ),
    ]
}

#[test]
fn one_step_follows_the_finite_differences_of_the_loss_along_what_is_trained() {
    for (model, data) in subjects() {
        let (start, plan) = (started(&model), LocalPlan::plain(1, 100, 1.0));
        let freeze = if matches!(model, ModelSpec::Gru { .. }) { "gru.weight_hh_l0" } else { "output.bias" };
        let lora = json!({ "lora": { "rank": 2, "alpha": 3.0 }, "freeze": [freeze] });
        for keys in [lora, json!({ "freeze": [freeze] })] {
            let adaptation = adaptation(&model, &start, &keys);
            // Away from B = 0, where A would have no slope.
            let mut trained = adaptation.initial();
            trained
                .values_mut()
                .iter_mut()
                .zip(0_u16..)
                .for_each(|(value, place)| *value += 0.05 * f32::from(place).cos());
            let moved = trainer(&model, &adaptation).difference(&trained, &plan, &data, SEED).unwrap();
            let loss = |trained: &Params| evaluate(&model, &adaptation.whole(trained).unwrap(), &data).unwrap().loss;
            let (mut checked, mut steep, mut off) = (0, 0, Vec::new());
            // Of the large tensors some: the loss is computed twice for each.
            for place in (0..trained.dimension()).step_by(trained.dimension().div_ceil(120)) {
                let mut at = |shift: f32| {
                    let before = trained.values()[place];
                    trained.values_mut()[place] = before + shift;
                    let found = loss(&trained);
                    trained.values_mut()[place] = before;
                    found
                };
                // In single precision: a step that rounding does not eat, and that seldom crosses a kink.
                let slope = (at(1e-3) - at(-1e-3)) / 2e-3;
                let difference = (f64::from(moved[place]) + slope).abs();
                checked += 1;
                steep += usize::from(slope.abs() > 1e-3);
                if difference > 2e-3 + 0.02 * slope.abs() {
                    off.push((place, moved[place], slope));
                }
            }
            // ReLU and pooling have a kink now and then between two points.
            assert!(off.len() * 20 <= checked, "{} {keys}: {off:?} of {checked}", model.kind());
            assert!(checked >= 20 && steep * 5 > checked, "{}: {steep} of {checked}", model.kind());
        }
    }
}

#[test]
fn what_is_not_frozen_moves_as_if_all_were_trained_as_long_as_nothing_else_has_moved() {
    for (model, data) in subjects() {
        let (start, plan) = (started(&model), LocalPlan::plain(1, 100, 0.1));
        let whole = BurnTrainer::new(&model).unwrap().difference(&start, &plan, &data, SEED).unwrap();
        let adaptation = adaptation(&model, &start, &json!({ "freeze": ["output"] }));
        let part = trainer(&model, &adaptation).difference(&adaptation.initial(), &plan, &data, SEED).unwrap();
        let largest = whole.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let mut count = 0;
        for of in adaptation.parts() {
            let Part::Trained { whole: of_whole, trained } = of else { continue };
            for (one, other) in whole[of_whole.clone()].iter().zip(&part[trained.clone()]) {
                assert!((one - other).abs() < 1e-5 * largest + 1e-7, "{}: {one} {other}", model.kind());
                count += 1;
            }
        }
        assert!(count == part.len() && count > 0);
    }
}

#[test]
fn equal_calls_give_equal_bits_and_what_is_not_trained_is_not_asked_for() {
    let (model, data) = subjects().swap_remove(0);
    let adaptation = adaptation(&model, &started(&model), &json!({ "lora": { "rank": 2, "alpha": 4.0 } }));
    let (mut used, plan) = (trainer(&model, &adaptation), LocalPlan::plain(3, 2, 0.1));
    let initial = adaptation.initial();
    let first = used.difference(&initial, &plan, &data, SEED).unwrap();
    assert_eq!(first.len(), adaptation.trained_layout().dimension());
    assert!(first.iter().any(|value| *value != 0.0));
    let mut other = initial.clone();
    other.values_mut().fill(0.3);
    used.difference(&other, &plan, &data, SEED).unwrap();
    assert_eq!(used.difference(&initial, &plan, &data, SEED).unwrap(), first);
    assert_eq!(trainer(&model, &adaptation).difference(&initial, &plan, &data, SEED).unwrap(), first);
    // All parameters of the model are too many.
    assert!(used.difference(&model.initial(), &plan, &data, SEED).is_err());
    let nothing = strokes::writer(1, &"a".parse().unwrap(), 0);
    assert_eq!(used.difference(&initial, &plan, &nothing, SEED).unwrap(), vec![0.0; first.len()]);
    // A measurement is of the whole model.
    let measured = used.measure(&other, &data).unwrap().unwrap();
    let whole = adaptation.whole(&other).unwrap();
    assert_eq!(measured.loss, evaluate(&model, &whole, &data).unwrap().loss);
}
