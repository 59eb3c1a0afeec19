//! One model many times over: each parameter tensor has the devices' copies one behind the other.

use burn::tensor::{
    Device, Tensor, TensorData,
    activation::{log_softmax, relu},
    module::{conv2d, max_pool2d},
    ops::{ConvOptions, MaxPoolOptions},
};
use murmur_round::{
    model::{KERNEL, ModelSpec, POOL},
    params::Layout,
    plan::LocalPlan,
};

use super::AcceleratorError;

/// Copies of a model's parameters: of every tensor `[devices, elements]`, in layout order.
pub(super) struct Stack {
    devices: usize,
    /// Extents of what the first layer is given, `[channels, height, width]`.
    seen: [usize; 3],
    shapes: Vec<Vec<usize>>,
    /// Where all of them began.
    start: Vec<Tensor<2>>,
    tensors: Vec<Tensor<2>>,
}

/// What all devices do in one step. Where a device has fewer examples than others, or none left, the rest are zeros of weight zero.
pub(super) struct Step {
    /// `[devices, examples, inputs]`.
    pub(super) inputs: Vec<f32>,
    /// `[devices, examples, classes]`: at an example's label its share in the mean of its device's batch.
    pub(super) weights: Vec<f32>,
    /// One for each device that takes this step, and zero for those that are done.
    pub(super) active: Vec<f32>,
    pub(super) examples: usize,
    pub(super) classes: usize,
}

impl Stack {
    /// So many copies of these parameters.
    pub(super) fn new(model: &ModelSpec, layout: &Layout, values: &[f32], devices: usize, device: &Device) -> Self {
        let mut rest = values;
        let mut start = Vec::new();
        for tensor in layout.tensors() {
            let (mine, behind) = rest.split_at(tensor.len());
            rest = behind;
            let one = Tensor::<2>::from_data(TensorData::new(mine.to_vec(), [1, mine.len()]), device);
            start.push(one.repeat_dim(0, devices));
        }
        let shapes = layout.tensors().iter().map(|tensor| tensor.shape.clone()).collect();
        Self { devices, seen: model.seen().unwrap_or_default(), shapes, tensors: start.clone(), start }
    }

    /// One step of SGD on the mean cross-entropy of each device's batch, and on what the plan adds to that.
    pub(super) fn step(&mut self, step: Step, plan: &LocalPlan, device: &Device) -> Result<(), AcceleratorError> {
        let Step { inputs, weights, active, examples, classes } = step;
        let width = inputs.len() / (self.devices * examples).max(1);
        let inputs = Tensor::<3>::from_data(TensorData::new(inputs, [self.devices, examples, width]), device);
        let weights = Tensor::<3>::from_data(TensorData::new(weights, [self.devices, examples, classes]), device);
        let leaves: Vec<Tensor<2>> =
            self.tensors.iter().map(|tensor| tensor.clone().autodiff().require_grad()).collect();
        let logits = self.logits(&leaves, inputs.autodiff());
        // Devices share no parameter: the slope of the sum along one's copy is that of its own mean.
        let loss = -(log_softmax(logits, 2) * weights.autodiff()).sum();
        let mut slopes = loss.backward();
        let (mu, decay) = (plan.proximal.unwrap_or(0.0), plan.weight_decay.map_or(0.0, |decay| decay.rate));
        // Examples pull at none whose weights are all zero; what pulls beside them must not either.
        let active = Tensor::<2>::from_data(TensorData::new(active, [self.devices, 1]), device);
        for ((tensor, leaf), start) in self.tensors.iter_mut().zip(leaves).zip(&self.start) {
            let missing = || AcceleratorError::Failed { reason: "a parameter has no slope".to_owned() };
            let mut slope = leaf.grad_remove(&mut slopes).ok_or_else(missing)?;
            if mu > 0.0 {
                slope = slope + (tensor.clone() - start.clone()) * (active.clone() * mu);
            }
            if decay > 0.0 {
                slope = slope + tensor.clone() * (active.clone() * decay);
            }
            *tensor = tensor.clone() - slope * plan.learning_rate;
        }
        Ok(())
    }

    /// What every copy has moved by, device after device, each in layout order.
    pub(super) fn moved(self) -> Result<Vec<Vec<f32>>, AcceleratorError> {
        let mut moved = vec![Vec::new(); self.devices];
        for (tensor, start) in self.tensors.into_iter().zip(self.start) {
            let failed = |reason: String| AcceleratorError::Failed { reason };
            let data = (tensor - start).try_into_data().map_err(|error| failed(error.to_string()))?;
            let values = data.try_to_vec::<f32>().map_err(|error| failed(format!("{error:?}")))?;
            let each = values.len() / self.devices.max(1);
            moved
                .iter_mut()
                .zip(values.chunks(each.max(1)))
                .for_each(|(moved, values)| moved.extend_from_slice(values));
        }
        Ok(moved)
    }

    /// `[devices, examples, classes]`.
    fn logits(&self, tensors: &[Tensor<2>], inputs: Tensor<3>) -> Tensor<3> {
        let (devices, examples) = (self.devices, inputs.dims()[1]);
        let [mut channels, mut height, mut width] = self.seen;
        let mut rows = inputs;
        let layers = self.shapes.chunks_exact(2).zip(tensors.chunks_exact(2));
        let last = layers.len();
        for (number, (shapes, layer)) in (1..).zip(layers) {
            let ([weight, _], [values, bias]) = (shapes, layer) else { continue };
            let outputs = weight[0];
            if weight.len() == 4 {
                // Devices lie beside one another as groups of channels.
                let images = rows.swap_dims(0, 1).reshape([examples, devices * channels, height, width]);
                let kernels = values.clone().reshape([devices * outputs, channels, KERNEL, KERNEL]);
                let bias = bias.clone().reshape([devices * outputs]);
                let options = ConvOptions::new([1, 1], [0, 0], [1, 1], devices);
                let maps = conv2d(images, kernels, Some(bias), options);
                let pool = MaxPoolOptions::new([POOL, POOL]).with_stride([POOL, POOL]);
                let maps = max_pool2d(relu(maps), pool);
                let [_, _, rest_of_height, rest_of_width] = maps.dims();
                (channels, height, width) = (outputs, rest_of_height, rest_of_width);
                rows = maps.reshape([examples, devices, channels * height * width]).swap_dims(0, 1);
            } else {
                let weight = values.clone().reshape([devices, outputs, weight[1]]);
                let sums = rows.matmul(weight.swap_dims(1, 2)) + bias.clone().reshape([devices, 1, outputs]);
                rows = if number < last { relu(sums) } else { sums };
            }
        }
        rows
    }
}
