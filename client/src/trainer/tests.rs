use std::thread;

use murmur_round::{
    evaluation::{Candidate, EvaluationPlan},
    measure::LocalMetrics,
    model::ModelSpec,
    params::{Layout, Params},
    plan::{LocalPlan, ShuffleSeed, WeightDecay},
    trainer::Trainer,
};

use super::{BurnTrainer, TrainError};
use crate::{
    data::{ExampleError, Examples},
    evaluation::{Evaluation, evaluate},
    order::Order,
    split::Split,
    strokes,
};

const PLAN: LocalPlan = LocalPlan::plain(2, 8, 0.05);
const SEED: ShuffleSeed = ShuffleSeed([7; 32]);

fn specs() -> [ModelSpec; 3] {
    let (input, classes) = (strokes::SHAPE, strokes::CLASSES);
    [
        ModelSpec::linear(input, classes),
        ModelSpec::mlp(input, vec![16], classes),
        ModelSpec::Cnn { input, channels: vec![4, 6], hidden: vec![12], classes },
    ]
}

fn data(device: &str, count: usize) -> Examples {
    strokes::writer(11, &device.parse().unwrap(), count)
}

fn train(trainer: &mut BurnTrainer, examples: &Examples) -> Vec<u32> {
    let global = trainer.model().initial();
    let difference = trainer.difference(&global, &PLAN, examples, SEED).unwrap();
    difference.into_iter().map(f32::to_bits).collect()
}

#[test]
fn equal_calls_give_equal_bits_whatever_came_before() {
    for spec in specs() {
        let (mine, other) = (data("mine", 21), data("other", 13));
        let first = train(&mut BurnTrainer::new(&spec).unwrap(), &mine);
        let mut used = BurnTrainer::new(&spec).unwrap();
        let foreign = train(&mut used, &other);
        assert_ne!(foreign, first);
        assert_eq!(train(&mut used, &mine), first);
        let elsewhere = thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| train(&mut BurnTrainer::new(&spec).unwrap(), &mine)));
            both.map(|thread| thread.join().unwrap())
        });
        assert_eq!(elsewhere, [first.clone(), first]);
    }
}

#[test]
fn the_seed_decides_the_order_and_the_order_the_bits() {
    let [spec, ..] = specs();
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let (global, mine) = (spec.initial(), data("mine", 21));
    let other = trainer.difference(&global, &PLAN, &mine, ShuffleSeed([8; 32])).unwrap();
    assert_ne!(train(&mut trainer, &mine), other.into_iter().map(f32::to_bits).collect::<Vec<_>>());
}

#[test]
fn one_batch_of_everything_does_not_depend_on_a_batch_larger_than_the_data() {
    let [spec, ..] = specs();
    let (global, mine) = (spec.initial(), data("mine", 5));
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let exact = LocalPlan { batch_size: 5, ..PLAN };
    let large = LocalPlan { batch_size: u32::MAX, ..PLAN };
    let exact = trainer.difference(&global, &exact, &mine, SEED).unwrap();
    assert_eq!(trainer.difference(&global, &large, &mine, SEED).unwrap(), exact);
}

#[test]
fn a_device_without_examples_returns_the_zero_delta() {
    for spec in specs() {
        let mut trainer = BurnTrainer::new(&spec).unwrap();
        let nothing = Examples::none(spec.input().unwrap()).unwrap();
        let delta = trainer.train(&spec.initial(), &PLAN, &nothing, SEED).unwrap();
        assert_eq!(delta.dimension(), spec.layout().dimension());
        let difference = trainer.difference(&spec.initial(), &PLAN, &nothing, SEED).unwrap();
        assert!(difference.iter().all(|value| value.to_bits() == 0));
    }
}

#[test]
fn training_lowers_the_loss_of_every_kind() {
    for spec in specs() {
        let mine = data("mine", 60);
        let mut params = spec.initial();
        let before = evaluate(&spec, &params, &mine).unwrap();
        let plan = LocalPlan { epochs: 4, ..PLAN };
        let difference = BurnTrainer::new(&spec).unwrap().difference(&params, &plan, &mine, SEED).unwrap();
        for (value, change) in params.values_mut().iter_mut().zip(difference) {
            *value += change;
        }
        let after = evaluate(&spec, &params, &mine).unwrap();
        assert!(after.loss < before.loss * 0.8, "{spec:?}: {before:?} to {after:?}");
        assert!(after.accuracy > before.accuracy, "{spec:?}: {before:?} to {after:?}");
    }
}

