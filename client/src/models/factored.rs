//! Local training of dense layers that never touches the weight of the first one, by far the largest.
//!
//! Each step of SGD adds outer products of slopes and examples to that weight. So after any number of steps on examples `x_j` it is
//! `W = W_0 + sum_j c_j x_j^T`, where `c_j` gathers the slopes along what example `j` was answered; and what a step needs of it,
//! `W x_i = W_0 x_i + sum_j c_j <x_j, x_i>`, follows from products that are taken once for some examples: with the weight before them, and
//! with each other. The weight's change is put together when they are done, whatever the number of epochs.
//!
//! Products of examples with each other grow with the square of their number. So a device of few examples is one block, and one of many is
//! several, each with the weight that the block before it left.
//!
//! It is the dual form of a linear layer, as in the kernel perceptron (Aizerman, Braverman and Rozonoer 1964); the numbers are those of plain
//! SGD but for the order in which they are rounded.

use murmur_round::plan::LocalPlan;

use super::{
    dense::{self, Dense},
    dots,
    loss::Lesson,
    product::{self, Matrix},
};

/// The buffers of one block, kept from block to block.
#[derive(Default)]
pub(super) struct Factored {
    /// The block's examples, in the order in which they are visited first: `[examples, inputs]`.
    rows: Vec<f32>,
    labels: Vec<u32>,
    /// Where among `rows` one of the device's examples lies, if it is of the block.
    places: Vec<usize>,
    /// `W_0 x_i`: `[examples, outputs]`.
    shared: Vec<f32>,
    /// `<x_i, x_j>`: `[examples, examples]`, as far as they are known.
    products: Vec<f32>,
    /// `c_j`: `[examples, outputs]`.
    coefficients: Vec<f32>,
    /// Whether examples come again: then all their products are needed.
    again: bool,
    /// Examples that were visited.
    visited: usize,
    /// What a step needs, gathered: products and labels of its batch.
    batch_products: Vec<f32>,
    batch_labels: Vec<u32>,
    back: Vec<f32>,
}

/// A device's examples, as the model sees them.
pub(super) struct Course<'a> {
    pub(super) inputs: &'a [f32],
    pub(super) labels: &'a [u32],
}

/// How a device's visits fall into blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    /// All examples and all epochs are one.
    One,
    /// Of so many examples at most, whole batches of one epoch.
    Of(usize),
}

impl Blocks {
    /// Blocks that are less work than plain steps, which read and write the whole weight each time, if there are such: of half as many examples as
    /// the layer has outputs, since with more of them their products with each other weigh more than reading and writing the weight seldom
    /// saves (docs/measurements.md). Over several epochs products are taken once, so that one block of more examples is still less work, as it is
    /// for up to as many examples as outputs where a block would hold a single batch.
    ///
    /// Never where the products of a block's examples would take more memory than the weight does.
    pub(super) fn of(layers: &[Dense], examples: usize, plan: &LocalPlan) -> Option<Self> {
        let first = layers.first()?;
        let (inputs, outputs, batch) = (first.inputs(), first.outputs(), plan.batch_size as usize);
        let fit = |block: usize| block.saturating_mul(block) <= inputs * outputs;
        let most = outputs / 2;
        let several = most / batch * batch;
        let one_pays = examples <= outputs.saturating_mul(plan.epochs as usize) && fit(examples);
        if one_pays && (examples <= most || plan.epochs > 1) {
            Some(Self::One)
        } else if several > batch && fit(several) {
            Some(Self::Of(several))
        } else {
            one_pays.then_some(Self::One)
        }
    }

    /// The most examples of a block.
    pub(super) fn examples(self) -> usize {
        match self {
            Self::One => usize::MAX,
            Self::Of(examples) => examples,
        }
    }
}

