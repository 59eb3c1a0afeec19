//! A language model of characters: embedding, one layer of gated recurrent units, dense output.
//!
//! What a token says to the gates is the same wherever it stands, so it is computed once a step for the whole vocabulary and looked up. All
//! rows of a time are one matrix product with the recurrent weights, all rows of a batch one with the output's.

mod gates;
mod packing;
#[cfg(test)]
mod tests;
mod tokens;

use std::ops::Range;

use murmur_round::model::{ModelSpec, TEXT_START};

use super::{
    convolution::transpose,
    loss::Lesson,
    product::{self, Matrix},
};
use crate::data::Examples;
use gates::{Backward, Forward};
use packing::Packed;
pub(super) use tokens::Tokens;

/// Rows that are passed through together where nothing is learnt.
const ROWS: usize = 4_096;

/// The model with the buffers of a step. Tensors are PyTorch's, by its names.
pub(crate) struct Recurrent {
    tokens: Tokens,
    sequence: usize,
    embedded: usize,
    units: usize,
    embedding: Vec<f32>,
    weight_ih: Vec<f32>,
    weight_hh: Vec<f32>,
    bias_ih: Vec<f32>,
    bias_hh: Vec<f32>,
    output: Vec<f32>,
    output_bias: Vec<f32>,
    packed: Packed,
    /// What each token says to the gates; on the way back, the slope along that.
    table: Vec<f32>,
    /// `weight_hh` turned around: the product that every time waits for then reads memory in its order.
    turned: Vec<f32>,
    /// States at the beginning: of each sequence, where it goes on from an earlier part.
    start: Vec<f32>,
    // One row of each for every row of the batch.
    before: Vec<f32>,
    after: Vec<f32>,
    gates: Vec<f32>,
    fresh: Vec<f32>,
    logits: Vec<f32>,
    back: Vec<f32>,
    carry: Vec<f32>,
}

impl Recurrent {
    /// The model of `spec` with all parameters zero; none where it is no language model.
    pub(super) fn new(spec: &ModelSpec) -> Option<Self> {
        let ModelSpec::Gru { vocabulary, embedding: embedded, hidden: units, sequence } = spec else { return None };
        let layout = spec.layout();
        let mut zeros = layout.tensors().iter().map(|tensor| vec![0.0; tensor.len()]);
        let mut next = || zeros.next().unwrap_or_default();
        Some(Self {
            tokens: Tokens::new(vocabulary),
            sequence: *sequence,
            embedded: *embedded,
            units: *units,
            embedding: next(),
            weight_ih: next(),
            weight_hh: next(),
            bias_ih: next(),
            bias_hh: next(),
            output: next(),
            output_bias: next(),
            packed: Packed::default(),
            table: Vec::new(),
            turned: Vec::new(),
            start: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            gates: Vec::new(),
            fresh: Vec::new(),
            logits: Vec::new(),
            back: Vec::new(),
            carry: Vec::new(),
        })
    }

    pub(super) fn something_else(&self) -> u32 {
        self.tokens.something_else()
    }

    pub(super) fn load_values(&mut self, values: &[f32]) {
        let Self { embedding, weight_ih, weight_hh, bias_ih, bias_hh, output, output_bias, .. } = self;
        let mut rest = values;
        for tensor in [embedding, weight_ih, weight_hh, bias_ih, bias_hh, output, output_bias] {
            let (mine, behind) = rest.split_at(tensor.len());
            tensor.copy_from_slice(mine);
            rest = behind;
        }
    }

    pub(super) fn for_each_tensor(&self, see: impl FnMut(&[f32])) {
        let Self { embedding, weight_ih, weight_hh, bias_ih, bias_hh, output, output_bias, .. } = self;
        [embedding, weight_ih, weight_hh, bias_ih, bias_hh, output, output_bias]
            .map(Vec::as_slice)
            .into_iter()
            .for_each(see);
    }

