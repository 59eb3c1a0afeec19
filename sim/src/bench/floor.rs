//! What one device's round must cost, whoever computes it: arithmetic at the rate of a good matrix product, and memory at the rate of a
//! good loop.

use std::{fmt, num::NonZeroUsize, time::Duration};

use murmur_client::ceiling;
use murmur_round::model::{ModelSpec, POOL};
use serde_json::{Value, json};

/// How long each of the machine's two rates is looked for.
const SPAN: Duration = Duration::from_millis(300);

/// The least time of one device on one thread.
pub(super) struct Floor {
    /// Multiplications and additions of local training.
    flops: f64,
    /// Bytes of parameters and examples that are read or written.
    bytes: f64,
    /// What this machine's matrix product does, on one thread.
    flops_per_s: f64,
    /// What this machine moves in vectors of the model's size, on one thread.
    bytes_per_s: f64,
}

impl Floor {
    /// Counts the work and measures the machine.
    pub(super) fn measured(model: &ModelSpec, samples: u64, batch_size: u32) -> Self {
        let (samples, dimension) = (samples as f64, model.layout().dimension());
        let steps = (samples / f64::from(batch_size)).ceil();
        let width: usize = model.seen().unwrap_or_default().iter().product();
        // In numbers of four bytes: each step reads and writes the parameters; the update is read, subtracted from, and written as
        // integers, and those are read and added to a sum. Examples are read forwards and backwards.
        let numbers = dimension as f64 * (2.0 * steps + 6.0) + 2.0 * samples * width as f64;
        Self {
            flops: samples * flops_per_sample(model),
            bytes: 4.0 * numbers,
            flops_per_s: ceiling::flops(SPAN),
            bytes_per_s: ceiling::bytes_per_second(dimension, SPAN),
        }
    }

    fn seconds(&self) -> (f64, f64) {
        (self.flops / self.flops_per_s, self.bytes / self.bytes_per_s)
    }

    /// As if arithmetic and memory never waited for each other: the larger of the two is the floor.
    pub(super) fn devices_per_s(&self, threads: NonZeroUsize) -> f64 {
        let (arithmetic, memory) = self.seconds();
        threads.get() as f64 / arithmetic.max(memory)
    }

    pub(super) fn to_json(&self) -> Value {
        let (arithmetic, memory) = self.seconds();
        json!({
            "flops_per_device": self.flops,
            "bytes_per_device": self.bytes,
            "flops_per_s_per_thread": self.flops_per_s,
            "bytes_per_s_per_thread": self.bytes_per_s,
            "arithmetic_seconds": arithmetic,
            "memory_seconds": memory,
        })
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arithmetic, memory) = self.seconds();
        write!(
            f,
            "{:.2} MFLOP at {:.0} GFLOP/s take {:.1} us, {:.2} MB at {:.0} GB/s take {:.1} us",
            self.flops / 1e6,
            self.flops_per_s / 1e9,
            arithmetic * 1e6,
            self.bytes / 1e6,
            self.bytes_per_s / 1e9,
            memory * 1e6
        )
    }
}

/// A pass forwards, one for the gradient, and one for the slope along the input of every layer but the first: each is a multiplication
/// and an addition for each weight and place.
fn flops_per_sample(model: &ModelSpec) -> f64 {
    let mut layers = 0.0;
    let mut first = None;
    let mut convolutions = 0;
    for tensor in model.layout().tensors().iter().step_by(2) {
        let places = if tensor.shape.len() == 4 {
            convolutions += 1;
            // Places that pooling looks at.
            model.feature_map(convolutions).map_or(0, |(height, width)| POOL * height * POOL * width)
        } else {
            1
        };
        let products = (tensor.len() * places) as f64;
        first.get_or_insert(products);
        layers += products;
    }
    2.0 * (3.0 * layers - first.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_by_hand() {
        let input = [1, 28, 28];
        let linear = ModelSpec::linear(input, 10);
        assert_eq!(flops_per_sample(&linear), 4.0 * 7_840.0);
        let mlp = ModelSpec::mlp(input, vec![200], 10);
        assert_eq!(flops_per_sample(&mlp), 4.0 * 156_800.0 + 6.0 * 2_000.0);
        let cnn = ModelSpec::Cnn { input, channels: vec![32, 64], hidden: vec![128], classes: 10 };
        let (one, two) = (288.0 * 26.0 * 26.0, 18_432.0 * 100.0);
        assert_eq!(flops_per_sample(&cnn), 4.0 * one + 6.0 * (two + 204_800.0 + 1_280.0));
    }
}
