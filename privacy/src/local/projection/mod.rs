//! Fewer numbers: a direction is projected at random, randomised in the smaller space, and lifted again by whoever decodes.
//!
//! The projection is public. It is drawn from a [`Seed`]: one that a round's assignment names, so that all devices share it and the sum
//! alone is decoded; or one that a device draws and sends along with its numbers. With a shared one, what the projection itself
//! loses of the mean, about `sqrt(d / k - 1)` of its length, averages out over rounds only and not over devices.

mod haar;
mod hadamard;

pub use haar::HaarProjection;
pub use hadamard::HadamardProjection;

use rand::Rng;

use super::{Direction, DirectionRandomiser, LocalError, LocalGuarantee, OutputBound};
use crate::{grid::Grid, update::Upload};

/// Bytes of a seed.
pub const SEED_BYTES: usize = 32;

/// What a projection is drawn from. Public, and never a source of noise.
pub type Seed = [u8; SEED_BYTES];

/// A random linear map `W` to fewer coordinates with `E[W^T W] = 1`, orthogonal up to its scale.
pub trait Projection {
    /// Coordinates of a direction.
    fn dimension(&self) -> usize;

    /// Coordinates that it is projected to.
    fn sent(&self) -> usize;

    /// `W u / |W u|`; `None` where the projection is zero.
    fn project(&self, direction: &Direction) -> Option<Direction>;

    /// `W^T z`, over the constant by which normalising shortens the mean, where it is known.
    fn lift(&self, sent: Vec<f64>) -> Vec<f64>;

    /// By how much lifting raises a squared norm, at most.
    fn lifted_square(&self) -> f64;

    /// The least mean component, along a direction, of that direction projected, normalised and lifted.
    fn alignment(&self) -> f64;
}

/// A randomiser of directions behind a projection: ProjUnit with a [`HaarProjection`], FastProjUnit with a [`HadamardProjection`].
///
/// # Guarantee
/// That of the randomiser in the smaller space: whatever the public projection, each direction gives it one direction there (or, where its
/// projection is zero, a uniform one), and decoding is post-processing.
///
/// With [`PrivUnit2`](super::PrivUnit2), whose output has a norm that is never exceeded; the paper has
/// [`PrivUnitG`](super::PrivUnitG) in its place.
///
/// # Source
/// Asi, Feldman, Nelson, Nguyen and Talwar 2023 (2306.04444).
#[derive(Clone, Debug)]
pub struct Projected<Map, Directions> {
    map: Map,
    directions: Directions,
}

impl<Map: Projection, Directions: DirectionRandomiser> Projected<Map, Directions> {
    /// Randomises with `directions` what `map` projects to.
    ///
    /// # Errors
    /// [`LocalError::Mismatch`] when the two are made for different numbers of coordinates.
    pub fn new(map: Map, directions: Directions) -> Result<Self, LocalError> {
        let (projected, randomised) = (map.sent(), directions.dimension());
        if projected == randomised {
            Ok(Self { map, directions })
        } else {
            Err(LocalError::Mismatch { projected, randomised })
        }
    }

    /// Bytes that a device sends on a grid: its numbers, and the seed where it drew one of its own.
    #[must_use]
    pub fn upload_bytes(&self, grid: &Grid, own_seed: bool) -> usize {
        Upload::encoded_len(grid) + if own_seed { SEED_BYTES } else { 0 }
    }
}

impl<Map: Projection, Directions: DirectionRandomiser> DirectionRandomiser for Projected<Map, Directions> {
    fn dimension(&self) -> usize {
        self.map.dimension()
    }

    fn sent(&self) -> usize {
        self.directions.sent()
    }

    fn guarantee(&self) -> LocalGuarantee {
        self.directions.guarantee()
    }

    fn output_bound(&self) -> OutputBound {
        self.directions.output_bound()
    }

    fn decoded_square(&self) -> f64 {
        self.directions.decoded_square() * self.map.lifted_square()
    }

    fn alignment(&self) -> f64 {
        self.map.alignment()
    }

    fn draw<R: Rng + ?Sized>(&self, direction: &Direction, rng: &mut R) -> Vec<f64> {
        let projected = self.map.project(direction);
        let projected = projected.unwrap_or_else(|| Direction::uniform(self.map.sent(), rng));
        self.directions.randomise(&projected, rng)
    }

    fn decode(&self, sent: Vec<f64>) -> Vec<f64> {
        self.map.lift(self.directions.decode(sent))
    }
}

/// Checks a projection to `sent` of `dimension` coordinates, where at most `most` can be sent.
fn checked(dimension: usize, sent: usize, most: usize) -> Result<(), LocalError> {
    super::direction::checked(dimension)?;
    if (2..=most).contains(&sent) { Ok(()) } else { Err(LocalError::Projection { dimension, sent, most }) }
}
