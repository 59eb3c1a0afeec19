//! Convolutions 3x3 (no padding, stride 1), each with ReLU and 2x2 max-pooling, as one matrix product for each image.
//!
//! Inside, channels lie innermost: a 3x3 window is then three contiguous pieces, and pooling runs along channels. The
//! parameters are turned into that order when they are loaded and back when they are unloaded. Positions that pooling
//! would drop at the right and lower border (odd extents) are not computed at all. An image is unfolded into its windows twice, there and
//! back, because what stays in the cache costs less than what is kept.

use murmur_round::model::{KERNEL, POOL};

use super::{
    pool::{add_bias_slope, pool, unpool},
    product::{self, Matrix},
};

/// `[height, width, channels]` of one image, channels innermost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extents {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl Extents {
    pub(super) fn len(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// Turns every `rows x columns` matrix in `values` around.
pub(super) fn transpose(values: &[f32], rows: usize, columns: usize, into: &mut Vec<f32>) {
    into.clear();
    if rows == 1 || columns == 1 {
        into.extend_from_slice(values);
        return;
    }
    for image in values.chunks_exact(rows * columns) {
        for column in 0..columns {
            into.extend(image[column..].iter().step_by(columns));
        }
    }
}

/// One convolution, with the buffers that it needs from image to image.
pub(super) struct Convolution {
    input: Extents,
    output: Extents,
    /// `[outputs, 3 * 3 * inputs]`, channels innermost.
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// The batch behind pooling.
    pub(super) map: Vec<f32>,
    winners: Vec<u8>,
    unfolded: Vec<f32>,
    /// One row of outputs for each position of one image, before pooling; on the way back, the slope along them.
    sums: Vec<f32>,
    gradient: Vec<f32>,
    turned: Vec<f32>,
}

impl Convolution {
    pub(super) fn new(input: Extents, outputs: usize) -> Self {
        let pooled = |extent: usize| (extent - (KERNEL - 1)) / POOL;
        let output = Extents { height: pooled(input.height), width: pooled(input.width), channels: outputs };
        let window = KERNEL * KERNEL * input.channels;
        let positions = POOL * output.height * POOL * output.width;
        Self {
            input,
            output,
            weight: vec![0.0; outputs * window],
            bias: vec![0.0; outputs],
            map: Vec::new(),
            winners: Vec::new(),
            unfolded: vec![0.0; positions * window],
            sums: vec![0.0; positions * outputs],
            gradient: vec![0.0; outputs * window],
            turned: Vec::new(),
        }
    }

    pub(super) fn output(&self) -> Extents {
        self.output
    }

    /// Takes its parameters, in PyTorch's order, from the front of `values`.
    pub(super) fn load(&mut self, values: &mut &[f32]) {
        let (weight, rest) = values.split_at(self.weight.len());
        transpose(weight, self.input.channels, KERNEL * KERNEL, &mut self.turned);
        self.weight.copy_from_slice(&self.turned);
        let (bias, rest) = rest.split_at(self.bias.len());
        self.bias.copy_from_slice(bias);
        *values = rest;
    }

    /// Its parameters, weight and bias, in PyTorch's order.
    pub(super) fn parameters(&mut self) -> [&[f32]; 2] {
        transpose(&self.weight, KERNEL * KERNEL, self.input.channels, &mut self.turned);
        [&self.turned, &self.bias]
    }

    fn window(&self) -> usize {
        KERNEL * KERNEL * self.input.channels
    }

    /// Passes a batch through; its outputs are in `map`.
    pub(super) fn forward(&mut self, input: &[f32]) {
        let examples = input.len() / self.input.len();
        self.map.resize(examples * self.output.len(), 0.0);
        self.winners.resize(self.map.len(), 0);
        let outputs =
            self.map.chunks_exact_mut(self.output.len()).zip(self.winners.chunks_exact_mut(self.output.len()));
        let window = KERNEL * KERNEL * self.input.channels;
        for (image, (output, winners)) in input.chunks_exact(self.input.len()).zip(outputs) {
            unfold(image, self.input, self.output, &mut self.unfolded);
            let weight = Matrix::new(&self.weight, window).transposed();
            product::set(&mut self.sums, Matrix::new(&self.unfolded, window), weight);
            pool(&self.sums, self.output.width, &self.bias, output, winners);
        }
    }

    /// Subtracts the gradient; `slope` is the slope along the outputs, times the learning rate. Leaves the slope along the input in
    /// `back`, if `want` says so.
    pub(super) fn learn(&mut self, input: &[f32], slope: &[f32], back: &mut Vec<f32>, want: bool) {
        let window = self.window();
        if want {
            back.clear();
            back.resize(input.len(), 0.0);
        }
        self.gradient.fill(0.0);
        let slopes = slope.chunks_exact(self.output.len()).zip(self.winners.chunks_exact(self.output.len()));
        for (index, (image, (slope, winners))) in input.chunks_exact(self.input.len()).zip(slopes).enumerate() {
            unpool(slope, winners, self.output.width, self.bias.len(), &mut self.sums);
            let spread = Matrix::new(&self.sums, self.bias.len());
            unfold(image, self.input, self.output, &mut self.unfolded);
            product::add(&mut self.gradient, 1.0, spread.transposed(), Matrix::new(&self.unfolded, window));
            if want {
                // The windows are no longer needed: their slopes take their place.
                product::set(&mut self.unfolded, spread, Matrix::new(&self.weight, window));
                let back = &mut back[index * self.input.len()..][..self.input.len()];
                fold(&self.unfolded, self.input, self.output, back);
            }
        }
        self.weight.iter_mut().zip(&self.gradient).for_each(|(weight, change)| *weight -= change);
        let outputs = self.bias.len();
        self.turned.clear();
        self.turned.resize(outputs, 0.0);
        add_bias_slope(slope, &self.winners, &mut self.turned);
        self.bias.iter_mut().zip(&self.turned).for_each(|(bias, change)| *bias -= change);
    }
}

/// One row for every position of the kernel that pooling looks at: the window that it sees.
fn unfold(image: &[f32], input: Extents, output: Extents, into: &mut [f32]) {
    let (columns, piece, line) = (POOL * output.width, KERNEL * input.channels, input.width * input.channels);
    for (position, window) in into.chunks_exact_mut(KERNEL * piece).enumerate() {
        let start = position / columns * line + position % columns * input.channels;
        for (kernel_row, target) in window.chunks_exact_mut(piece).enumerate() {
            let start = start + kernel_row * line;
            target.copy_from_slice(&image[start..start + piece]);
        }
    }
}

/// The reverse of [`unfold`]: adds all windows up at their places.
fn fold(windows: &[f32], input: Extents, output: Extents, image: &mut [f32]) {
    let (columns, piece, line) = (POOL * output.width, KERNEL * input.channels, input.width * input.channels);
    for (position, window) in windows.chunks_exact(KERNEL * piece).enumerate() {
        let start = position / columns * line + position % columns * input.channels;
        for (kernel_row, values) in window.chunks_exact(piece).enumerate() {
            let start = start + kernel_row * line;
            image[start..start + piece].iter_mut().zip(values).for_each(|(target, value)| *target += value);
        }
    }
}
