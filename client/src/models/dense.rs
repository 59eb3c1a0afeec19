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

    /// Its parameters, weight and bias.
    pub(super) fn parameters(&self) -> [&[f32]; 2] {
        [&self.weight, &self.bias]
    }

    /// Outputs, one row per example, behind a ReLU if `cut`.
    fn forward(&mut self, input: &[f32], cut: bool) {
        let (examples, outputs) = (input.len() / self.inputs, self.bias.len());
        self.output.clear();
        (0..examples).for_each(|_| self.output.extend_from_slice(&self.bias));
        let weight = Matrix::new(&self.weight, self.inputs).transposed();
        product::add(&mut self.output, 1.0, Matrix::new(input, self.inputs), weight);
        debug_assert_eq!(self.output.len(), examples * outputs);
        if cut {
            // A NaN is passed on, as everywhere.
            self.output.iter_mut().for_each(|value| *value = if *value <= 0.0 { 0.0 } else { *value });
        }
    }

    /// Subtracts the gradient; `output` is the slope along the outputs, times the learning rate.
    fn step(&mut self, input: &[f32]) {
        for slope in self.output.chunks_exact(self.bias.len()) {
            self.bias.iter_mut().zip(slope).for_each(|(bias, slope)| *bias -= slope);
        }
        let slope = Matrix::new(&self.output, self.bias.len()).transposed();
        product::add(&mut self.weight, -1.0, slope, Matrix::new(input, self.inputs));
    }

    /// The slope along the input.
    fn back(&self, into: &mut Vec<f32>) {
        into.resize(self.output.len() / self.bias.len() * self.inputs, 0.0);
        product::set(into, Matrix::new(&self.output, self.bias.len()), Matrix::new(&self.weight, self.inputs));
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
                // What ReLU cut lets nothing back.
                for (output, slope) in before.output.iter_mut().zip(back.iter()) {
                    *output = if *output <= 0.0 { 0.0 } else { *slope };
                }
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
