//! Convolutions 3x3 (no padding, stride 1), each with ReLU and 2x2 max-pooling, as one matrix product each.
//!
//! Inside, channels lie innermost: a 3x3 window is then three contiguous pieces, and pooling runs along channels. The
//! parameters are turned into that order when they are loaded and back when they are unloaded. Positions that pooling
//! would drop at the right and lower border (odd extents) are not computed at all.

use burn::tensor::Tensor;
use murmur_round::model::{KERNEL, POOL};

use super::{
    dense::{self, Dense},
    loss::Lesson,
    matrix, numbers,
    pool::{bias_slope, pool, unpool},
};

/// A batch of images with channels innermost: `[examples, height, width, channels]`.
pub(super) struct Map {
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<f32>,
}

impl Map {
    /// From images with channels outermost.
    pub(super) fn from_images([channels, height, width]: [usize; 3], images: Vec<f32>) -> Self {
        let values = transposed(images, channels, height * width);
        Self { height, width, channels, values }
    }

    /// To images with channels outermost: the order in which PyTorch flattens them.
    pub(super) fn into_images(self) -> Vec<f32> {
        transposed(self.values, self.height * self.width, self.channels)
    }

    fn examples(&self) -> usize {
        self.values.len() / (self.height * self.width * self.channels)
    }
}

/// Turns every `rows x columns` matrix in `values` around.
fn transposed(values: Vec<f32>, rows: usize, columns: usize) -> Vec<f32> {
    if rows == 1 || columns == 1 {
        return values;
    }
    let mut turned = Vec::with_capacity(values.len());
    for image in values.chunks_exact(rows * columns) {
        for column in 0..columns {
            turned.extend(image[column..].iter().step_by(columns));
        }
    }
    turned
}

/// One convolution; the weight is `[outputs, 3 * 3 * inputs]`, channels innermost.
pub(super) struct Convolution {
    inputs: usize,
    weight: Tensor<2>,
    bias: Vec<f32>,
}

/// What a convolution passes on, and what it needs to learn.
pub(super) struct Forward {
    pub(super) map: Map,
    unfolded: Tensor<2>,
    winners: Vec<u8>,
}

impl Convolution {
    pub(super) fn load([outputs, inputs]: [usize; 2], weight: &[f32], bias: &[f32]) -> Self {
        let weight = transposed(weight.to_vec(), inputs, KERNEL * KERNEL);
        Self { inputs, weight: matrix(weight, outputs), bias: bias.to_vec() }
    }

    pub(super) fn unload(self, values: &mut Vec<f32>) {
        values.extend(transposed(numbers(self.weight), KERNEL * KERNEL, self.inputs));
        values.extend(self.bias);
    }

    pub(super) fn forward(&self, map: &Map) -> Forward {
        let (rows, columns) = pooled(map);
        let unfolded = unfold(map, POOL * rows, POOL * columns);
        let unfolded = matrix(unfolded, map.examples() * POOL * rows * POOL * columns);
        let sums = numbers(unfolded.clone().matmul(self.weight.clone().transpose()));
        let (values, winners) = pool(&sums, columns, &self.bias);
        let map = Map { height: rows, width: columns, channels: self.bias.len(), values };
        Forward { map, unfolded, winners }
    }

    /// Subtracts the gradient and, when a map to fold into is given, turns it into the slope along the input.
    fn step(&mut self, unfolded: Tensor<2>, winners: &[u8], slope: &[f32], input: Option<&mut Map>, columns: usize) {
        let outputs = self.bias.len();
        for (bias, change) in self.bias.iter_mut().zip(bias_slope(slope, winners, outputs)) {
            *bias -= change;
        }
        let spread = unpool(slope, winners, columns, outputs);
        let positions = spread.len() / outputs;
        let spread = matrix(spread, positions);
        if let Some(input) = input {
            fold(&numbers(spread.clone().matmul(self.weight.clone())), input);
        }
        let weight = std::mem::replace(&mut self.weight, spread.clone());
        self.weight = weight.sub(spread.transpose().matmul(unfolded));
    }
}

/// Passes a batch through `layers` and the dense layers behind them, teaches them all, and returns the slope along the
/// input when `want` says so.
pub(super) fn learn(
    layers: &mut [Convolution],
    behind: &mut [Dense],
    mut map: Map,
    lesson: &Lesson<'_>,
    want: bool,
) -> Option<Vec<f32>> {
    let Some((layer, rest)) = layers.split_first_mut() else {
        let (height, width, channels) = (map.height, map.width, map.channels);
        let features = matrix(map.into_images(), lesson.labels.len());
        let slope = dense::learn(behind, features, lesson, true)?;
        return Some(transposed(numbers(slope), channels, height * width));
    };
    let Forward { map: output, unfolded, winners } = layer.forward(&map);
    let columns = output.width;
    let slope = learn(rest, behind, output, lesson, true)?;
    layer.step(unfolded, &winners, &slope, want.then_some(&mut map), columns);
    want.then_some(map.values)
}

/// Rows and columns that are left after convolution and pooling.
fn pooled(map: &Map) -> (usize, usize) {
    ((map.height - (KERNEL - 1)) / POOL, (map.width - (KERNEL - 1)) / POOL)
}

/// One row for every position of the kernel (`rows x columns` of them per example): the window that it sees.
fn unfold(map: &Map, rows: usize, columns: usize) -> Vec<f32> {
    let piece = KERNEL * map.channels;
    let line = map.width * map.channels;
    let mut unfolded = Vec::with_capacity(map.examples() * rows * columns * KERNEL * piece);
    for image in map.values.chunks_exact(map.height * line) {
        for row in 0..rows {
            for column in 0..columns {
                for kernel_row in 0..KERNEL {
                    let start = (row + kernel_row) * line + column * map.channels;
                    unfolded.extend_from_slice(&image[start..start + piece]);
                }
            }
        }
    }
    unfolded
}

/// The reverse of [`unfold`]: overwrites `map` with the sum of all windows at their places.
fn fold(unfolded: &[f32], map: &mut Map) {
    let (rows, columns) = pooled(map);
    let (rows, columns) = (POOL * rows, POOL * columns);
    let piece = KERNEL * map.channels;
    let line = map.width * map.channels;
    map.values.fill(0.0);
    let windows = unfolded.chunks_exact(rows * columns * KERNEL * piece);
    for (image, windows) in map.values.chunks_exact_mut(map.height * line).zip(windows) {
        for (position, window) in windows.chunks_exact(KERNEL * piece).enumerate() {
            let (row, column) = (position / columns, position % columns);
            for (kernel_row, values) in window.chunks_exact(piece).enumerate() {
                let start = (row + kernel_row) * line + column * map.channels;
                for (target, value) in image[start..start + piece].iter_mut().zip(values) {
                    *target += value;
                }
            }
        }
    }
}
