use chacha20::ChaCha20Rng;
use murmur_round::{
    model::ModelSpec,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
};
use rand::{Rng, SeedableRng};

use super::{Network, layered::Layered, score};
use crate::order::Order;

fn draws(seed: u8, count: usize) -> Vec<f32> {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    (0..count).map(|_| (rng.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0).collect()
}

/// Small models of every kind; odd extents, so that pooling drops a row.
fn specs() -> Vec<ModelSpec> {
    vec![
        ModelSpec::linear([1, 3, 4], 3),
        ModelSpec::mlp([1, 3, 2], vec![5, 4], 3),
        ModelSpec::Cnn { input: [2, 11, 12], channels: vec![3], hidden: vec![], classes: 3 },
        ModelSpec::Cnn { input: [2, 11, 10], channels: vec![3, 4], hidden: vec![5], classes: 4 },
    ]
}

/// The textbook definition of every model, in f64, one output at a time.
fn reference(spec: &ModelSpec, params: &[f64], example: &[f32]) -> Vec<f64> {
    let [mut channels, mut height, mut width] = spec.input().unwrap();
    let mut values: Vec<f64> = example.iter().map(|&value| f64::from(value)).collect();
    let layout = spec.layout();
    let layers: Vec<_> = layout.tensors().chunks(2).collect();
    let mut rest = params;
    for (index, layer) in layers.iter().enumerate() {
        let (weight, tail) = rest.split_at(layer[0].len());
        let (bias, tail) = tail.split_at(layer[1].len());
        rest = tail;
        let outputs = bias.len();
        if layer[0].shape.len() == 4 {
            let at = |output: usize, row: usize, column: usize| {
                let mut sum = bias[output];
                for (channel, y, x) in (0..channels).flat_map(|c| (0..9).map(move |k| (c, k / 3, k % 3))) {
                    let pixel = values[(channel * height + row + y) * width + column + x];
                    sum += pixel * weight[((output * channels + channel) * 3 + y) * 3 + x];
                }
                sum.max(0.0)
            };
            let (rows, columns) = ((height - 2) / 2, (width - 2) / 2);
            let mut next = Vec::new();
            for (output, row, column) in
                (0..outputs).flat_map(|o| (0..rows * columns).map(move |p| (o, p / columns, p % columns)))
            {
                let corners = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(y, x)| at(output, 2 * row + y, 2 * column + x));
                next.push(corners.into_iter().fold(f64::MIN, f64::max));
            }
            values = next;
            (channels, height, width) = (outputs, rows, columns);
        } else {
            let dense = |output: usize| {
                let row = &weight[output * values.len()..][..values.len()];
                let sum = bias[output] + row.iter().zip(&values).map(|(a, b)| a * b).sum::<f64>();
                if index + 1 < layers.len() { sum.max(0.0) } else { sum }
            };
            values = (0..outputs).map(dense).collect();
        }
    }
    values
}

fn reference_loss(spec: &ModelSpec, params: &[f64], inputs: &[f32], labels: &[u32]) -> f64 {
    let width = inputs.len() / labels.len();
    let losses = inputs.chunks(width).zip(labels).map(|(example, &label)| {
        let logits = reference(spec, params, example);
        logits.iter().map(|logit| logit.exp()).sum::<f64>().ln() - logits[label as usize]
    });
    losses.sum::<f64>() / labels.len() as f64
}

fn sample(spec: &ModelSpec, count: usize) -> (Params, Vec<f32>, Vec<u32>) {
    let layout = spec.layout();
    let values = draws(1, layout.dimension()).into_iter().map(|value| value * 0.5).collect();
    let width: usize = spec.input().unwrap().iter().product();
    let labels = (0..count).map(|index| (index % spec.classes().unwrap()) as u32).collect();
    (Params::new(layout, values).unwrap(), draws(2, count * width), labels)
}

fn loaded(spec: &ModelSpec, params: &Params) -> Layered {
    let mut network = Layered::new(spec);
    network.load_values(params.values());
    network
}

fn unloaded(network: &mut Layered) -> Vec<f32> {
    let mut values = Vec::new();
    network.for_each_tensor(|tensor| values.extend_from_slice(tensor));
    values
}

#[test]
fn logits_are_the_textbooks() {
    for spec in specs() {
        let (params, inputs, _) = sample(&spec, 3);
        let wide: Vec<f64> = params.values().iter().map(|&value| f64::from(value)).collect();
        let logits = loaded(&spec, &params).logits_of(&inputs).to_vec();
        let expected = inputs.chunks(inputs.len() / 3).flat_map(|example| reference(&spec, &wide, example));
        for (found, expected) in logits.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{spec:?}: {found} is not {expected}");
        }
    }
}

#[test]
fn one_step_follows_the_finite_differences_of_the_textbook() {
    for spec in specs() {
        let (params, inputs, labels) = sample(&spec, 4);
        let mut network = loaded(&spec, &params);
        network.step(&inputs, &labels, 0.25);
        let after = unloaded(&mut network);
        let mut wide: Vec<f64> = params.values().iter().map(|&value| f64::from(value)).collect();
        let mut moved = 0;
        for index in 0..wide.len() {
            let middle = wide[index];
            wide[index] = middle + 1e-6;
            let above = reference_loss(&spec, &wide, &inputs, &labels);
            wide[index] = middle - 1e-6;
            let below = reference_loss(&spec, &wide, &inputs, &labels);
            wide[index] = middle;
            let expected = (above - below) / 2e-6;
            let found = f64::from(params.values()[index] - after[index]) / 0.25;
            assert!((found - expected).abs() < 2e-5, "{spec:?}, parameter {index}: {found} is not {expected}");
            moved += usize::from(expected.abs() > 1e-3);
        }
        assert!(moved * 2 > wide.len(), "{spec:?}: only {moved} of {} parameters have a gradient", wide.len());
    }
}