/// Softmax regression with one input of 0: only the biases learn, and each step can be written down. With label 1 of two classes the slope
/// along the biases is `(p, -p)`, `p` the probability of class 0.
#[test]
fn fedprox_and_weight_decay_are_their_slopes_added_to_that_of_the_loss() {
    let spec = ModelSpec::linear([1, 1, 1], 2);
    let data = Examples::new([1, 1, 1], vec![0.0], vec![1]).unwrap();
    let mut global = spec.initial();
    global.values_mut().copy_from_slice(&[3.0, -2.0, 0.5, 0.25]);
    let (rate, mu, decay) = (0.5, 0.75, 0.25);
    let reference = |mu: f64, decay: f64| {
        let start = [3.0, -2.0, 0.5, 0.25];
        let mut params = start;
        for _ in 0..3 {
            let p = 1.0 / (1.0 + f64::exp(params[3] - params[2]));
            let slopes = [0.0, 0.0, p, -p];
            let before = params;
            for index in 0..4 {
                let pull = mu * (before[index] - start[index]) + decay * before[index];
                params[index] -= rate * (slopes[index] + pull);
            }
        }
        [0, 1, 2, 3].map(|index| params[index] - start[index])
    };
    let plain = LocalPlan::plain(3, 1, 0.5);
    let proximal = LocalPlan { proximal: Some(mu), ..plain };
    let both = LocalPlan { weight_decay: Some(WeightDecay { rate: decay, rounds: None }), ..proximal };
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    for (plan, expected) in [
        (plain, reference(0.0, 0.0)),
        (proximal, reference(f64::from(mu), 0.0)),
        (both, reference(f64::from(mu), f64::from(decay))),
    ] {
        let difference = trainer.difference(&global, &plan, &data, SEED).unwrap();
        for (found, expected) in difference.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{plan:?}: {found} is not {expected}");
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let [spec, ..] = specs();
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let (global, mine) = (spec.initial(), data("mine", 3));
    let mut fails = |params: &Params, plan: &LocalPlan, data: &Examples| {
        trainer.difference(params, plan, data, SEED).unwrap_err().to_string()
    };
    let short = Params::zeros(Layout::new(Vec::new()));
    assert_eq!(fails(&short, &PLAN, &mine), "the model has 7850 parameters, but 0 were given");
    let flat = Examples::new([1, 1, 784], mine.inputs().to_vec(), mine.labels().to_vec()).unwrap();
    assert!(fails(&global, &PLAN, &flat).contains("[1, 1, 784]"));
    let wrong = Examples::new(strokes::SHAPE, mine.inputs().to_vec(), vec![0, 10, 11]).unwrap();
    assert_eq!(fails(&global, &PLAN, &wrong), "label 10 (example 1) is out of range: the model has 10 classes");
    assert!(fails(&global, &LocalPlan { batch_size: 0, ..PLAN }, &mine).contains("batch_size"));
    assert!(fails(&global, &LocalPlan { learning_rate: f32::NAN, ..PLAN }, &mine).contains("learning_rate"));

    assert_eq!(
        evaluate(&spec, &global, &wrong),
        Err(TrainError::Examples(ExampleError::Label { index: 1, label: 10, classes: 10 }))
    );
    let nothing = Examples::none(strokes::SHAPE).unwrap();
    assert_eq!(evaluate(&spec, &global, &nothing), Err(TrainError::NothingToEvaluate));
    assert!(BurnTrainer::new(&ModelSpec::linear([0, 1, 1], 2)).is_err());
}

#[test]
fn numbers_beyond_all_bounds_are_passed_on() {
    for spec in specs() {
        let mut trainer = BurnTrainer::new(&spec).unwrap();
        let plan = LocalPlan { learning_rate: 1e30, ..PLAN };
        let difference = trainer.difference(&spec.initial(), &plan, &data("mine", 21), SEED).unwrap();
        // Softmax regression moves by one bounded step, however long; deeper models multiply.
        let bounded = matches!(spec, ModelSpec::Linear { .. });
        assert!(bounded || difference.iter().any(|value| !value.is_finite()), "{spec:?}");
        let poisoned = Examples::new(spec.input().unwrap(), vec![f32::NAN; 2 * 784], vec![0, 1]).unwrap();
        let difference = trainer.difference(&spec.initial(), &PLAN, &poisoned, SEED).unwrap();
        assert!(difference.iter().any(|value| value.is_nan()), "{spec:?}");
    }
}

/// As it is, and trained in two ways.
fn candidates() -> EvaluationPlan {
    let candidate = |name: &str, plan| Candidate { name: name.to_owned(), model: None, plan };
    let gentle = LocalPlan { learning_rate: 0.01, ..PLAN };
    let candidates =
        vec![candidate("as it is", None), candidate("plan", Some(PLAN)), candidate("gentle", Some(gentle))];
    EvaluationPlan { held_out: 0.3, candidates }
}

#[test]
fn candidates_train_on_some_examples_and_are_measured_on_the_others() {
    let (plan, mine) = (candidates(), data("mine", 40));
    let metrics = |Evaluation { loss, accuracy, .. }: Evaluation| LocalMetrics { loss, accuracy };
    for spec in specs() {
        let (global, mut trainer) = (spec.initial(), BurnTrainer::new(&spec).unwrap());
        let found = trainer.evaluate(&global, &plan, &mine, SEED).unwrap().unwrap();
        let Split { rest, held_out } = Split::of(&plan, &mine, SEED, &mut Order::default()).unwrap();
        assert_eq!((rest.len(), held_out.len()), (28, 12));
        let by_hand = plan.candidates.iter().map(|candidate| {
            let mut own = global.clone();
            if let Some(local) = &candidate.plan {
                let moved = BurnTrainer::new(&spec).unwrap().difference(&global, local, &rest, SEED).unwrap();
                own.values_mut().iter_mut().zip(moved).for_each(|(value, change)| *value += change);
            }
            metrics(evaluate(&spec, &own, &held_out).unwrap())
        });
        assert!(by_hand.collect::<Vec<_>>() == found, "{spec:?}");
        assert!(found[0] != found[1] && found[1] != found[2], "{spec:?}: no candidate differs");
        // The same again, whatever came between.
        trainer.evaluate(&global, &plan, &data("other", 7), SEED).unwrap();
        assert!(trainer.evaluate(&global, &plan, &mine, SEED).unwrap().unwrap() == found);
        // One example is held out, and there is none to train on: all candidates are the model as it is.
        let single = trainer.evaluate(&global, &plan, &data("mine", 1), SEED).unwrap().unwrap();
        assert!(single.len() == 3 && single[0] == single[1] && single[1] == single[2]);
        assert!(trainer.evaluate(&global, &plan, &data("mine", 0), SEED).unwrap().is_none());
    }
}

#[test]
fn a_candidate_of_another_model_or_of_no_plan_is_refused() {
    let [spec, other, _] = specs();
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    assert!(matches!(
        trainer.evaluate(&other.initial(), &candidates(), &data("mine", 4), SEED),
        Err(TrainError::Params(_))
    ));
    let mut wrong = candidates();
    wrong.candidates[1].plan = Some(LocalPlan { epochs: 0, ..PLAN });
    assert!(matches!(trainer.evaluate(&spec.initial(), &wrong, &data("mine", 4), SEED), Err(TrainError::Plan(_))));
}

#[test]
fn of_text_a_candidate_learns_from_what_is_not_held_out() {
    let spec = ModelSpec::Gru { vocabulary: "abc".to_owned(), embedding: 3, hidden: 6, sequence: 12 };
    let text: String = "abc".chars().cycle().take(120).collect();
    let tuned = Candidate { name: "tuned".to_owned(), model: None, plan: Some(LocalPlan::plain(40, 2, 1.0)) };
    let plan = EvaluationPlan {
        held_out: 0.25,
        candidates: vec![Candidate { name: "as it is".to_owned(), model: None, plan: None }, tuned],
    };
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let found = trainer.evaluate(&spec.initial(), &plan, &Examples::text(&text), SEED).unwrap().unwrap();
    assert!(found[0].accuracy < 0.7 && found[1].accuracy > 0.9, "{} {}", found[0].accuracy, found[1].accuracy);
}
