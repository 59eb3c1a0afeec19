//! A module's tensors as one flat vector, and back.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Device, Tensor, TensorData},
};
use murmur_round::model::{ExternalTensor, Initial};

use super::ModuleError;

/// The module's tensors, in the order in which it visits them.
pub(super) fn described<M: Module>(module: &M) -> Result<Vec<ExternalTensor>, ModuleError> {
    let mut reader = Reader::default();
    module.visit(&mut reader);
    let described = |Found { name, shape, values }: Found| {
        let values = values.ok_or_else(|| ModuleError::Kind { name: name.clone() })?;
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let initial = match largest {
            0.0 => Initial::Zeros,
            _ if values.iter().all(|value| *value == 1.0) => Initial::Ones,
            largest => Initial::Uniform(largest),
        };
        Ok(ExternalTensor { name, shape, initial })
    };
    reader.tensors.into_iter().map(described).collect()
}

/// All values, tensor after tensor.
pub(super) fn unload<M: Module>(module: &M) -> Result<Vec<f32>, ModuleError> {
    let mut reader = Reader::default();
    module.visit(&mut reader);
    let mut all = Vec::new();
    for Found { name, values, .. } in reader.tensors {
        all.extend(values.ok_or(ModuleError::Kind { name })?);
    }
    Ok(all)
}

/// The module with these values, of which there are as many as it has parameters.
pub(super) fn load<M: Module>(module: M, values: &[f32], device: &Device) -> M {
    module.map(&mut Writer { rest: values, device })
}

/// One tensor that was read; no values where they are no 32-bit floats.
struct Found {
    name: String,
    shape: Vec<usize>,
    values: Option<Vec<f32>>,
}

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    tensors: Vec<Found>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _kind: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _kind: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().try_to_vec::<f32>().ok();
        self.tensors.push(Found { name: self.path.join("."), shape, values });
    }
}

struct Writer<'a> {
    rest: &'a [f32],
    device: &'a Device,
}

impl ModuleMapper for Writer<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        let (own, rest) = self.rest.split_at(shape.iter().product::<usize>().min(self.rest.len()));
        self.rest = rest;
        let device = self.device;
        param.map(|_| Tensor::from_data(TensorData::new(own.to_vec(), shape), device).require_grad())
    }
}
