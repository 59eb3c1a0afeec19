//! One layer: attention, then two dense layers with a ReLU between them, each behind a normalisation and added to what goes on.

use super::{
    attention::Attention,
    linear::{Linear, Norm},
};

pub(super) struct Layer {
    width: usize,
    heads: usize,
    first_norm: Norm,
    /// Queries, keys and values.
    said: Linear,
    taken: Linear,
    second_norm: Norm,
    widening: Linear,
    narrowing: Linear,
    attention: Attention,
    // What the way back needs of the way there, one row for each character.
    normal: Vec<f32>,
    queries: Vec<f32>,
    mixed: Vec<f32>,
    second_normal: Vec<f32>,
    wide: Vec<f32>,
    // Passing through.
    result: Vec<f32>,
    back: Vec<f32>,
}

impl Layer {
    pub(super) fn new(width: usize, heads: usize, hidden: usize) -> Self {
        Self {
            width,
            heads,
            first_norm: Norm::new(width),
            said: Linear::new(3 * width, width),
            taken: Linear::new(width, width),
            second_norm: Norm::new(width),
            widening: Linear::new(hidden, width),
            narrowing: Linear::new(width, hidden),
            attention: Attention::default(),
            normal: Vec::new(),
            queries: Vec::new(),
            mixed: Vec::new(),
            second_normal: Vec::new(),
            wide: Vec::new(),
            result: Vec::new(),
            back: Vec::new(),
        }
    }

    /// In the order in which PyTorch lists them.
    pub(super) fn tensors(&self) -> [&[f32]; 12] {
        let Self { said, taken, widening, narrowing, first_norm, second_norm, .. } = self;
        let [a, b] = said.tensors();
        let [c, d] = taken.tensors();
        let [e, f] = widening.tensors();
        let [g, h] = narrowing.tensors();
        let [i, j] = first_norm.tensors();
        let [k, l] = second_norm.tensors();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    pub(super) fn tensors_mut(&mut self) -> [&mut Vec<f32>; 12] {
        let Self { said, taken, widening, narrowing, first_norm, second_norm, .. } = self;
        let [a, b] = said.tensors_mut();
        let [c, d] = taken.tensors_mut();
        let [e, f] = widening.tensors_mut();
        let [g, h] = narrowing.tensors_mut();
        let [i, j] = first_norm.tensors_mut();
        let [k, l] = second_norm.tensors_mut();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// Adds what the layer makes of the stream to it.
    pub(super) fn forward(&mut self, stream: &mut [f32], lengths: &[usize]) {
        self.first_norm.forward(stream, &mut self.normal);
        self.said.forward(&self.normal, &mut self.queries);
        self.attention.forward(&self.queries, self.width, self.heads, lengths, &mut self.mixed);
        self.taken.forward(&self.mixed, &mut self.result);
        add(stream, &self.result);
        self.second_norm.forward(stream, &mut self.second_normal);
        self.widening.forward(&self.second_normal, &mut self.wide);
        // A NaN is passed on, as everywhere.
        self.wide.iter_mut().for_each(|value| *value = if *value <= 0.0 { 0.0 } else { *value });
        self.narrowing.forward(&self.wide, &mut self.result);
        add(stream, &self.result);
    }

    /// Turns the slope along what the layer left into that along what it was given, and subtracts the gradient.
    pub(super) fn learn(&mut self, stream: &mut [f32], lengths: &[usize]) {
        self.narrowing.learn(&self.wide, stream, &mut self.back);
        // What ReLU cut lets nothing back.
        for (wide, slope) in self.wide.iter_mut().zip(&self.back) {
            *wide = if *wide <= 0.0 { 0.0 } else { *slope };
        }
        self.widening.learn(&self.second_normal, &self.wide, &mut self.back);
        self.second_norm.learn(&self.back, stream);
        self.taken.learn(&self.mixed, stream, &mut self.back);
        self.attention.backward(&mut self.queries, self.width, self.heads, lengths, &self.back);
        self.said.learn(&self.normal, &self.queries, &mut self.back);
        self.first_norm.learn(&self.back, stream);
    }
}

fn add(to: &mut [f32], values: &[f32]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
}
