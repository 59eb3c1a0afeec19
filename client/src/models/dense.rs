//! Dense layers: `input * weight^T + bias`, with ReLU between them.

use burn::tensor::{Tensor, activation::relu};

use super::{loss::Lesson, matrix, numbers};

/// One dense layer; the weight is `[outputs, inputs]` as in PyTorch.
pub(super) struct Dense {
    weight: Tensor<2>,
    bias: Tensor<2>,
}

impl Dense {
    pub(super) fn load([outputs, _]: [usize; 2], weight: &[f32], bias: &[f32]) -> Self {
        Self { weight: matrix(weight.to_vec(), outputs), bias: matrix(bias.to_vec(), 1) }
    }

    pub(super) fn unload(self, values: &mut Vec<f32>) {
        values.extend_from_slice(&numbers(self.weight));
        values.extend_from_slice(&numbers(self.bias));
    }

    /// Outputs before any ReLU, one row per example.
    pub(super) fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        input.matmul(self.weight.clone().transpose()).add(self.bias.clone())
    }

    /// Subtracts the gradient and, when `want` says so, returns the slope of the loss along the input.
    /// `slope` is the slope along the output, times the learning rate.
    fn step(&mut self, input: Tensor<2>, slope: Tensor<2>, want: bool) -> Option<Tensor<2>> {
        let back = want.then(|| slope.clone().matmul(self.weight.clone()));
        // Taken out, each parameter has one owner and is updated in place.
        let bias = std::mem::replace(&mut self.bias, slope.clone());
        self.bias = bias.sub(slope.clone().sum_dim(0));
        let weight = std::mem::replace(&mut self.weight, slope.clone());
        self.weight = weight.sub(slope.transpose().matmul(input));
        back
    }
}

/// Passes a batch through `layers`, teaches them, and returns the slope along `input` when `want` says so.
pub(super) fn learn(layers: &mut [Dense], input: Tensor<2>, lesson: &Lesson<'_>, want: bool) -> Option<Tensor<2>> {
    let (layer, rest) = layers.split_first_mut()?;
    let output = layer.forward(input.clone());
    let slope = if rest.is_empty() {
        let mut logits = numbers(output);
        lesson.turn_into_slope(&mut logits);
        matrix(logits, lesson.labels.len())
    } else {
        let output = relu(output);
        let clipped = output.clone().lower_equal_elem(0.0);
        learn(rest, output, lesson, true)?.mask_fill(clipped, 0.0)
    };
    layer.step(input, slope, want)
}
