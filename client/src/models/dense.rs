//! Dense layers: `input * weight^T + bias`, with ReLU between them. Buffers are kept from batch to batch.

use super::{
    loss::Lesson,
    product::{self, Matrix},
};

/// One dense layer; the weight is `[outputs, inputs]` as in PyTorch.
pub(super) struct Dense {
    inputs: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// One row of outputs for each example of the batch; on the way back, the slope along them.
    output: Vec<f32>,
}

impl Dense {
    pub(super) fn new([outputs, inputs]: [usize; 2]) -> Self {
        let (weight, bias) = (vec![0.0; outputs * inputs], vec![0.0; outputs]);
        Self { inputs, weight, bias, output: Vec::new() }
    }

    /// Takes its parameters from the front of `values`.
    pub(super) fn load(&mut self, values: &mut &[f32]) {
        for parameter in [&mut self.weight, &mut self.bias] {
            let (mine, rest) = values.split_at(parameter.len());
            parameter.copy_from_slice(mine);
            *values = rest;
        }
    }

    /// Takes its bias from the front of `values`, and leaves the weight before it where it is: the weight.
    pub(super) fn load_bias<'a>(&mut self, values: &mut &'a [f32]) -> &'a [f32] {
        let (weight, rest) = values.split_at(self.weight.len());
        let (bias, rest) = rest.split_at(self.bias.len());
        self.bias.copy_from_slice(bias);
        *values = rest;
        weight
    }

    /// Overwrites its weight by another one and its change; the weight.
    pub(super) fn moved(&mut self, weight: &[f32], change: &[f32]) -> &[f32] {
        for ((own, weight), change) in self.weight.iter_mut().zip(weight).zip(change) {
            *own = weight + change;
        }
        &self.weight
    }

    /// Numbers in each example.
    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers that an example is answered with.
    pub(super) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Its parameters, weight and bias.
    pub(super) fn parameters(&self) -> [&[f32]; 2] {
        [&self.weight, &self.bias]
    }

    /// Outputs, one row per example, behind a ReLU if `cut`.
    fn forward(&mut self, input: &[f32], cut: bool) {
        self.output_of(input.len() / self.inputs);
        let weight = Matrix::new(&self.weight, self.inputs).transposed();
        product::add(&mut self.output, 1.0, Matrix::new(input, self.inputs), weight);
        if cut {
            self::cut(&mut self.output);
        }
    }

    /// Room for the outputs of so many examples; the bias is in it.
    pub(super) fn output_of(&mut self, examples: usize) -> &mut [f32] {
        self.output.clear();
        (0..examples).for_each(|_| self.output.extend_from_slice(&self.bias));
        &mut self.output
    }

    /// Subtracts the bias's gradient; `output` is the slope along the outputs, times the learning rate.
    pub(super) fn step_bias(&mut self) {
        for slope in self.output.chunks_exact(self.bias.len()) {
            self.bias.iter_mut().zip(slope).for_each(|(bias, slope)| *bias -= slope);
        }
    }

    /// Subtracts the gradient; `output` is the slope along the outputs, times the learning rate.
    fn step(&mut self, input: &[f32]) {
        self.step_bias();
        let slope = Matrix::new(&self.output, self.bias.len()).transposed();
        product::add(&mut self.weight, -1.0, slope, Matrix::new(input, self.inputs));
    }

    /// The slope along the input.
    fn back(&self, into: &mut Vec<f32>) {
        into.resize(self.output.len() / self.bias.len() * self.inputs, 0.0);
        product::set(into, Matrix::new(&self.output, self.bias.len()), Matrix::new(&self.weight, self.inputs));
    }
}

/// ReLU. A NaN is passed on, as everywhere.
pub(super) fn cut(output: &mut [f32]) {
    output.iter_mut().for_each(|value| *value = if *value <= 0.0 { 0.0 } else { *value });
}

/// Replaces outputs behind a ReLU by the slope along them before it: what it cut lets nothing back.
pub(super) fn let_back(output: &mut [f32], slope: &[f32]) {
    for (output, slope) in output.iter_mut().zip(slope) {
        // All bits or none: a branch would be guessed wrong half of the time.
        let kept = u32::from(*output <= 0.0).wrapping_sub(1);
        *output = f32::from_bits(slope.to_bits() & kept);
    }
}

/// Passes a batch through all layers; the last one's outputs.
pub(super) fn forward<'a>(layers: &'a mut [Dense], input: &[f32]) -> &'a mut [f32] {
    let last = layers.len().saturating_sub(1);
    for index in 0..layers.len() {
        let (before, layer) = layers.split_at_mut(index);
        let input = before.last().map_or(input, |before| before.output.as_slice());
        layer[0].forward(input, index < last);
    }
    layers.last_mut().map_or(&mut [], |layer| layer.output.as_mut_slice())
}

/// Passes a batch through the layers and teaches them; leaves the slope along `input` in `back`, if `want` says so.
pub(super) fn learn(layers: &mut [Dense], input: &[f32], lesson: &Lesson<'_>, back: &mut Vec<f32>, want: bool) {
    lesson.turn_into_slope(forward(layers, input));
    for index in (0..layers.len()).rev() {
        let (before, layer) = layers.split_at_mut(index);
        let layer = &mut layer[0];
        match before.last_mut() {
            Some(before) => {
                layer.back(back);
                layer.step(&before.output);
                let_back(&mut before.output, back);
            }
            None => {
                if want {
                    layer.back(back);
                }
                layer.step(input);
            }
        }
    }
}
