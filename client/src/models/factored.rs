//! Local training of dense layers that never touches the weight of the first one, by far the largest.
//!
//! Each step of SGD adds outer products of slopes and examples to that weight. So after any number of steps on examples `x_j` it is
//! `W = W_0 + sum_j c_j x_j^T`, where `c_j` gathers the slopes along what example `j` was answered; and what a step needs of it,
//! `W x_i = W_0 x_i + sum_j c_j <x_j, x_i>`, follows from products that are taken once for a device: of its examples with the shared weight,
//! and with each other. The weight's own change is put together at the end, whatever the number of epochs.
//!
//! It is the dual form of a linear layer, as in the kernel perceptron (Aizerman, Braverman and Rozonoer 1964); the numbers are those of plain
//! SGD but for the order in which they are rounded.

use super::{
    dense::{self, Dense},
    dots,
    loss::Lesson,
    product::{self, Matrix},
};

/// The buffers of one device's training, kept from device to device.
#[derive(Default)]
pub(super) struct Factored {
    /// The examples, in the order in which the first epoch visits them: `[examples, inputs]`.
    rows: Vec<f32>,
    labels: Vec<u32>,
    /// Where among `rows` an example lies.
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

/// A device's examples, as the model sees them, and how often they are visited.
pub(super) struct Course<'a> {
    pub(super) inputs: &'a [f32],
    pub(super) labels: &'a [u32],
    pub(super) epochs: u32,
}

/// Whether it is less work than plain steps, which read and write the whole weight each time: where there are not more examples than outputs,
/// once an epoch (it was quicker at a tenth of that and at just that: docs/measurements.md). Never where the products of examples with each
/// other would take more memory than the weight does.
pub(super) fn pays(layers: &[Dense], examples: usize, epochs: u32) -> bool {
    layers.first().is_some_and(|first| {
        let products = examples.saturating_mul(examples);
        examples <= first.outputs().saturating_mul(epochs as usize) && products <= first.inputs() * first.outputs()
    })
}

impl Factored {
    /// Before a device's first step: `order` is that of its first epoch. Layers above the first are loaded, and the first one's bias is.
    pub(super) fn begin(&mut self, first: &Dense, weight: &[f32], course: &Course<'_>, order: &[usize]) {
        let (inputs, examples) = (first.inputs(), order.len());
        self.rows.clear();
        self.labels.clear();
        self.places.resize(examples, 0);
        for (place, example) in order.iter().enumerate() {
            self.rows.extend_from_slice(&course.inputs[example * inputs..][..inputs]);
            self.labels.push(course.labels[*example]);
            self.places[*example] = place;
        }
        self.shared.resize(examples * first.outputs(), 0.0);
        dots::set(&mut self.shared, first.outputs(), &self.rows, weight, inputs);
        self.products.resize(examples * examples, 0.0);
        self.coefficients.clear();
        self.coefficients.resize(examples * first.outputs(), 0.0);
        (self.again, self.visited) = (course.epochs > 1, 0);
    }

    /// One step of SGD on these examples.
    pub(super) fn step(&mut self, layers: &mut [Dense], batch: &[usize], learning_rate: f32) {
        let Some((first, above)) = layers.split_first_mut() else { return };
        let (inputs, outputs, examples) = (first.inputs(), first.outputs(), self.places.len());
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

    /// Appends the change of the first layer's weight.
    pub(super) fn weight_change(&self, first: &Dense, into: &mut Vec<f32>) {
        let coefficients = Matrix::new(&self.coefficients, first.outputs()).transposed();
        product::append(into, coefficients, Matrix::new(&self.rows, first.inputs()));
    }

    /// Multiplies these examples with all that were visited before them and, if they come again, with themselves.
    fn multiply(&mut self, inputs: usize, new: std::ops::Range<usize>) {
        let examples = self.places.len();
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
