//! The general path and the built-in models are the same mathematics.

mod adapters;
mod language;
mod transformer;

use burn::{
    module::Param,
    tensor::{
        Int, TensorData,
        activation::{log_softmax, relu, softmax},
        module::{conv2d, max_pool2d},
        ops::{ConvOptions, MaxPoolOptions},
    },
};
use murmur_round::{
    evaluation::Candidate,
    model::Initial,
    params::{Layout, ParameterShape},
    plan::WeightDecay,
};

use super::*;
use crate::{BurnTrainer, Examples, strokes};

#[derive(Module, Debug)]
struct Dense {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Convolution {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
}

/// The built-in models, as an app would write them.
#[derive(Module, Debug)]
struct Stack {
    convolution: Vec<Convolution>,
    hidden: Vec<Dense>,
    output: Dense,
}

struct Classifier(ModelSpec);

fn zeros<const D: usize>(tensor: &ParameterShape, device: &Device) -> Param<Tensor<D>> {
    let shape: [usize; D] = tensor.shape.clone().try_into().unwrap();
    Param::from_tensor(Tensor::zeros(shape, device))
}

impl Learner for Classifier {
    type Model = Stack;
    type Data = Examples;

    fn model(&self, device: &Device) -> Stack {
        let layout = self.0.layout();
        let (mut convolution, mut dense) = (Vec::new(), Vec::new());
        for pair in layout.tensors().chunks(2) {
            if pair[0].shape.len() == 4 {
                convolution.push(Convolution { weight: zeros(&pair[0], device), bias: zeros(&pair[1], device) });
            } else {
                dense.push(Dense { weight: zeros(&pair[0], device), bias: zeros(&pair[1], device) });
            }
        }
        let output = dense.pop().unwrap();
        Stack { convolution, hidden: dense, output }
    }

    fn examples(&self, data: &Examples) -> usize {
        data.len()
    }