#[test]
fn a_linear_step_is_the_analytic_one() {
    let spec = ModelSpec::linear([1, 1, 2], 2);
    // From zero, softmax is 1/2 everywhere: the gradient is the mean of (1/2 - one_hot) times the input.
    let mut network = loaded(&spec, &spec.initial());
    network.step(&[1.0, 2.0, 3.0, 4.0], &[0, 1], 1.0);
    assert_eq!(unloaded(&mut network), [-0.5, -0.5, 0.5, 0.5, 0.0, 0.0]);
}

#[test]
fn loading_and_unloading_changes_nothing() {
    for spec in specs() {
        let (params, _, _) = sample(&spec, 1);
        assert_eq!(unloaded(&mut loaded(&spec, &params)), params.values());
    }
}

#[test]
fn the_score_counts_right_answers_and_sums_the_loss() {
    let (loss, right) = score(&[0.0, 0.0, 0.0, 3.0, f32::NAN, 0.0], &[0, 1, 1], None);
    assert_eq!(right, 2);
    assert!(loss.is_nan());
    let (loss, right) = score(&[0.0, 0.0, 1000.0, 0.0], &[1, 0], None);
    assert_eq!(right, 1);
    assert!((loss - 2_f64.ln()).abs() < 1e-9);
    assert_eq!(score(&[0.0, 1.0, 1.0, 0.0], &[1, 0], Some(1)).1, 1, "nobody foretells what is no answer");
}

/// Plain steps, one after the other: what the shorter way must come to.
fn step_by_step(
    spec: &ModelSpec,
    global: &Params,
    data: (&[f32], &[u32]),
    plan: &LocalPlan,
    seed: [u8; 32],
) -> Vec<f32> {
    let (inputs, labels) = data;
    let width = inputs.len() / labels.len();
    let (mut network, mut order) = (loaded(spec, global), Order::default());
    order.begin(labels.len(), ShuffleSeed(seed));
    for _ in 0..plan.epochs {
        for batch in order.epoch().chunks(plan.batch_size as usize) {
            let seen: Vec<f32> = batch.iter().flat_map(|at| inputs[at * width..][..width].to_vec()).collect();
            let labels: Vec<u32> = batch.iter().map(|at| labels[*at]).collect();
            network.step(&seen, &labels, plan.learning_rate);
        }
    }
    unloaded(&mut network).iter().zip(global.values()).map(|(local, global)| local - global).collect()
}

#[test]
fn the_shorter_way_is_plain_sgd() {
    let deep = ModelSpec::mlp([1, 7, 7], vec![20, 12], 3);
    for spec in [ModelSpec::linear([1, 5, 9], 8), ModelSpec::mlp([1, 6, 11], vec![30], 4), deep] {
        // The same network throughout: nothing of a device may be left for the next.
        let mut network = Network::new(&spec);
        for (examples, epochs, batch_size) in
            [(8, 1, 3), (7, 1, 7), (1, 1, 10), (16, 2, 5), (13, 3, 4), (5, 4, 1), (41, 1, 2), (29, 2, 1), (90, 3, 2)]
        {
            let (global, inputs, labels) = sample(&spec, examples);
            let plan = LocalPlan::plain(epochs, batch_size, 0.1);
            let seed = [examples as u8; 32];
            let mut order = Order::default();
            order.begin(examples, ShuffleSeed(seed));
            let found = network.difference(global.values(), (&inputs, &labels), &plan, &mut order);
            let found = found.unwrap_or_else(|| panic!("{spec:?}: not taken for {examples} examples"));
            let expected = step_by_step(&spec, &global, (&inputs, &labels), &plan, seed);
            assert_eq!(found.len(), expected.len());
            let norm = expected.iter().map(|value| value * value).sum::<f32>().sqrt();
            assert!(norm > 1e-3);
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let off = (found - expected).abs();
                assert!(off <= 2e-5 * norm, "{spec:?}, {plan:?}, {index}: {found} is not {expected}");
            }
        }
    }
}

#[test]
fn the_shorter_way_is_taken_where_it_is_shorter() {
    let taken = |spec: &ModelSpec, examples: usize, epochs: u32| {
        let (global, inputs, labels) = sample(spec, examples);
        let mut order = Order::default();
        order.begin(examples, ShuffleSeed([1; 32]));
        let plan = LocalPlan::plain(epochs, 2, 0.1);
        Network::new(spec).difference(global.values(), (&inputs, &labels), &plan, &mut order).is_some()
    };
    let [linear, mlp, small, _] = <[ModelSpec; 4]>::try_from(specs()).unwrap();
    assert!(taken(&mlp, 5, 1) && !taken(&mlp, 6, 1));
    assert!(taken(&linear, 3, 1) && !taken(&linear, 4, 1) && taken(&linear, 4, 2));
    assert!(taken(&linear, 6, 9) && !taken(&linear, 7, 9), "36 products are as many as the weight has numbers");
    assert!(!taken(&small, 2, 1), "convolutions have no such way");
    let wide = ModelSpec::mlp([1, 3, 2], vec![8], 3);
    assert!(taken(&wide, 6, 1) && taken(&wide, 500, 1) && taken(&wide, 500, 3), "two batches are a block of four");
}
