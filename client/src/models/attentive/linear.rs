//! A dense layer whose caller keeps its inputs, and layer normalisation. Buffers are the caller's.

use crate::models::product::{self, Matrix};

/// `input * weight^T + bias`; the weight is `[outputs, inputs]` as in PyTorch.
pub(super) struct Linear {
    inputs: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    pub(super) fn new(outputs: usize, inputs: usize) -> Self {
        Self { inputs, weight: vec![0.0; outputs * inputs], bias: vec![0.0; outputs] }
    }

    pub(super) fn tensors(&self) -> [&[f32]; 2] {
        [&self.weight, &self.bias]
    }

    pub(super) fn tensors_mut(&mut self) -> [&mut Vec<f32>; 2] {
        [&mut self.weight, &mut self.bias]
    }

    pub(super) fn forward(&self, input: &[f32], into: &mut Vec<f32>) {
        into.clear();
        (0..input.len() / self.inputs).for_each(|_| into.extend_from_slice(&self.bias));
        product::add(into, 1.0, Matrix::new(input, self.inputs), Matrix::new(&self.weight, self.inputs).transposed());
    }

    /// Leaves the slope along the input in `back`, and subtracts the gradient; `slope` is that along the outputs, times the learning rate.
    pub(super) fn learn(&mut self, input: &[f32], slope: &[f32], back: &mut Vec<f32>) {
        let slopes = Matrix::new(slope, self.bias.len());
        back.resize(input.len(), 0.0);
        product::set(back, slopes, Matrix::new(&self.weight, self.inputs));
        product::add(&mut self.weight, -1.0, slopes.transposed(), Matrix::new(input, self.inputs));
        super::subtract_rows(&mut self.bias, slope);
    }
}

/// PyTorch's.
const EPSILON: f32 = 1e-5;

/// Layer normalisation (Ba, Kiros and Hinton 2016): every row to mean 0 and variance 1, times a weight, plus a bias.
pub(super) struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// The rows before weight and bias.
    normal: Vec<f32>,
    /// What each row was multiplied by.
    scales: Vec<f32>,
    change: Vec<f32>,
}

impl Norm {
    pub(super) fn new(width: usize) -> Self {
        let [weight, bias] = [(); 2].map(|()| vec![0.0; width]);
        Self { weight, bias, normal: Vec::new(), scales: Vec::new(), change: Vec::new() }
    }

    pub(super) fn tensors(&self) -> [&[f32]; 2] {
        [&self.weight, &self.bias]
    }

    pub(super) fn tensors_mut(&mut self) -> [&mut Vec<f32>; 2] {
        [&mut self.weight, &mut self.bias]
    }

    pub(super) fn forward(&mut self, input: &[f32], into: &mut Vec<f32>) {
        let width = self.weight.len();
        self.normal.clear();
        self.scales.clear();
        into.clear();
        for row in input.chunks_exact(width) {
            let mean = row.iter().sum::<f32>() / width as f32;
            let variance = row.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>() / width as f32;
            let scale = 1.0 / (variance + EPSILON).sqrt();
            self.scales.push(scale);
            self.normal.extend(row.iter().map(|value| (value - mean) * scale));
        }
        for normal in self.normal.chunks_exact(width) {
            let row = normal.iter().zip(&self.weight).zip(&self.bias);
            into.extend(row.map(|((normal, weight), bias)| normal * weight + bias));
        }
    }

    /// Adds the slope along the input of the last [`forward`](Self::forward) to `back`, and subtracts the gradient.
    pub(super) fn learn(&mut self, slope: &[f32], back: &mut [f32]) {
        let width = self.weight.len();
        self.change.clear();
        self.change.resize(2 * width, 0.0);
        let (weight_change, bias_change) = self.change.split_at_mut(width);
        let rows = slope.chunks_exact(width).zip(self.normal.chunks_exact(width)).zip(&self.scales);
        for (((slope, normal), scale), back) in rows.zip(back.chunks_exact_mut(width)) {
            let (mut mean, mut along) = (0.0, 0.0);
            for (((slope, normal), weight), (weight_change, bias_change)) in
                slope.iter().zip(normal).zip(&self.weight).zip(weight_change.iter_mut().zip(bias_change.iter_mut()))
            {
                *weight_change += slope * normal;
                *bias_change += slope;
                mean += slope * weight;
                along += slope * weight * normal;
            }
            mean /= width as f32;
            along /= width as f32;
            for (((back, slope), normal), weight) in back.iter_mut().zip(slope).zip(normal).zip(&self.weight) {
                *back += scale * (slope * weight - mean - normal * along);
            }
        }
        self.weight.iter_mut().zip(weight_change).for_each(|(value, change)| *value -= *change);
        self.bias.iter_mut().zip(bias_change).for_each(|(value, change)| *value -= *change);
    }
}
