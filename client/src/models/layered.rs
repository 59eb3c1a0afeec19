//! Stacks of convolutions and dense layers.

use murmur_round::{model::ModelSpec, plan::LocalPlan};

use super::{
    convolution::{Convolution, Extents, transpose},
    dense::{self, Dense},
    factored::{Blocks, Course, Factored},
    loss::Lesson,
};
use crate::{order::Order, sight::Sight};

/// A model with its parameters and the buffers of a step: convolutions, then dense layers with ReLU between them.
pub(crate) struct Layered {
    sight: Sight,
    input: Extents,
    convolutions: Vec<Convolution>,
    dense: Vec<Dense>,
    /// The batch, channels innermost.
    images: Vec<f32>,
    /// What the convolutions hand to the dense layers, in PyTorch's order.
    features: Vec<f32>,
    back: Vec<f32>,
    slope: Vec<f32>,
    factored: Factored,
}

impl Layered {
    /// The model of `spec`, which is valid and built in, with all parameters zero.
    pub(super) fn new(spec: &ModelSpec) -> Self {
        let [channels, height, width] = spec.input().unwrap_or_default();
        let input = Extents { height, width, channels };
        let layout = spec.layout();
        let (mut convolutions, mut dense): (Vec<Convolution>, Vec<Dense>) = (Vec::new(), Vec::new());
        // Every layer is a weight and its bias, one after the other.
        for weight in layout.tensors().iter().step_by(2) {
            match weight.shape.as_slice() {
                [outputs, _, _, _] => {
                    let before = convolutions.last().map_or(input, Convolution::output);
                    convolutions.push(Convolution::new(before, *outputs));
                }
                [outputs, inputs] => dense.push(Dense::new([*outputs, *inputs])),
                _ => {}
            }
        }
        let (images, features, back, slope) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let sight = Sight::of(spec);
        let factored = Factored::default();
        Self { sight, input, convolutions, dense, images, features, back, slope, factored }
    }

    /// Overwrites all parameters by these values, as many as there are.
    pub(super) fn load_values(&mut self, values: &[f32]) {
        let mut rest = values;
        self.convolutions.iter_mut().for_each(|layer| layer.load(&mut rest));
        self.dense.iter_mut().for_each(|layer| layer.load(&mut rest));
    }

    /// The parameters, tensor by tensor, in layout order.
    pub(super) fn for_each_tensor(&mut self, mut see: impl FnMut(&[f32])) {
        self.convolutions.iter_mut().for_each(|layer| layer.parameters().into_iter().for_each(&mut see));
        self.dense.iter().for_each(|layer| layer.parameters().into_iter().for_each(&mut see));
    }

    /// One step of SGD on the mean cross-entropy of a batch: row-major `inputs`, as they are [seen](Sight::see), one label each, all below the number
    /// of classes. The batch must not be empty: it would have no mean.
    pub(super) fn step(&mut self, inputs: &[f32], labels: &[u32], learning_rate: f32) {
        let lesson = Lesson { labels, learning_rate };
        let Some(last) = self.convolutions.last().map(Convolution::output) else {
            dense::learn(&mut self.dense, inputs, &lesson, &mut self.back, false);
            return;
        };
        self.unfold(inputs);
        dense::learn(&mut self.dense, &self.features, &lesson, &mut self.back, true);
        transpose(&self.back, last.channels, last.height * last.width, &mut self.slope);
        for index in (0..self.convolutions.len()).rev() {
            let (before, layer) = self.convolutions.split_at_mut(index);
            let input = before.last().map_or(self.images.as_slice(), |before| before.map.as_slice());
            layer[0].learn(input, &self.slope, &mut self.back, index > 0);
            std::mem::swap(&mut self.slope, &mut self.back);
        }
    }

    /// How [`difference`](Self::difference) goes about a device's examples, where it is less work than steps.
    pub(super) fn blocks(&self, examples: usize, plan: &LocalPlan) -> Option<Blocks> {
        if self.convolutions.is_empty() { Blocks::of(&self.dense, examples, plan) } else { None }
    }

    /// `local - global` after plain SGD on a device's examples, row-major `inputs` as they are [seen](Sight::see), in an order that was begun.
    /// The same as loading `global`, taking a [step](Self::step) for each batch and comparing, but for rounding. What was loaded is gone.
    pub(super) fn difference(
        &mut self,
        global: &[f32],
        course: &Course<'_>,
        plan: &LocalPlan,
        blocks: Blocks,
        order: &mut Order,
    ) -> Vec<f32> {
        let Self { dense, factored, .. } = self;
        let mut rest = global;
        let Some((first, above)) = dense.split_first_mut() else { return Vec::new() };
        let (weight, shape) = (first.load_bias(&mut rest), [first.outputs(), first.inputs()]);
        above.iter_mut().for_each(|layer| layer.load(&mut rest));
        let mut values = Vec::with_capacity(global.len());
        let (whole, last) = (blocks == Blocks::One, plan.epochs.saturating_sub(1));
        for epoch in 0..plan.epochs {
            for block in order.epoch().chunks(blocks.examples()) {
                if !whole || epoch == 0 {
                    let weight = if values.is_empty() { weight } else { dense[0].moved(weight, &values) };
                    factored.begin(shape, weight, course, block, whole && last > 0);
                }
                for batch in block.chunks(plan.batch_size as usize) {
                    factored.step(dense, batch, plan.learning_rate);
                }
                if !whole || epoch == last {
                    factored.add_change(&dense[0], &mut values);
                }
            }
        }
        let (first, above) = (&dense[0], &dense[1..]);
        let [_, bias] = first.parameters();
        for tensor in std::iter::once(bias).chain(above.iter().flat_map(Dense::parameters)) {
            let global = &global[values.len()..];
            values.extend(tensor.iter().zip(global).map(|(local, global)| local - global));
        }
        values
    }

    /// The logits of a batch of examples, row-major `[examples, classes]`.
    pub(super) fn logits_of(&mut self, inputs: &[f32]) -> &[f32] {
        if self.convolutions.is_empty() {
            return dense::forward(&mut self.dense, self.sight.see(inputs));
        }
        // Features are for models without convolutions.
        self.unfold(inputs);
        dense::forward(&mut self.dense, &self.features)
    }

    /// Passes a batch through the convolutions into `features`.
    fn unfold(&mut self, inputs: &[f32]) {
        transpose(inputs, self.input.channels, self.input.height * self.input.width, &mut self.images);
        for index in 0..self.convolutions.len() {
            let (before, layer) = self.convolutions.split_at_mut(index);
            let input = before.last().map_or(self.images.as_slice(), |before| before.map.as_slice());
            layer[0].forward(input);
        }
        if let Some(last) = self.convolutions.last() {
            let output = last.output();
            transpose(&last.map, output.height * output.width, output.channels, &mut self.features);
        }
    }
}
