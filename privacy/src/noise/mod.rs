//! Exact integer noise: integers and fair bits decide every sample, no float anywhere.

mod entropy;
mod karney;
mod rounded;
mod uniform;

pub use entropy::{EntropyError, NoiseRng, Provenance, Secret};
pub use rounded::RoundedGaussian;
