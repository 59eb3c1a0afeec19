//! A language model of characters: a transformer's decoder. Embeddings of characters and of their places, layers of attention and of two
//! dense layers, each behind a normalisation and beside what goes on unchanged (as PyTorch's `TransformerEncoderLayer` with
//! `norm_first=True` and a causal mask), a last normalisation, and a dense output.

mod attention;
mod layer;
mod linear;
#[cfg(test)]
mod tests;

use std::ops::Range;

use murmur_round::model::ModelSpec;

use super::{
    loss::Lesson,
    recurrent::{Tokens, passages, subtract_rows},
};
use crate::data::Examples;
use layer::Layer;
use linear::{Linear, Norm};

/// Rows that are passed through together where nothing is learnt.
const ROWS: usize = 4_096;

/// The model with the buffers of a step. Tensors are PyTorch's, by its names.
pub(crate) struct Attentive {
    tokens: Tokens,
    sequence: usize,
    width: usize,
    embedding: Vec<f32>,
    position: Vec<f32>,
    layers: Vec<Layer>,
    norm: Norm,
    output: Linear,
    /// Tokens of the batch's inputs and labels, sequence after sequence.
    inputs: Vec<u32>,
    labels: Vec<u32>,
    /// What goes on from layer to layer, one row for each character; on the way back, the slope along it.
    stream: Vec<f32>,
    normal: Vec<f32>,
    logits: Vec<f32>,
    back: Vec<f32>,
}

impl Attentive {
    /// The model of `spec` with all parameters zero; none where it is no transformer.
    pub(super) fn new(spec: &ModelSpec) -> Option<Self> {
        let ModelSpec::Transformer { vocabulary, embedding: width, heads, layers, hidden, sequence } = spec else {
            return None;
        };
        let tokens = Tokens::new(vocabulary);
        let classes = tokens.something_else() as usize + 1;
        Some(Self {
            tokens,
            sequence: *sequence,
            width: *width,
            embedding: vec![0.0; classes * width],
            position: vec![0.0; sequence * width],
            layers: (0..*layers).map(|_| Layer::new(*width, *heads, *hidden)).collect(),
            norm: Norm::new(*width),
            output: Linear::new(classes, *width),
            inputs: Vec::new(),
            labels: Vec::new(),
            stream: Vec::new(),
            normal: Vec::new(),
            logits: Vec::new(),
            back: Vec::new(),
        })
    }

    pub(super) fn something_else(&self) -> u32 {
        self.tokens.something_else()
    }

    pub(super) fn load_values(&mut self, values: &[f32]) {
        let mut rest = values;
        let mut load = |tensor: &mut Vec<f32>| {
            let (mine, behind) = rest.split_at(tensor.len());
            tensor.copy_from_slice(mine);
            rest = behind;
        };
        load(&mut self.embedding);
        load(&mut self.position);
        self.layers.iter_mut().flat_map(Layer::tensors_mut).for_each(&mut load);
        self.norm.tensors_mut().into_iter().for_each(&mut load);
        self.output.tensors_mut().into_iter().for_each(load);
    }

    pub(super) fn for_each_tensor(&self, mut see: impl FnMut(&[f32])) {
        see(&self.embedding);
        see(&self.position);
        self.layers.iter().flat_map(Layer::tensors).for_each(&mut see);
        self.norm.tensors().into_iter().for_each(&mut see);
        self.output.tensors().into_iter().for_each(see);
    }

    /// Passages cut into sequences, from their beginning on; the last one of a passage may be shorter.
    pub(super) fn sequences(&self, data: &Examples, into: &mut Vec<Range<usize>>) {
        for passage in passages(data) {
            let end = passage.end;
            let starts = passage.step_by(self.sequence);
            into.extend(starts.map(|start| start..end.min(start.saturating_add(self.sequence))));
        }
    }

