//! Examples as tensors: a safetensors file with `inputs` and `labels`, as a script of any framework writes it.

use std::{io::Read as _, path::Path};

use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use thiserror::Error;

use super::{DataError, ExampleError, Examples, source::open};

/// No file is larger than this, decompressed: 4 GiB.
const LIMIT: u64 = 1 << 32;

/// A safetensors file that holds no usable examples.
#[derive(Debug, Error)]
pub enum TensorsError {
    /// The file goes on beyond what this program is ready to load.
    #[error("longer than the limit of {limit} bytes: split it")]
    TooLong {
        /// The limit, decompressed.
        limit: u64,
    },
    /// Not safetensors.
    #[error("not a safetensors file: {0}")]
    Unreadable(SafeTensorError),
    /// A tensor is not there.
    #[error("there is no tensor {name:?}: a file of examples has inputs and labels")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// Numbers of another kind.
    #[error("tensor {name:?} holds {found:?}: write it as {expected}")]
    Kind {
        /// Its name.
        name: &'static str,
        /// What it holds.
        found: Dtype,
        /// What it may hold.
        expected: &'static str,
    },
    /// Extents that are those of no examples.
    #[error("tensor {name:?} has the shape {found:?}: it should be {expected}")]
    Shape {
        /// Its name.
        name: &'static str,
        /// Its extents.
        found: Vec<usize>,
        /// What it may be.
        expected: &'static str,
    },
    /// A label that is no class number.
    #[error("label {value} of example {index} is not a class number, counted from 0")]
    Label {
        /// The example, counted from 0.
        index: usize,
        /// The label.
        value: i64,
    },
    /// An input that is no number.
    #[error("example {index} holds a number that is not finite")]
    NotFinite {
        /// The example, counted from 0.
        index: usize,
    },
    /// Inputs and labels do not belong together.
    #[error(transparent)]
    Examples(#[from] ExampleError),
}

/// Loads `inputs` (`[n, features]`, `[n, height, width]` or `[n, channels, height, width]`; f32, or u8 as grey values that become 0 to 1) and
/// `labels` (`[n]`, whole numbers).
pub(super) fn load(path: &Path) -> Result<Examples, DataError> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|cause| DataError::Io { path: path.to_owned(), cause })?;
    examples(&bytes).map_err(|cause| DataError::Tensors { path: path.to_owned(), cause })
}

fn examples(bytes: &[u8]) -> Result<Examples, TensorsError> {
    if bytes.len() as u64 > LIMIT {
        return Err(TensorsError::TooLong { limit: LIMIT });
    }
    let file = SafeTensors::deserialize(bytes).map_err(TensorsError::Unreadable)?;
    let tensor = |name| file.tensor(name).map_err(|_| TensorsError::Missing { name });
    let (shape, inputs) = inputs(&tensor("inputs")?)?;
    let examples = Examples::new(shape, inputs, labels(&tensor("labels")?)?)?;
    let width = examples.width();
    match examples.inputs().iter().position(|value| !value.is_finite()) {
        Some(place) => Err(TensorsError::NotFinite { index: place / width }),
        None => Ok(examples),
    }
}

fn inputs(tensor: &TensorView<'_>) -> Result<([usize; 3], Vec<f32>), TensorsError> {
    let shape = match *tensor.shape() {
        [_, features] => [1, 1, features],
        [_, height, width] => [1, height, width],
        [_, channels, height, width] => [channels, height, width],
        _ => {
            let (found, expected) =
                (tensor.shape().to_vec(), "[n, features], [n, height, width] or [n, channels, height, width]");
            return Err(TensorsError::Shape { name: "inputs", found, expected });
        }
    };
    let values = match tensor.dtype() {
        Dtype::F32 => whole(tensor.data()).map(f32::from_le_bytes).collect(),
        Dtype::U8 => tensor.data().iter().map(|grey| f32::from(*grey) / 255.0).collect(),
        found => return Err(TensorsError::Kind { name: "inputs", found, expected: "F32 or U8" }),
    };
    Ok((shape, values))
}

