//! The arithmetic of the built-in models: forwards, backwards, one step of SGD.
//!
//! Matrix products, and everything as large as a weight matrix, run as burn tensors on its CPU backend. The chain rule
//! is written out here instead of being recorded by burn's autodiff: the models are stacks of two kinds of layer, and
//! without the tape and its process-wide lock a small step costs less and threads do not wait for each other.
//! Parameters keep PyTorch's layouts, so loading and unloading them is a copy.

mod convolution;
mod dense;
mod loss;
mod pool;
#[cfg(test)]
mod tests;

use burn::tensor::{Device, Tensor, TensorData};
use murmur_round::{model::ModelSpec, params::Params};

pub(crate) use self::loss::score;
use self::{
    convolution::{Convolution, Map},
    dense::Dense,
    loss::Lesson,
};

/// A model with its parameters: convolutions, then dense layers with ReLU between them.
pub(crate) struct Network {
    input: [usize; 3],
    convolutions: Vec<Convolution>,
    dense: Vec<Dense>,
}

impl Network {
    /// The model of `spec` with these parameters, which must have the spec's own dimension.
    pub(crate) fn load(spec: &ModelSpec, params: &Params) -> Self {
        let count = if let ModelSpec::Cnn { channels, .. } = spec { channels.len() } else { 0 };
        let layout = spec.layout();
        let mut network = Self { input: spec.input(), convolutions: Vec::with_capacity(count), dense: Vec::new() };
        let mut rest = params.values();
        // Every layer is a weight and its bias, one after the other.
        for pair in layout.tensors().chunks_exact(2) {
            let (weight, tail) = rest.split_at(pair[0].len());
            let (bias, tail) = tail.split_at(pair[1].len());
            rest = tail;
            let shape = [pair[0].shape[0], pair[0].shape[1]];
            if network.convolutions.len() < count {
                network.convolutions.push(Convolution::load(shape, weight, bias));
            } else {
                network.dense.push(Dense::load(shape, weight, bias));
            }
        }
        network
    }

    /// The parameters, flat, in layout order.
    pub(crate) fn unload(self) -> Vec<f32> {
        let mut values = Vec::new();
        for layer in self.convolutions {
            layer.unload(&mut values);
        }
        for layer in self.dense {
            layer.unload(&mut values);
        }
        values
    }

    /// One step of SGD on the mean cross-entropy of a batch: row-major `inputs`, one label each, all below the number
    /// of classes. The batch must not be empty: it would have no mean.
    pub(crate) fn step(&mut self, inputs: Vec<f32>, labels: &[u32], learning_rate: f32) {
        let lesson = Lesson { labels, learning_rate };
        if self.convolutions.is_empty() {
            dense::learn(&mut self.dense, matrix(inputs, labels.len()), &lesson, false);
        } else {
            let map = Map::from_images(self.input, inputs);
            convolution::learn(&mut self.convolutions, &mut self.dense, map, &lesson, false);
        }
    }

    /// The logits of `count` examples, row-major `[count, classes]`.
    pub(crate) fn logits(&self, inputs: Vec<f32>, count: usize) -> Vec<f32> {
        let mut features = if self.convolutions.is_empty() {
            matrix(inputs, count)
        } else {
            let mut map = Map::from_images(self.input, inputs);
            for layer in &self.convolutions {
                map = layer.forward(&map).map;
            }
            matrix(map.into_images(), count)
        };
        for (index, layer) in self.dense.iter().enumerate() {
            features = layer.forward(features);
            if index + 1 < self.dense.len() {
                features = burn::tensor::activation::relu(features);
            }
        }
        numbers(features)
    }
}

/// Row-major values as a matrix of `rows` rows.
fn matrix(values: Vec<f32>, rows: usize) -> Tensor<2> {
    let columns = values.len() / rows;
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
}

/// A matrix's values, row-major; no copy when nobody else holds the matrix.
fn numbers(matrix: Tensor<2>) -> Vec<f32> {
    // PANIC: the tensors of this module are f32 on the CPU, where reading them back cannot fail.
    matrix.into_data().try_into_vec::<f32>().expect("f32 on the CPU")
}