    /// One step of SGD on sequences that lie one behind the other.
    pub(super) fn step(&mut self, inputs: &[f32], labels: &[u32], lengths: &[usize], learning_rate: f32) {
        self.read(inputs, labels);
        self.forward(lengths);
        Lesson { labels: &self.labels, learning_rate }.turn_into_slope(&mut self.logits);
        self.output.learn(&self.normal, &self.logits, &mut self.back);
        self.stream.fill(0.0);
        self.norm.learn(&self.back, &mut self.stream);
        for layer in self.layers.iter_mut().rev() {
            layer.learn(&mut self.stream, lengths);
        }
        let mut rows = self.inputs.iter().zip(self.stream.chunks_exact(self.width));
        for &length in lengths {
            for (place, (&token, slope)) in rows.by_ref().take(length).enumerate() {
                let token = token as usize;
                subtract(&mut self.embedding[token * self.width..(token + 1) * self.width], slope);
                subtract(&mut self.position[place * self.width..(place + 1) * self.width], slope);
            }
        }
    }

    /// Passes every passage through in stretches of a sequence. Each begins half a sequence after the one before it, so that every character
    /// is foretold from half a sequence at least, as far as there is so much before it; each is foretold once.
    pub(super) fn for_each_logits(&mut self, data: &Examples, mut see: impl FnMut(&[f32], &[u32])) {
        let stride = self.sequence.div_ceil(2);
        let mut stretches: Vec<(Range<usize>, usize)> = Vec::new();
        for passage in passages(data) {
            let (mut start, mut told) = (passage.start, passage.start);
            while told < passage.end {
                let end = passage.end.min(start.saturating_add(self.sequence));
                stretches.push((start..end, told - start));
                (told, start) = (end, start + stride);
            }
        }
        let (mut seen, mut labels) = (Vec::new(), Vec::new());
        for some in stretches.chunks((ROWS / self.sequence).max(1)) {
            let (mut inputs, mut given) = (Vec::new(), Vec::new());
            for (stretch, _) in some {
                inputs.extend_from_slice(&data.inputs()[stretch.clone()]);
                given.extend_from_slice(&data.labels()[stretch.clone()]);
            }
            let lengths: Vec<usize> = some.iter().map(|(stretch, _)| stretch.len()).collect();
            self.read(&inputs, &given);
            self.forward(&lengths);
            let classes = self.tokens.something_else() as usize + 1;
            seen.clear();
            labels.clear();
            let mut first = 0;
            for (stretch, known) in some {
                let rows = first + known..first + stretch.len();
                seen.extend_from_slice(&self.logits[rows.start * classes..rows.end * classes]);
                labels.extend_from_slice(&self.labels[rows]);
                first += stretch.len();
            }
            see(&seen, &labels);
        }
    }

    fn read(&mut self, inputs: &[f32], labels: &[u32]) {
        self.inputs.clear();
        self.inputs.extend(inputs.iter().map(|code_point| self.tokens.token(*code_point as u32)));
        self.labels.clear();
        self.labels.extend(labels.iter().map(|code_point| self.tokens.token(*code_point)));
    }

    /// Passes what was read through; the logits of every character's next one.
    fn forward(&mut self, lengths: &[usize]) {
        self.stream.clear();
        let places = lengths.iter().flat_map(|length| 0..*length);
        for (&token, place) in self.inputs.iter().zip(places) {
            let token = &self.embedding[token as usize * self.width..][..self.width];
            let place = &self.position[place * self.width..][..self.width];
            self.stream.extend(token.iter().zip(place).map(|(token, place)| token + place));
        }
        for layer in &mut self.layers {
            layer.forward(&mut self.stream, lengths);
        }
        self.norm.forward(&self.stream, &mut self.normal);
        self.output.forward(&self.normal, &mut self.logits);
    }
}

fn subtract(from: &mut [f32], slope: &[f32]) {
    from.iter_mut().zip(slope).for_each(|(value, slope)| *value -= slope);
}
