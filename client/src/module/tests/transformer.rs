//! The built-in transformer is what burn makes of the same parameters.

use murmur_round::params::Layout;

use super::*;

const CHARACTERS: &str = "abcdef \n";
const WIDTH: usize = 6;
const HEADS: usize = 2;
const SEQUENCE: usize = 7;

fn spec() -> ModelSpec {
    ModelSpec::Transformer {
        vocabulary: CHARACTERS.to_owned(),
        embedding: WIDTH,
        heads: HEADS,
        layers: 2,
        hidden: 9,
        sequence: SEQUENCE,
    }
}

/// Passages of 20, 1 and 9 characters, some of them outside the vocabulary.
fn data() -> Examples {
    let mut data = Examples::text("a bad cab faced\ndeaf!");
    for passage in ["e", "fade, bead"] {
        data.append(&Examples::text(passage)).unwrap();
    }
    data
}

/// Where the sequences of [`data`] begin and end: each passage in pieces of 7.
const SEQUENCES: [std::ops::Range<usize>; 6] = [0..7, 7..14, 14..21, 21..22, 22..29, 29..32];

/// A matrix and a vector, in this order: dense layers and normalisations alike.
#[derive(Module, Debug)]
struct Pair<const D: usize> {
    weight: Param<Tensor<D>>,
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Block {
    said: Pair<2>,
    taken: Pair<2>,
    widening: Pair<2>,
    narrowing: Pair<2>,
    first_norm: Pair<1>,
    second_norm: Pair<1>,
}

#[derive(Module, Debug)]
struct Decoder {
    embedding: Param<Tensor<2>>,
    position: Param<Tensor<2>>,
    layers: Vec<Block>,
    norm: Pair<1>,
    output: Pair<2>,
}

struct Language;

fn token(code_point: u32) -> i32 {
    let place = CHARACTERS.chars().position(|character| u32::from(character) == code_point);
    place.unwrap_or(CHARACTERS.len()) as i32
}

fn dense(input: Tensor<2>, layer: &Pair<2>) -> Tensor<2> {
    input.matmul(layer.weight.val().transpose()) + layer.bias.val().unsqueeze()
}

fn normalised(input: Tensor<2>, norm: &Pair<1>) -> Tensor<2> {
    let centred = input.clone() - input.mean_dim(1);
    let variance = (centred.clone() * centred.clone()).mean_dim(1);
    centred / variance.add_scalar(1e-5).sqrt() * norm.weight.val().unsqueeze() + norm.bias.val().unsqueeze()
}

fn attended(input: Tensor<2>, block: &Block, device: &Device) -> Tensor<2> {
    let [length, _] = input.dims();
    let said = dense(input, &block.said);
    let head_width = WIDTH / HEADS;
    // What comes later is not seen.
    let later: Vec<f32> =
        (0..length).flat_map(|row| (0..length).map(move |column| if column > row { -1e9 } else { 0.0 })).collect();
    let later: Tensor<2> = Tensor::from_data(TensorData::new(later, [length, length]), device);
    let heads = (0..HEADS).map(|head| {
        let part = |part: usize| {
            let begin = part * WIDTH + head * head_width;
            said.clone().slice([0..length, begin..begin + head_width])
        };
        let scores = part(0).matmul(part(1).transpose()).div_scalar((head_width as f32).sqrt()) + later.clone();
        softmax(scores, 1).matmul(part(2))
    });
    dense(Tensor::cat(heads.collect(), 1), &block.taken)
}

impl Learner for Language {
    type Model = Decoder;
    type Data = Examples;

    fn model(&self, device: &Device) -> Decoder {
        build(&spec().layout(), device)
    }

    fn examples(&self, _data: &Examples) -> usize {
        SEQUENCES.len()
    }

    fn loss(&self, model: &Decoder, data: &Examples, batch: &[usize], device: &Device) -> Tensor<1> {
        let mut characters = 0;
        let sums = batch.iter().map(|index| {
            let range = SEQUENCES[*index].clone();
            let length = range.len();
            characters += length;
            let inputs: Vec<i32> = data.inputs()[range.clone()].iter().map(|point| token(*point as u32)).collect();
            let labels: Vec<i32> = data.labels()[range].iter().map(|point| token(*point)).collect();
            let inputs: Tensor<1, Int> = Tensor::from_data(TensorData::new(inputs, [length]), device);
            let labels: Tensor<2, Int> = Tensor::from_data(TensorData::new(labels, [length, 1]), device);
            let places = model.position.val().slice([0..length, 0..WIDTH]);
            let mut stream = model.embedding.val().select(0, inputs) + places;
            for block in &model.layers {
                stream = stream.clone() + attended(normalised(stream, &block.first_norm), block, device);
                let wide = relu(dense(normalised(stream.clone(), &block.second_norm), &block.widening));
                stream = stream + dense(wide, &block.narrowing);
            }
            let logits = dense(normalised(stream, &model.norm), &model.output);
            log_softmax(logits, 1).gather(1, labels).sum()
        });
        let sum = sums.reduce(|sum, next| sum + next).unwrap();
        sum.neg().div_scalar(characters as f32)
    }
}

/// A module whose tensors lie as the layout has them.
fn build(layout: &Layout, device: &Device) -> Decoder {
    let mut tensors = layout.tensors().iter();
    let mut next = || tensors.next().unwrap();
    let (embedding, position) = (zeros(next(), device), zeros(next(), device));
    let layers = (0..2)
        .map(|_| {
            let [said, taken, widening, narrowing] =
                [(); 4].map(|()| Pair { weight: zeros::<2>(next(), device), bias: zeros(next(), device) });
            let [first_norm, second_norm] =
                [(); 2].map(|()| Pair { weight: zeros::<1>(next(), device), bias: zeros(next(), device) });
            Block { said, taken, widening, narrowing, first_norm, second_norm }
        })
        .collect();
    let norm = Pair { weight: zeros::<1>(next(), device), bias: zeros(next(), device) };
    let output = Pair { weight: zeros::<2>(next(), device), bias: zeros(next(), device) };
    Decoder { embedding, position, layers, norm, output }
}

#[test]
fn the_built_in_transformer_is_burns() {
    let (spec, data, seed) = (spec(), data(), ShuffleSeed([3; 32]));
    let mut global = spec.initial();
    for (value, place) in global.values_mut().iter_mut().zip(0_u16..) {
        *value += 0.2 * f32::from(place).sin();
    }
    let plan = LocalPlan { proximal: Some(0.5), ..LocalPlan::plain(3, 4, 0.1) };
    let built_in = BurnTrainer::new(&spec).unwrap().difference(&global, &plan, &data, seed).unwrap();

    let section = model_section(&Language.model(&Device::flex().autodiff())).unwrap();
    assert_eq!(section.layout().dimension(), global.dimension());
    let start = Params::new(section.layout(), global.values().to_vec()).unwrap();
    let mut general = ModuleTrainer::new(Language, &section).unwrap();
    general.train(&start, &plan, &data, seed).unwrap();
    let local = unload(general.module.as_ref().unwrap()).unwrap();

    let mut rest = 0;
    for tensor in spec.layout().tensors() {
        let range = rest..rest + tensor.len();
        rest = range.end;
        let expected: Vec<f32> = local[range.clone()]
            .iter()
            .zip(&global.values()[range.clone()])
            .map(|(after, before)| after - before)
            .collect();
        let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 1e-4, "{} learns nothing", tensor.name);
        for (found, expected) in built_in[range].iter().zip(&expected) {
            assert!((found - expected).abs() < 2e-4 * largest + 1e-6, "{}: {found} is not {expected}", tensor.name);
        }
    }
}