    fn loss(&self, model: &Stack, data: &Examples, batch: &[usize], device: &Device) -> Tensor<1> {
        let [channels, height, width] = strokes::SHAPE;
        let inputs: Vec<f32> = batch.iter().flat_map(|index| data.input(*index).to_vec()).collect();
        let labels: Vec<i32> = batch.iter().map(|index| data.labels()[*index] as i32).collect();
        let mut images: Tensor<4> =
            Tensor::from_data(TensorData::new(inputs, [batch.len(), channels, height, width]), device);
        for Convolution { weight, bias } in &model.convolution {
            let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
            images = relu(conv2d(images, weight.val(), Some(bias.val()), options));
            images = max_pool2d(images, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
        }
        let mut features: Tensor<2> = images.flatten(1, 3);
        let dense = |features: Tensor<2>, layer: &Dense| {
            features.matmul(layer.weight.val().transpose()) + layer.bias.val().unsqueeze()
        };
        for layer in &model.hidden {
            features = relu(dense(features, layer));
        }
        let logits = dense(features, &model.output);
        let labels: Tensor<2, Int> = Tensor::from_data(TensorData::new(labels, [batch.len(), 1]), device);
        log_softmax(logits, 1).gather(1, labels).mean().neg()
    }

    fn measure(&self, model: &Stack, data: &Examples, examples: &[usize], device: &Device) -> Option<LocalMetrics> {
        // What the built-in models call right is a matter of logits, which the loss does not show: it is left out here.
        let loss: f32 = self.loss(model, data, examples, device).into_scalar();
        Some(LocalMetrics { loss: f64::from(loss), accuracy: 0.0 })
    }
}

#[test]
fn candidates_are_measured_as_by_the_built_in_models() {
    let candidate = |name: &str, plan| Candidate { name: name.to_owned(), model: None, plan };
    let tuned = LocalPlan { proximal: Some(0.5), ..LocalPlan::plain(3, 8, 0.05) };
    let plan = EvaluationPlan {
        held_out: 0.4,
        candidates: vec![candidate("as it is", None), candidate("tuned", Some(tuned))],
    };
    let data = strokes::writer(11, &"somebody".parse().unwrap(), 30);
    let seed = ShuffleSeed([7; 32]);
    for spec in specs() {
        let global = spec.initial();
        let built_in = BurnTrainer::new(&spec).unwrap().evaluate(&global, &plan, &data, seed).unwrap().unwrap();
        let mut general = ModuleTrainer::new(Classifier(spec.clone()), &spec).unwrap();
        let found = general.evaluate(&global, &plan, &data, seed).unwrap().unwrap();
        for (found, built_in) in found.iter().zip(&built_in) {
            assert!((found.loss - built_in.loss).abs() < 1e-4, "{spec:?}: {} {}", found.loss, built_in.loss);
        }
        assert!((built_in[0].loss - built_in[1].loss).abs() > 0.01, "{spec:?}: training changes nothing");
        assert!(general.evaluate(&global, &plan, &data.slice(0..0), seed).unwrap().is_none());
    }
}

fn specs() -> [ModelSpec; 3] {
    let (input, classes) = (strokes::SHAPE, strokes::CLASSES);
    [
        ModelSpec::linear(input, classes),
        ModelSpec::mlp(input, vec![16], classes),
        ModelSpec::Cnn { input, channels: vec![4, 6], hidden: vec![12], classes },
    ]
}

#[test]
fn the_built_in_models_are_what_burn_makes_of_them() {
    let plan = LocalPlan {
        proximal: Some(0.5),
        weight_decay: Some(WeightDecay { rate: 0.1, rounds: None }),
        ..LocalPlan::plain(2, 8, 0.05)
    };
    let data = strokes::writer(11, &"somebody".parse().unwrap(), 21);
    for spec in specs() {
        let global = spec.initial();
        let seed = ShuffleSeed([7; 32]);
        let built_in = BurnTrainer::new(&spec).unwrap().difference(&global, &plan, &data, seed).unwrap();
        let mut general = ModuleTrainer::new(Classifier(spec.clone()), &spec).unwrap();
        let mut module = general.loaded(&global).unwrap();
        assert_eq!(unload(&module).unwrap(), global.values(), "what goes in comes out");
        general.module = Some(module);
        general.train(&global, &plan, &data, seed).unwrap();
        module = general.module.take().unwrap();
        let local = unload(&module).unwrap();
        let largest = built_in.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 1e-3, "{spec:?} learns nothing");
        for ((local, global), built_in) in local.iter().zip(global.values()).zip(&built_in) {
            let difference = (local - global - built_in).abs();
            assert!(difference < 1e-4 * largest + 1e-6, "{spec:?}: {difference} of {largest}");
        }
    }
}

#[test]
fn equal_calls_give_equal_bits_and_no_examples_move_nothing() {
    let [spec, ..] = specs();
    let plan = LocalPlan::plain(1, 4, 0.1);
    let mut trainer = ModuleTrainer::new(Classifier(spec.clone()), &spec).unwrap();
    let mut trained = |device: &str, count| {
        let data = strokes::writer(11, &device.parse().unwrap(), count);
        trainer.train(&spec.initial(), &plan, &data, ShuffleSeed([1; 32])).unwrap();
        unload(trainer.module.as_ref().unwrap()).unwrap().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    let first = trained("a", 12);
    assert_ne!(trained("b", 9), first);
    assert_eq!(trained("a", 12), first);
    let nothing: Vec<u32> = spec.initial().values().iter().map(|value| value.to_bits()).collect();
    assert_eq!(trained("c", 0), nothing);
}

#[test]
fn an_apps_model_is_described_for_its_task_and_another_is_refused() {
    let [_, mlp, _] = specs();
    let device = Device::flex().autodiff();
    let mut module = Classifier(mlp.clone()).model(&device);
    module.hidden[0].bias = Param::from_tensor(Tensor::ones([16], &device));
    module.output.weight = Param::from_tensor(Tensor::full([10, 16], -0.25, &device));
    let section = model_section(&module).unwrap();
    let ModelSpec::External { tensors, .. } = &section else { panic!("{section:?}") };
    let starts: Vec<(&str, Initial)> = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.initial)).collect();
    assert_eq!(
        starts,
        [
            ("hidden.0.weight", Initial::Zeros),
            ("hidden.0.bias", Initial::Ones),
            ("output.weight", Initial::Uniform(0.25)),
            ("output.bias", Initial::Zeros)
        ]
    );
    assert_eq!(section.layout(), mlp.layout());
    let first = section.initial();
    assert!(first.values().iter().all(|value| value.abs() <= 1.0) && first.values().contains(&1.0));
    assert!(ModuleTrainer::new(Classifier(mlp.clone()), &section).is_ok());
    let mut other: Vec<ParameterShape> = mlp.layout().tensors().to_vec();
    other.pop();
    assert_ne!(Layout::new(other), section.layout());
    let [linear, ..] = specs();
    let refused = ModuleTrainer::new(Classifier(mlp), &linear).err().unwrap();
    assert_eq!(
        refused,
        ModuleError::OtherModel { expected: 2, expected_parameters: 7_850, found: 4, found_parameters: 12_730 }
    );
}