impl Factored {
    /// Before a block's first step: `order` is that of its examples, `again` is whether they are visited more than once. Layers above the first
    /// are loaded, and the first one's bias is; its weight is `weight`.
    pub(super) fn begin(
        &mut self,
        [outputs, inputs]: [usize; 2],
        weight: &[f32],
        course: &Course<'_>,
        order: &[usize],
        again: bool,
    ) {
        let examples = order.len();
        self.rows.clear();
        self.labels.clear();
        self.places.resize(course.labels.len(), 0);
        for (place, example) in order.iter().enumerate() {
            self.rows.extend_from_slice(&course.inputs[example * inputs..][..inputs]);
            self.labels.push(course.labels[*example]);
            self.places[*example] = place;
        }
        self.shared.resize(examples * outputs, 0.0);
        dots::set(&mut self.shared, outputs, &self.rows, weight, inputs);
        self.products.resize(examples * examples, 0.0);
        self.coefficients.clear();
        self.coefficients.resize(examples * outputs, 0.0);
        (self.again, self.visited) = (again, 0);
    }

    /// One step of SGD on these examples.
    pub(super) fn step(&mut self, layers: &mut [Dense], batch: &[usize], learning_rate: f32) {
        let Some((first, above)) = layers.split_first_mut() else { return };
        let (inputs, outputs, examples) = (first.inputs(), first.outputs(), self.labels.len());
        let known = self.visited;
        if known < examples {
            self.multiply(inputs, known..known + batch.len());
            self.visited += batch.len();
        }
        // In the first epoch nothing has come of the examples that are still to be visited.
        let touched = if known < examples { known } else { examples };
        self.batch_products.clear();
        self.batch_labels.clear();
        let output = first.output_of(batch.len());
        for (row, example) in output.chunks_exact_mut(outputs).zip(batch) {
            let place = self.places[*example];
            self.batch_products.extend_from_slice(&self.products[place * examples..][..touched]);
            self.batch_labels.push(self.labels[place]);
            let shared = &self.shared[place * outputs..][..outputs];
            row.iter_mut().zip(shared).for_each(|(bias, shared)| *bias += shared);
        }
        if touched > 0 {
            let coefficients = Matrix::new(&self.coefficients[..touched * outputs], outputs);
            product::add(output, 1.0, Matrix::new(&self.batch_products, touched), coefficients);
        }
        let lesson = Lesson { labels: &self.batch_labels, learning_rate };
        if above.is_empty() {
            lesson.turn_into_slope(output);
        } else {
            dense::cut(output);
            dense::learn(above, output, &lesson, &mut self.back, true);
            dense::let_back(output, &self.back);
        }
        for (slope, example) in output.chunks_exact(outputs).zip(batch) {
            let coefficients = &mut self.coefficients[self.places[*example] * outputs..][..outputs];
            coefficients.iter_mut().zip(slope).for_each(|(coefficient, slope)| *coefficient -= slope);
        }
        first.step_bias();
    }

    /// Adds what the block changes of the first layer's weight to the changes of the blocks before it; of a first block, `change` is empty.
    pub(super) fn add_change(&self, first: &Dense, change: &mut Vec<f32>) {
        let coefficients = Matrix::new(&self.coefficients, first.outputs()).transposed();
        let rows = Matrix::new(&self.rows, first.inputs());
        if change.is_empty() {
            product::append(change, coefficients, rows);
        } else {
            product::add(change, 1.0, coefficients, rows);
        }
    }

    /// Multiplies these examples with all that were visited before them and, if they come again, with themselves.
    fn multiply(&mut self, inputs: usize, new: std::ops::Range<usize>) {
        let examples = self.labels.len();
        let with = if self.again { new.end } else { new.start };
        let (left, right) = (&self.rows[new.start * inputs..new.end * inputs], &self.rows[..with * inputs]);
        dots::set(&mut self.products[new.start * examples..new.end * examples], examples, left, right, inputs);
        if self.again {
            for row in new {
                for column in 0..row {
                    self.products[column * examples + row] = self.products[row * examples + column];
                }
            }
        }
    }
}