fn labels(tensor: &TensorView<'_>) -> Result<Vec<u32>, TensorsError> {
    if tensor.shape().len() != 1 {
        let (found, expected) = (tensor.shape().to_vec(), "[n]");
        return Err(TensorsError::Shape { name: "labels", found, expected });
    }
    let data = tensor.data();
    let values: Vec<i64> = match tensor.dtype() {
        Dtype::U8 => data.iter().map(|label| i64::from(*label)).collect(),
        Dtype::I32 => whole(data).map(|label| i64::from(i32::from_le_bytes(label))).collect(),
        Dtype::U32 => whole(data).map(|label| i64::from(u32::from_le_bytes(label))).collect(),
        Dtype::I64 => whole(data).map(i64::from_le_bytes).collect(),
        found => return Err(TensorsError::Kind { name: "labels", found, expected: "I64, I32, U32 or U8" }),
    };
    let label =
        |(index, value): (usize, &i64)| u32::try_from(*value).map_err(|_| TensorsError::Label { index, value: *value });
    values.iter().enumerate().map(label).collect()
}

/// Numbers of `SIZE` bytes: the format holds whole ones.
fn whole<const SIZE: usize>(data: &[u8]) -> impl Iterator<Item = [u8; SIZE]> {
    data.chunks_exact(SIZE).filter_map(|bytes| bytes.try_into().ok())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn file(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> Vec<u8> {
        let views: HashMap<String, TensorView<'_>> = tensors
            .iter()
            .map(|(name, kind, shape, data)| {
                ((*name).to_owned(), TensorView::new(*kind, shape.to_vec(), data).unwrap())
            })
            .collect();
        safetensors::serialize(views, None).unwrap()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn longs(values: &[i64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn tensors_become_examples_of_their_shape() {
        let found = |inputs: (Dtype, &[usize], Vec<u8>), labels: (Dtype, Vec<u8>)| {
            examples(&file(&[("inputs", inputs.0, inputs.1, inputs.2), ("labels", labels.0, &[2], labels.1)])).unwrap()
        };
        let table = found((Dtype::F32, &[2, 3], floats(&[1., 2., 3., 4., 5., 6.])), (Dtype::I64, longs(&[1, 0])));
        assert_eq!(
            (table.shape(), table.input(1), table.labels()),
            ([1, 1, 3], [4., 5., 6.].as_slice(), [1, 0].as_slice())
        );
        let images = found((Dtype::U8, &[2, 1, 2], vec![0, 255, 51, 0]), (Dtype::U8, vec![7, 3]));
        assert_eq!((images.shape(), images.input(0)), ([1, 1, 2], [0.0, 1.0].as_slice()));
        assert_eq!(images.labels(), [7, 3]);
        let colour = found((Dtype::F32, &[2, 3, 1, 1], floats(&[0.5; 6])), (Dtype::I32, vec![1, 0, 0, 0, 2, 0, 0, 0]));
        assert_eq!((colour.shape(), colour.labels()), ([3, 1, 1], [1, 2].as_slice()));
    }

    #[test]
    fn every_mistake_is_named() {
        let good = || (Dtype::F32, vec![2, 1], floats(&[1.0, 2.0]));
        let refused = |inputs: (Dtype, Vec<usize>, Vec<u8>), labels: (Dtype, Vec<usize>, Vec<u8>), named: &str| {
            let file = file(&[("inputs", inputs.0, &inputs.1, inputs.2), ("labels", labels.0, &labels.1, labels.2)]);
            let error = examples(&file).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        };
        let labels = || (Dtype::I64, vec![2], longs(&[0, 1]));
        refused((Dtype::F64, vec![2, 1], vec![0; 16]), labels(), "\"inputs\" holds F64: write it as F32 or U8");
        refused((Dtype::F32, vec![2], floats(&[1.0, 2.0])), labels(), "\"inputs\" has the shape [2]");
        refused((Dtype::F32, vec![2, 0], Vec::new()), labels(), "shape");
        refused((Dtype::F32, vec![3, 1], floats(&[1.0; 3])), labels(), "2");
        refused(
            (Dtype::F32, vec![2, 1], floats(&[1.0, f32::NAN])),
            labels(),
            "example 1 holds a number that is not finite",
        );
        refused(good(), (Dtype::F32, vec![2], floats(&[0.0, 1.0])), "\"labels\" holds F32");
        refused(good(), (Dtype::I64, vec![2, 1], longs(&[0, 1])), "\"labels\" has the shape [2, 1]");
        refused(good(), (Dtype::I64, vec![2], longs(&[0, -1])), "label -1 of example 1");
        let alone = file(&[("inputs", Dtype::F32, &[1, 1], floats(&[1.0]))]);
        assert!(examples(&alone).unwrap_err().to_string().contains("no tensor \"labels\""));
        assert!(examples(b"no tensors").unwrap_err().to_string().contains("not a safetensors file"));
    }
}
