//! Exact integer noise: integers and fair bits decide every sample, no float anywhere.
mod chunks;
mod curve;
mod discrete_gaussian;
mod discrete_laplace;
mod enclosure;
mod entropy;
mod error;
mod fraction;
mod invert;
mod karney;
mod lattice;
mod normal;
mod reach;
mod rounded;
mod scaled;
mod skellam;
mod uniform;

pub use chunks::{IntegerNoise, fill};
pub use discrete_gaussian::DiscreteGaussian;
pub use discrete_laplace::DiscreteLaplace;
pub use entropy::{EntropyError, NoiseRng, Provenance, Secret};
pub use error::ScaleOutOfRange;
pub use rounded::RoundedGaussian;
pub use skellam::Skellam;

pub(crate) use chunks::spread;
use lattice::LATTICE_LIMIT;

#[cfg(test)]
mod tests;
