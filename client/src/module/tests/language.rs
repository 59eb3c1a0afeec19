//! The built-in language model is what burn's own embedding, recurrent units and dense layer make of the same parameters.

use burn::nn::{Embedding, EmbeddingConfig, Gru, GruConfig, Linear, LinearConfig};

use super::*;

const CHARACTERS: &str = "abcdef \n";

fn spec() -> ModelSpec {
    ModelSpec::Gru { vocabulary: CHARACTERS.to_owned(), embedding: 3, hidden: 5, sequence: 7 }
}

/// Passages of 20, 1 and 9 characters, some of them outside the vocabulary.
fn data() -> Examples {
    let mut data = Examples::text("a bad cab faced\ndeaf!");
    for passage in ["e", "fade, bead"] {
        data.append(&Examples::text(passage)).unwrap();
    }
    data
}

#[derive(Module, Debug)]
struct Speaker {
    embedding: Embedding,
    gru: Gru,
    output: Linear,
}

struct Language;

/// Where the sequences of [`data`] begin and end: each passage in pieces of 7.
const SEQUENCES: [std::ops::Range<usize>; 6] = [0..7, 7..14, 14..21, 21..22, 22..29, 29..32];

fn token(code_point: u32) -> i32 {
    let place = CHARACTERS.chars().position(|character| u32::from(character) == code_point);
    place.unwrap_or(CHARACTERS.len()) as i32
}

impl Learner for Language {
    type Model = Speaker;
    type Data = Examples;

    fn model(&self, device: &Device) -> Speaker {
        let tokens = CHARACTERS.len() + 1;
        Speaker {
            embedding: EmbeddingConfig::new(tokens, 3).init(device),
            gru: GruConfig::new(3, 5, true).init(device),
            output: LinearConfig::new(5, tokens).init(device),
        }
    }

    fn examples(&self, _data: &Examples) -> usize {
        SEQUENCES.len()
    }

    fn loss(&self, model: &Speaker, data: &Examples, batch: &[usize], device: &Device) -> Tensor<1> {
        let mut characters = 0;
        let sums = batch.iter().map(|index| {
            let range = SEQUENCES[*index].clone();
            let length = range.len();
            characters += length;
            let inputs: Vec<i32> = data.inputs()[range.clone()].iter().map(|point| token(*point as u32)).collect();
            let labels: Vec<i32> = data.labels()[range].iter().map(|point| token(*point)).collect();
            let inputs: Tensor<2, Int> = Tensor::from_data(TensorData::new(inputs, [1, length]), device);
            let labels: Tensor<2, Int> = Tensor::from_data(TensorData::new(labels, [length, 1]), device);
            let states: Tensor<2> = model.gru.forward(model.embedding.forward(inputs), None).squeeze_dim(0);
            log_softmax(model.output.forward(states), 1).gather(1, labels).sum()
        });
        let sum = sums.reduce(|sum, next| sum + next).unwrap();
        sum.neg().div_scalar(characters as f32)
    }
}

/// What burn calls `name`, out of parameters that lie as PyTorch has them.
fn part_of(params: &Params, name: &str) -> Vec<f32> {
    let tensor = |name: &str| params.tensors().find(|(tensor, _)| tensor.name == name).unwrap().1;
    let turned = |rows: &[f32], columns: usize| -> Vec<f32> {
        (0..columns).flat_map(|column| rows[column..].iter().step_by(columns).copied()).collect()
    };
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        ["embedding", "weight"] => tensor("embedding.weight").to_vec(),
        ["output", "weight"] => turned(tensor("output.weight"), 5),
        ["output", "bias"] => tensor("output.bias").to_vec(),
        ["gru", gate, transform, kind] => {
            let gate = ["reset_gate", "update_gate", "new_gate"].iter().position(|known| known == gate).unwrap();
            let side = if *transform == "input_transform" { "ih" } else { "hh" };
            let whole = tensor(&format!("gru.{kind}_{side}_l0"));
            let third = whole.len() / 3;
            let mine = &whole[gate * third..(gate + 1) * third];
            if *kind == "weight" { turned(mine, third / 5) } else { mine.to_vec() }
        }
        _ => panic!("{name}"),
    }
}

#[test]
fn who_knows_no_answer_takes_no_part_in_an_evaluation() {
    let section = model_section(&Language.model(&Device::flex().autodiff())).unwrap();
    let mut trainer = ModuleTrainer::new(Language, &section).unwrap();
    let candidates = vec![Candidate { name: "as it is".to_owned(), model: None, plan: None }];
    let plan = EvaluationPlan { held_out: 0.5, candidates };
    let refused = trainer.evaluate(&section.initial(), &plan, &data(), ShuffleSeed([3; 32]));
    assert_eq!(refused.err(), Some(ModuleError::MeasuresNothing));
}

#[test]
fn the_built_in_language_model_is_burns() {
    let (spec, data, seed) = (spec(), data(), ShuffleSeed([3; 32]));
    // Far from the beginning, where all gates are half open.
    let mut global = spec.initial();
    for (value, place) in global.values_mut().iter_mut().zip(0_u16..) {
        *value += 0.3 * f32::from(place).sin();
    }
    let plan = LocalPlan { proximal: Some(0.5), ..LocalPlan::plain(3, 4, 0.5) };
    let built_in = BurnTrainer::new(&spec).unwrap().difference(&global, &plan, &data, seed).unwrap();
    let built_in = Params::new(spec.layout(), built_in).unwrap();

    let section = model_section(&Language.model(&Device::flex().autodiff())).unwrap();
    let as_burns = |params: &Params| -> Vec<(String, Vec<f32>)> {
        let layout = section.layout();
        layout.tensors().iter().map(|tensor| (tensor.name.clone(), part_of(params, &tensor.name))).collect()
    };
    let flat =
        |parts: Vec<(String, Vec<f32>)>| -> Vec<f32> { parts.into_iter().flat_map(|(_, values)| values).collect() };
    let start = Params::new(section.layout(), flat(as_burns(&global))).unwrap();
    let mut general = ModuleTrainer::new(Language, &section).unwrap();
    general.train(&start, &plan, &data, seed).unwrap();
    let local = Params::new(section.layout(), unload(general.module.as_ref().unwrap()).unwrap()).unwrap();

    for ((name, found), ((_, before), (_, after))) in
        as_burns(&built_in).iter().zip(start.tensors().zip(local.tensors()))
    {
        let expected: Vec<f32> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 1e-3, "{name} learns nothing");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4 * largest, "{name}: {found} is not {expected}");
        }
    }
}
