//! Local randomisers: what a device does to its own update, before anybody else sees it.
//!
//! A device that trusts nobody sanitises its update, clips it, and sends a random vector instead of which the update is the
//! expectation. That costs a [`LocalGuarantee`] for each participation, kept in the device's own [`ledger`]; the central
//! guarantee of the sum stands beside it and is another one. The order on the device (architecture.md 3.8):
//!
//! 1. a [`LocalRandomiser`] turns the trained [`Delta`] into another of its [`sent`](LocalRandomiser::sent) numbers. A delta that is not
//!    finite, or has another length, counts as the zero update, whose randomised form looks like any other; zero is never sent.
//! 2. These are encoded on a grid whose clip is [that of the output's bound](OutputBound::clip), not the update's clip: the bound on
//!    the grid is the central sensitivity.
//! 3. The charge and the sealed bytes become durable, then the bytes are sent; a retry sends the same bytes
//!    ([`ledger::LocalLedger`]).
//!
//! The coordinator sums what was sent, and [decodes](LocalRandomiser::decode) the released sum.
//!
//! What a claim here is worth depends on its [`Sampling`]: [`ScalarDp`] and [`LocalGaussian`] are drawn exactly, [`PrivUnit2`] and
//! [`PrivUnitG`] with floats, which is said in their guarantee and wherever it is printed.

mod direction;
mod error;
mod gaussian;
mod guarantee;
pub mod ledger;
mod mechanism;
mod parameters;
mod privunit2;
mod privunitg;
mod projection;
mod reconstruction;
mod scalar;
mod tail;
mod whole;

pub use direction::{Direction, DirectionRandomiser};
pub use error::LocalError;
pub use gaussian::LocalGaussian;
pub use guarantee::{LocalGuarantee, OutputBound, Sampling, WEAK};
pub use mechanism::{LocalMechanism, ProjectionKind, ProjectionPlan};
pub use parameters::{CapParameters, LEAST_EPSILON};
pub use privunit2::{MOST_GAMMA, PrivUnit2, ln_cap_share};
pub use privunitg::PrivUnitG;
pub use projection::{HaarProjection, HadamardProjection, Projected, Projection, SEED_BYTES, Seed};
pub use reconstruction::{ReconstructionBound, reconstruction_bound};
pub use scalar::{LEVELS_LIMIT, ScalarDp};
pub use whole::{Separated, SignFlip};

use chacha20::ChaCha20Rng;
use rand::SeedableRng as _;

use crate::{noise::NoiseRng, update::Delta};

/// Randomises a device's whole update.
pub trait LocalRandomiser {
    /// Coordinates of an update.
    fn dimension(&self) -> usize;

    /// Numbers that are sent in its place: the dimension of the grid.
    fn sent(&self) -> usize;

    /// What one participation promises.
    fn guarantee(&self) -> LocalGuarantee;

    /// How far the numbers sent reach. It gives the [clip of the grid](OutputBound::clip).
    fn output_bound(&self) -> OutputBound;

    /// The numbers to be sent for this update.
    ///
    /// # Guarantee
    /// [`guarantee`](Self::guarantee), for every update: one that is not finite, or of another dimension, counts as zero.
    fn randomise(&self, update: &Delta, rng: &mut NoiseRng) -> Delta;

    /// The update, or the sum of updates, that sent numbers or a sum of them stand for. It is linear.
    fn decode(&self, sent: Vec<f64>) -> Vec<f64>;
}

/// Fresh random bits for one use of a randomiser, independent of all others drawn.
fn stream(rng: &mut NoiseRng) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(*rng.secret().expose())
}
