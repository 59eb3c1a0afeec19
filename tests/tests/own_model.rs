//! The example of a model of one's own does what the README says of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is tests")]

#[path = "../examples/own_model.rs"]
#[allow(dead_code, reason = "the example's own main is not called here")]
mod example;

use std::{num::NonZeroUsize, path::Path};

use burn::{
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};
use murmur_client::{BurnTrainer, Examples, Learner, ModuleTrainer, module::model_section};
use murmur_round::task::Task;
use murmur_sim::{
    SimError,
    population::Population,
    run::{Course, Options, Silent, run_with},
    scenario::{Overrides, Scenario},
};

fn beside() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/own-model.toml").to_string_lossy().into_owned()
}

#[test]
fn the_section_that_it_prints_is_the_tasks() {
    let printed = model_section(&Mute.model(&Device::flex())).unwrap().to_toml().unwrap();
    let task =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/own-model-task.toml")).unwrap();
    let (before, rest) = task.split_once("[model]").unwrap();
    let (_, after) = rest.split_once("\n[plan]").unwrap();
    // Murmur does not know what goes in and comes out, and needs not: the app does.
    let printed = Task::from_toml(&format!("{before}{printed}\n[plan]{after}")).unwrap();
    assert_eq!(printed.model.layout(), Task::from_toml(&task).unwrap().model.layout());
}

#[test]
fn a_module_that_murmur_does_not_know_learns_in_the_simulator() {
    let finished = example::simulated(&beside()).unwrap();
    let accuracies: Vec<f64> = finished.measurements.iter().map(|measured| measured.evaluation.accuracy).collect();
    assert_eq!(accuracies.len(), 4);
    assert!(accuracies[3] > 0.5 && accuracies[3] > accuracies[0], "ten digits, and it guesses: {accuracies:?}");
    assert!(finished.guarantee.is_private() && finished.guarantee.to_string().contains("SIMULATED"));
}

#[test]
fn a_trainer_that_refuses_or_does_not_measure_ends_the_run_with_its_reason() {
    let scenario = Scenario::load(&beside(), &Overrides::default()).unwrap();
    let population = Population::of(&scenario).unwrap();
    let options = Options { threads: NonZeroUsize::MIN, stop_after: Some(1), accelerator: None };
    let ours = |task: &Task| BurnTrainer::new(&task.model);
    let refused = run_with(&scenario, &population, ours, &options, &mut Silent, Course::default()).unwrap_err();
    assert!(refused.to_string().contains("external"), "{refused}");
    let mute = |task: &Task| ModuleTrainer::new(Mute, &task.model);
    let refused = run_with(&scenario, &population, mute, &options, &mut Silent, Course::default()).unwrap_err();
    assert!(matches!(refused, SimError::Unmeasured), "{refused}");
}

/// The same tensors, and nobody who says how well they do.
struct Mute;

#[derive(burn::module::Module, Debug)]
struct Tensors {
    hidden: Linear,
    output: Linear,
}

impl Learner for Mute {
    type Model = Tensors;
    type Data = Examples;

    fn model(&self, device: &Device) -> Tensors {
        Tensors { hidden: LinearConfig::new(784, 24).init(device), output: LinearConfig::new(24, 10).init(device) }
    }

    fn examples(&self, data: &Examples) -> usize {
        data.len()
    }

    fn loss(&self, net: &Tensors, _: &Examples, _: &[usize], _: &Device) -> Tensor<1> {
        net.output.weight.val().mean() + net.hidden.weight.val().mean()
    }
}
