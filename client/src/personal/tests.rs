use murmur_round::{
    model::ModelSpec,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
};

use super::*;
use crate::{BurnTrainer, Examples};

const SEED: ShuffleSeed = ShuffleSeed([7; 32]);

fn one_example(input: f32, label: u32) -> Examples {
    Examples::new([1, 1, 1], vec![input], vec![label]).unwrap()
}

fn close(found: &Params, expected: &[f32]) {
    assert_eq!(found.dimension(), expected.len());
    let near = found.values().iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-4);
    assert!(near, "{:?} instead of {expected:?}", found.values());
}

/// One input x, two classes, all parameters 0: both classes have probability 1/2, so that one step at rate r moves weights by r x / 2 and
/// biases by r / 2, towards the label and away from the other.
#[test]
fn fine_tuning_is_a_step_of_what_was_released() {
    let spec = ModelSpec::linear([1, 1, 1], 2);
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let global = Params::new(spec.layout(), vec![0.5, 0.5, 0.25, 0.25]).unwrap();
    // A proximal term of the task's plan does not hold it: fine-tuning is plain.
    let plan = LocalPlan { proximal: Some(1e9), ..LocalPlan::plain(1, 1, 0.2) };
    let own = fine_tuned(&mut trainer, &global, &plan, &one_example(3.0, 1), SEED).unwrap();
    close(&own, &[0.5 - 0.3, 0.5 + 0.3, 0.25 - 0.1, 0.25 + 0.1]);
}

/// With x = 1 and label 0, weights (u, -u) and biases (u, -u): the wrong class has probability p = 1 / (1 + exp(4u)), which is the slope of the
/// loss along each, and Ditto ends where p = lambda u. With u = ln(3) / 4, p = 1/4, so lambda = 1 / ln(3).
#[test]
fn ditto_ends_where_loss_and_pull_are_in_balance() {
    let spec = ModelSpec::linear([1, 1, 1], 2);
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let global = Params::zeros(spec.layout());
    let (plan, data) = (LocalPlan::plain(400, 1, 0.1), one_example(1.0, 0));
    let (u, lambda) = (3.0_f32.ln() / 4.0, 1.0 / 3.0_f32.ln());
    close(&ditto(&mut trainer, &global, &plan, lambda, &data, SEED).unwrap(), &[u, -u, u, -u]);
    // Around another shared model it ends elsewhere: with everything a quarter up, the same balance a quarter up.
    let raised = Params::new(spec.layout(), vec![0.25; 4]).unwrap();
    let own = ditto(&mut trainer, &raised, &plan, lambda, &data, SEED).unwrap();
    close(&own, &[0.25 + u, 0.25 - u, 0.25 + u, 0.25 - u]);
    // Held tightly it stays, and hardly held it goes where plain fine-tuning goes.
    let stays = ditto(&mut trainer, &global, &LocalPlan::plain(400, 1, 1e-4), 1e4, &data, SEED).unwrap();
    close(&stays, &[0.0; 4]);
    let free = ditto(&mut trainer, &global, &plan, 1e-7, &data, SEED).unwrap();
    close(&free, fine_tuned(&mut trainer, &global, &plan, &data, SEED).unwrap().values());
    assert!(ditto(&mut trainer, &global, &plan, 0.0, &data, SEED).is_err());
}

/// The body makes 2 x + 1 = 7 of x = 3; the head, all 0, is then a linear model that sees 7.
#[test]
fn a_head_is_trained_on_what_the_shared_body_makes() {
    let spec = ModelSpec::mlp([1, 1, 1], vec![1], 2);
    let layout = spec.layout();
    assert_eq!(head_of(&layout), 2..6);
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let global = Params::new(layout, vec![2.0, 1.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    let (plan, data) = (LocalPlan::plain(1, 1, 0.1), one_example(3.0, 0));
    let own = with_own_head(&mut trainer, &global, &plan, &data, SEED).unwrap();
    close(&own, &[2.0, 1.0, 0.35, -0.35, 0.05, -0.05]);
    // Over many steps as well, where the body would move by itself.
    let longer = LocalPlan::plain(30, 1, 0.1);
    let own = with_own_head(&mut trainer, &global, &longer, &data, SEED).unwrap();
    assert_eq!(own.values()[..2], [2.0, 1.0]);
    let all = fine_tuned(&mut trainer, &global, &longer, &data, SEED).unwrap();
    assert_ne!(all.values()[..2], [2.0, 1.0]);
    // Of softmax regression, the head is all there is.
    let linear = ModelSpec::linear([1, 1, 1], 2);
    let (mut trainer, zeros) = (BurnTrainer::new(&linear).unwrap(), Params::zeros(linear.layout()));
    let head = with_own_head(&mut trainer, &zeros, &longer, &data, SEED).unwrap();
    assert_eq!(head, fine_tuned(&mut trainer, &zeros, &longer, &data, SEED).unwrap());
}

#[test]
fn a_device_without_examples_keeps_what_was_released() {
    let spec = ModelSpec::mlp([1, 1, 1], vec![2], 2);
    let mut trainer = BurnTrainer::new(&spec).unwrap();
    let (global, nothing) = (spec.initial(), Examples::none([1, 1, 1]).unwrap());
    let plan = LocalPlan::plain(1, 1, 0.1);
    assert_eq!(fine_tuned(&mut trainer, &global, &plan, &nothing, SEED).unwrap(), global);
    assert_eq!(with_own_head(&mut trainer, &global, &plan, &nothing, SEED).unwrap(), global);
    assert_eq!(ditto(&mut trainer, &global, &plan, 1.0, &nothing, SEED).unwrap(), global);
}