    /// Passages cut into sequences, from their beginning on; the last one of a passage may be shorter.
    pub(super) fn sequences(&self, data: &Examples, into: &mut Vec<Range<usize>>) {
        for passage in passages(data) {
            let end = passage.end;
            into.extend(
                passage.step_by(self.sequence).map(|start| start..end.min(start.saturating_add(self.sequence))),
            );
        }
    }

    /// One step of SGD on sequences that lie one behind the other; each begins from the state zero.
    pub(super) fn step(&mut self, inputs: &[f32], labels: &[u32], lengths: &[usize], learning_rate: f32) {
        self.packed.pack(inputs, labels, lengths, &self.tokens);
        self.start.clear();
        self.start.resize(lengths.len() * self.units, 0.0);
        self.prepare();
        self.forward();
        Lesson { labels: &self.packed.labels, learning_rate }.turn_into_slope(&mut self.logits);
        self.learn_output();
        self.backward();
        self.learn_gates();
    }

    /// Passes every passage through from its beginning to its end, many side by side.
    pub(super) fn for_each_logits(&mut self, data: &Examples, mut see: impl FnMut(&[f32], &[u32])) {
        self.prepare();
        let longest = self.packed.begin(passages(data).map(|passage| passage.len()));
        self.start.clear();
        self.start.resize(self.packed.active_at(0) * self.units, 0.0);
        let mut time = 0;
        while time < longest {
            let steps = (ROWS / self.packed.active_at(time).max(1)).max(1);
            self.packed.go_on(data.inputs(), data.labels(), &self.tokens, time, steps);
            self.forward();
            see(&self.logits, &self.packed.labels);
            time = time.saturating_add(steps);
            // Whoever goes on is among the first rows of the last time.
            let last = self.after.len() - self.packed.active.last().map_or(0, |rows| rows * self.units);
            self.start.clear();
            self.start.extend_from_slice(&self.after[last..]);
        }
    }

    /// What follows from the parameters alone.
    fn prepare(&mut self) {
        let gates = 3 * self.units;
        transpose(&self.weight_hh, gates, self.units, &mut self.turned);
        self.table.clear();
        (0..self.output_bias.len()).for_each(|_| self.table.extend_from_slice(&self.bias_ih));
        let weight = Matrix::new(&self.weight_ih, self.embedded).transposed();
        product::add(&mut self.table, 1.0, Matrix::new(&self.embedding, self.embedded), weight);
    }

    /// Passes what is packed through, from the states in `start`.
    fn forward(&mut self) {
        let (units, rows, gates) = (self.units, self.packed.tokens.len(), 3 * self.units);
        for buffer in [&mut self.before, &mut self.after, &mut self.fresh] {
            buffer.resize(rows * units, 0.0);
        }
        self.gates.resize(rows * gates, 0.0);
        let mut first = 0;
        for (time, &active) in self.packed.active.iter().enumerate() {
            let (states, range) = (active * units, first * units..(first + active) * units);
            if time == 0 {
                self.before[range.clone()].copy_from_slice(&self.start[..states]);
            } else {
                let earlier = (first - self.packed.active[time - 1]) * units;
                self.before[range.clone()].copy_from_slice(&self.after[earlier..earlier + states]);
            }
            let said = &mut self.gates[first * gates..(first + active) * gates];
            product::set(said, Matrix::new(&self.before[range], units), Matrix::new(&self.turned, gates));
            for row in first..first + active {
                let (of_units, token) = (row * units..(row + 1) * units, self.packed.tokens[row] as usize);
                gates::forward(Forward {
                    token: &self.table[token * gates..(token + 1) * gates],
                    bias: &self.bias_hh,
                    before: &self.before[of_units.clone()],
                    gates: &mut self.gates[row * gates..(row + 1) * gates],
                    fresh: &mut self.fresh[of_units.clone()],
                    after: &mut self.after[of_units],
                });
            }
            first += active;
        }
        self.logits.clear();
        (0..rows).for_each(|_| self.logits.extend_from_slice(&self.output_bias));
        let weight = Matrix::new(&self.output, units).transposed();
        product::add(&mut self.logits, 1.0, Matrix::new(&self.after, units), weight);
    }

