//! The arithmetic of the built-in models: forwards, backwards, one step of SGD.
//!
//! The chain rule is written out here instead of being recorded by burn's autodiff: there are three kinds of
//! layer, and one resident network per thread, overwritten from device to device, needs no memory of its own for a step.
//! Parameters keep PyTorch's layouts, so loading and unloading them is a copy.

mod attentive;
mod convolution;
mod dense;
mod dots;
mod exponential;
mod factored;
mod layered;
mod loss;
mod pool;
mod product;
mod recurrent;
#[cfg(test)]
mod tests;

use std::ops::Range;

use murmur_round::{model::ModelSpec, params::Params, plan::LocalPlan};

use self::{attentive::Attentive, factored::Course, layered::Layered, recurrent::Recurrent};
pub(crate) use self::{
    loss::score,
    product::{add_matrix_product, square_product},
};
use crate::{data::Examples, order::Order};

/// The learning rate of a step that is taken to see a slope: so large that what the parameters lose of it by rounding is nothing beside
/// it, and a power of two, so that dividing by it loses nothing.
const LONG_STEP: f32 = 65_536.0;
/// Examples per pass: large enough for the matrix products, small enough for the cache.
const BATCH: usize = 256;

/// A model with its parameters and the buffers of a step.
pub(crate) enum Network {
    /// Of images and tables.
    Layered(Box<Layered>),
    /// Of text, one character after the other.
    Recurrent(Box<Recurrent>),
    /// Of text, a sequence at once.
    Attentive(Box<Attentive>),
}

/// What one step learns from: pieces of a device's examples, one behind the other. Overwritten from step to step.
#[derive(Default)]
pub(crate) struct Batch {
    inputs: Vec<f32>,
    labels: Vec<u32>,
    /// Examples of each piece.
    lengths: Vec<usize>,
}

impl Batch {
    /// Takes these pieces of some examples, as the model sees them, in place of what it held.
    pub(crate) fn fill(&mut self, seen: &[f32], labels: &[u32], pieces: impl Iterator<Item = Range<usize>>) {
        self.inputs.clear();
        self.labels.clear();
        self.lengths.clear();
        let width = seen.len() / labels.len().max(1);
        for piece in pieces {
            self.inputs.extend_from_slice(&seen[piece.start * width..piece.end * width]);
            self.labels.extend_from_slice(&labels[piece.clone()]);
            self.lengths.push(piece.len());
        }
    }
}

impl Network {
    /// The model of `spec`, which is valid and built in, with all parameters zero.
    pub(crate) fn new(spec: &ModelSpec) -> Self {
        match (Recurrent::new(spec), Attentive::new(spec)) {
            (Some(recurrent), _) => Self::Recurrent(Box::new(recurrent)),
            (_, Some(attentive)) => Self::Attentive(Box::new(attentive)),
            (None, None) => Self::Layered(Box::new(Layered::new(spec))),
        }
    }

    /// The same with these parameters, which must have the spec's own dimension.
    pub(crate) fn with(spec: &ModelSpec, params: &Params) -> Self {
        let mut network = Self::new(spec);
        network.load(params);
        network
    }

    /// Overwrites all parameters; they must have the spec's own dimension.
    pub(crate) fn load(&mut self, params: &Params) {
        self.load_values(params.values());
    }

    /// Overwrites all parameters by these values, as many as there are.
    pub(crate) fn load_values(&mut self, values: &[f32]) {
        match self {
            Self::Layered(network) => network.load_values(values),
            Self::Recurrent(network) => network.load_values(values),
            Self::Attentive(network) => network.load_values(values),
        }
    }

    /// The parameters, tensor by tensor, in layout order.
    pub(crate) fn for_each_tensor(&mut self, see: impl FnMut(&[f32])) {
        match self {
            Self::Layered(network) => network.for_each_tensor(see),
            Self::Recurrent(network) => network.for_each_tensor(see),
            Self::Attentive(network) => network.for_each_tensor(see),
        }
    }

    /// What a device's examples fall into, of which a step takes some: single examples, or sequences of text.
    pub(crate) fn pieces(&self, data: &Examples, into: &mut Vec<Range<usize>>) {
        into.clear();
        match self {
            Self::Layered(_) => into.extend((0..data.len()).map(|index| index..index + 1)),
            Self::Recurrent(network) => network.sequences(data, into),
            Self::Attentive(network) => network.sequences(data, into),
        }
    }

    /// One step of SGD on the mean cross-entropy of a batch, whose labels the model must know. The batch must not be empty: it would have
    /// no mean.
    pub(crate) fn step(&mut self, batch: &Batch, learning_rate: f32) {
        match self {
            Self::Layered(network) => network.step(&batch.inputs, &batch.labels, learning_rate),
            Self::Recurrent(network) => network.step(&batch.inputs, &batch.labels, &batch.lengths, learning_rate),
            Self::Attentive(network) => network.step(&batch.inputs, &batch.labels, &batch.lengths, learning_rate),
        }
    }

    /// `local - global` after following a plan without any pull on examples as the model sees them, in an order that was begun, where there
    /// is a way that is quicker than step by step.
    pub(crate) fn difference(
        &mut self,
        global: &[f32],
        (seen, labels): (&[f32], &[u32]),
        plan: &LocalPlan,
        order: &mut Order,
    ) -> Option<Vec<f32>> {
        match self {
            Self::Layered(network) => {
                let blocks = network.blocks(labels.len(), plan)?;
                Some(network.difference(global, &Course { inputs: seen, labels }, plan, blocks, order))
            }
            _ => None,
        }
    }

    /// The slope of a batch's mean cross-entropy along all parameters, where these are `values`. What the network held is gone.
    pub(crate) fn slope(&mut self, values: &[f32], batch: &Batch, into: &mut Vec<f32>) {
        self.load_values(values);
        self.step(batch, LONG_STEP);
        into.clear();
        let mut rest = values;
        self.for_each_tensor(|after| {
            let (before, behind) = rest.split_at(after.len());
            into.extend(before.iter().zip(after).map(|(before, after)| (before - after) / LONG_STEP));
            rest = behind;
        });
    }

    /// Shows the logits of all examples, row-major `[examples, classes]`, and their classes, some at a time. Of text, in no particular order.
    pub(crate) fn for_each_logits(&mut self, data: &Examples, mut see: impl FnMut(&[f32], &[u32])) {
        match self {
            Self::Layered(network) => {
                let inputs = data.inputs().chunks(BATCH * data.width());
                for (inputs, labels) in inputs.zip(data.labels().chunks(BATCH)) {
                    see(network.logits_of(inputs), labels);
                }
            }
            Self::Recurrent(network) => network.for_each_logits(data, see),
            Self::Attentive(network) => network.for_each_logits(data, see),
        }
    }

    /// The class that is no answer, whoever guesses it: of text, a character that the vocabulary does not hold.
    pub(crate) fn no_answer(&self) -> Option<u32> {
        match self {
            Self::Layered(_) => None,
            Self::Recurrent(network) => Some(network.something_else()),
            Self::Attentive(network) => Some(network.something_else()),
        }
    }
}
