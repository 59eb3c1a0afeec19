//! Exact integer noise: integers and fair bits decide every sample, no float anywhere.
//!
//! **Exact** means: given independent fair bits, every sample has the stated law, to the last digit and in the whole tail.
//! Nothing is approximated, so nothing is charged to delta: the total-variation distance is zero. The bits are ChaCha20's,
//! keyed by the operating system, which makes every claim computational (architecture.md 3.7).
//!
//! A sample is the quantile of one uniform fraction whose digits are drawn as they are needed (`invert`). A quick look at the
//! first 63 digits multiplies a tabled polynomial (`curve`), or searches tabled thresholds (`lattice`); it knows how far it may
//! be off, and is sure where that cannot change the outcome: for all samples but one in thousands at the widest scales, one
//! in millions at the usual ones. What is left open is decided by enclosing the law's tail between rationals, with more
//! digits of both until they do not touch (`fraction`, `enclosure`). The tables are enclosures too, computed by the
//! program when they are first needed (some 30 ms once in a process).
//!
//! **Time.** The sampler does not run in constant time (privacy.md, B3). Nearly every sample takes the same few dozen instructions,
//! but tables are read at places that depend on the sample, which a cache can betray to a neighbour on the same machine, and
//! an open sample takes a thousand times as long, which says that it lies beside a threshold or far out. Let nobody time
//! single draws: release whole vectors, at times that do not depend on how long their noise took.
//!
//! [`fill`] and a mechanism's noise use one stream for each chunk of coordinates under one fresh key, so that neither threads nor
//! the order of work show in the result.

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