    /// Subtracts the output's gradient; `logits` are the slopes along them, times the learning rate. Leaves the slope along states in `back`.
    fn learn_output(&mut self) {
        let classes = self.output_bias.len();
        let slope = Matrix::new(&self.logits, classes);
        self.back.resize(self.after.len(), 0.0);
        product::set(&mut self.back, slope, Matrix::new(&self.output, self.units));
        product::add(&mut self.output, -1.0, slope.transposed(), Matrix::new(&self.after, self.units));
        subtract_rows(&mut self.output_bias, &self.logits);
    }

    /// Goes back through time: `gates` become the slopes along what states say to them, `fresh` those along what tokens say to the last.
    fn backward(&mut self) {
        let (units, gates) = (self.units, 3 * self.units);
        self.carry.clear();
        let mut end = self.packed.tokens.len();
        for &active in self.packed.active.iter().rev() {
            let first = end - active;
            // Of sequences that end here nothing comes from later.
            self.carry.resize(active * units, 0.0);
            for (row, carry) in (first..end).zip(self.carry.chunks_exact_mut(units)) {
                let of_units = row * units..(row + 1) * units;
                gates::backward(Backward {
                    before: &self.before[of_units.clone()],
                    slope: &self.back[of_units.clone()],
                    carry,
                    gates: &mut self.gates[row * gates..(row + 1) * gates],
                    fresh: &mut self.fresh[of_units],
                });
            }
            let slope = Matrix::new(&self.gates[first * gates..end * gates], gates);
            product::add(&mut self.carry, 1.0, slope, Matrix::new(&self.weight_hh, units));
            end = first;
        }
    }

    /// Subtracts the gradients of everything before the output.
    fn learn_gates(&mut self) {
        let (units, gates) = (self.units, 3 * self.units);
        let slope = Matrix::new(&self.gates, gates);
        product::add(&mut self.weight_hh, -1.0, slope.transposed(), Matrix::new(&self.before, units));
        subtract_rows(&mut self.bias_hh, &self.gates);
        self.table.fill(0.0);
        for (row, &token) in self.packed.tokens.iter().enumerate() {
            let sum = &mut self.table[token as usize * gates..(token as usize + 1) * gates];
            let (both, new) = sum.split_at_mut(2 * units);
            let slope = &self.gates[row * gates..row * gates + 2 * units];
            both.iter_mut().zip(slope).for_each(|(sum, slope)| *sum += slope);
            new.iter_mut().zip(&self.fresh[row * units..]).for_each(|(sum, slope)| *sum += slope);
        }
        subtract_rows(&mut self.bias_ih, &self.table);
        let slope = Matrix::new(&self.table, gates);
        self.back.resize(self.embedding.len(), 0.0);
        product::set(&mut self.back, slope, Matrix::new(&self.weight_ih, self.embedded));
        product::add(&mut self.weight_ih, -1.0, slope.transposed(), Matrix::new(&self.embedding, self.embedded));
        self.embedding.iter_mut().zip(&self.back).for_each(|(value, change)| *value -= change);
    }
}

/// Subtracts every row from `from`.
pub(super) fn subtract_rows(from: &mut [f32], rows: &[f32]) {
    for row in rows.chunks_exact(from.len()) {
        from.iter_mut().zip(row).for_each(|(value, slope)| *value -= slope);
    }
}

/// Stretches of examples that belong together, from a beginning of text to the next.
pub(super) fn passages(data: &Examples) -> impl Iterator<Item = Range<usize>> {
    let inputs = data.inputs();
    let begins = move |index: &usize| *index == 0 || inputs[*index] == u32::from(TEXT_START) as f32;
    let mut starts = (0..inputs.len()).filter(begins).peekable();
    std::iter::from_fn(move || {
        let start = starts.next()?;
        Some(start..starts.peek().copied().unwrap_or(inputs.len()))
    })
}
