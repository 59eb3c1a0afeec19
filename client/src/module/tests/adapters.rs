//! Adapters of low rank, by burn's autodiff and by the chain rule as it is written out.

use murmur_round::trainer::Trainer as _;
use serde_json::json;

use super::*;
use crate::adapted::tests::adaptation;

/// A multilayer perceptron whose hidden matrix stays, but for what its adapters add to it.
#[derive(Module, Debug)]
struct Fine {
    down: Param<Tensor<2>>,
    up: Param<Tensor<2>>,
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

struct Adapting {
    hidden: usize,
    /// The hidden layer's matrix and bias, which stay.
    matrix: Vec<f32>,
    offset: Vec<f32>,
    rank: usize,
    scale: f32,
}

impl Adapting {
    fn inputs(&self) -> usize {
        self.matrix.len() / self.hidden
    }
}

impl Learner for Adapting {
    type Model = Fine;
    type Data = Examples;

    fn model(&self, device: &Device) -> Fine {
        let matrix = |shape: [usize; 2]| Param::from_tensor(Tensor::zeros(shape, device));
        Fine {
            down: matrix([self.rank, self.inputs()]),
            up: matrix([self.hidden, self.rank]),
            weight: matrix([strokes::CLASSES, self.hidden]),
            bias: Param::from_tensor(Tensor::zeros([strokes::CLASSES], device)),
        }
    }

    fn examples(&self, data: &Examples) -> usize {
        data.len()
    }

    fn loss(&self, model: &Fine, data: &Examples, batch: &[usize], device: &Device) -> Tensor<1> {
        let inputs: Vec<f32> = batch.iter().flat_map(|index| data.input(*index).to_vec()).collect();
        let labels: Vec<i32> = batch.iter().map(|index| data.labels()[*index] as i32).collect();
        let inputs: Tensor<2> = Tensor::from_data(TensorData::new(inputs, [batch.len(), self.inputs()]), device);
        let stays: Tensor<2> =
            Tensor::from_data(TensorData::new(self.matrix.clone(), [self.hidden, self.inputs()]), device);
        let offset: Tensor<1> = Tensor::from_data(TensorData::new(self.offset.clone(), [self.hidden]), device);
        let matrix = stays + model.up.val().matmul(model.down.val()).mul_scalar(self.scale);
        let features = relu(inputs.matmul(matrix.transpose()) + offset.unsqueeze());
        let logits = features.matmul(model.weight.val().transpose()) + model.bias.val().unsqueeze();
        let labels: Tensor<2, Int> = Tensor::from_data(TensorData::new(labels, [batch.len(), 1]), device);
        log_softmax(logits, 1).gather(1, labels).mean().neg()
    }
}

#[test]
fn adapters_learn_what_burn_has_them_learn() {
    const HIDDEN: usize = 12;
    let spec = ModelSpec::mlp(strokes::SHAPE, vec![HIDDEN], strokes::CLASSES);
    let start = spec.initial();
    let adaptation = adaptation(&spec, &start, &json!({ "fresh": ["output"], "lora": { "rank": 3, "alpha": 6.0 } }));
    let mut global = adaptation.initial();
    // As after some rounds: B is not zero any more.
    global.values_mut().iter_mut().zip(0_u16..).for_each(|(value, place)| *value += 0.02 * f32::from(place).sin());
    let plan = LocalPlan {
        proximal: Some(0.5),
        weight_decay: Some(WeightDecay { rate: 0.1, rounds: None }),
        ..LocalPlan::plain(2, 8, 0.05)
    };
    let (data, seed) = (strokes::writer(11, &"somebody".parse().unwrap(), 21), ShuffleSeed([7; 32]));
    let mut by_hand = BurnTrainer::new(&spec).unwrap();
    assert!(by_hand.adapt(adaptation.clone()));
    let by_hand = by_hand.difference(&global, &plan, &data, seed).unwrap();

    let mut tensors = start.tensors().map(|(_, values)| values.to_vec());
    let (matrix, offset) = (tensors.next().unwrap(), tensors.next().unwrap());
    let learner = Adapting { hidden: HIDDEN, matrix, offset, rank: 3, scale: adaptation.scale() };
    assert_eq!(learner.scale, 2.0);
    let section = model_section(&learner.model(&Device::flex().autodiff())).unwrap();
    assert_eq!(section.layout().dimension(), global.dimension());
    let mut general = ModuleTrainer::new(learner, &section).unwrap();
    let same = Params::new(section.layout(), global.values().to_vec()).unwrap();
    general.train(&same, &plan, &data, seed).unwrap();
    let local = unload(general.module.as_ref().unwrap()).unwrap();
    let largest = by_hand.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    assert!(largest > 1e-3, "nothing is learnt");
    for ((local, global), by_hand) in local.iter().zip(global.values()).zip(&by_hand) {
        let difference = (local - global - by_hand).abs();
        assert!(difference < 1e-4 * largest + 1e-6, "{difference} of {largest}");
    }
    assert!(!general.adapt(adaptation), "a general module knows whole models only");
}
