//! The fixed-point grid on which sums are exact.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::Clip;

/// Rounding may eat at most this share of the clip: `sqrt(d) / 2 <= S / 16`.
const COARSEST: u64 = 16;
/// What [`Grid::fit`] aims for: `S >= 128 * sqrt(d)`, where rounding costs less than half a percent of the clip.
const COMFORTABLE: f64 = 128.0;
/// Largest integer bound on one device's norm. With it `S^2` and every product in this crate stay inside `u128`.
pub const BOUND_LIMIT: u64 = 1 << 40;
/// Largest number of coordinates: far above any model that a device trains, far below what overflows a length in bytes.
pub const DIMENSION_LIMIT: u64 = 1 << 32;
/// Noise beyond this many standard deviations is counted as a wrap (probability below 2^-180 per coordinate).
const TAIL: u128 = 16;

/// A grid of step `2^-fraction_bits` with values in the ring `Z_{2^ring_bits}`, for vectors of one dimension whose
/// integer l2 norm is at most `bound`.
///
/// # Guarantee
/// `bound = floor(clip * 2^fraction_bits)`, so a vector within the bound is within the clip. With the number of
/// devices and the noise that it was made for, a sum cannot leave the ring; if it ever did, utility would suffer and
/// privacy would not (reduction modulo `2^ring_bits` is post-processing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "GridRecord", into = "GridRecord")]
pub struct Grid {
    fraction_bits: i16,
    ring_bits: u8,
    bound: u64,
    dimension: usize,
}

/// The serialised form of a [`Grid`].
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GridRecord {
    fraction_bits: i16,
    ring_bits: u8,
    bound: u64,
    dimension: u64,
}

/// A grid that would be unsound or useless.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GridError {
    /// No coordinates.
    #[error("a grid needs at least one coordinate")]
    NoCoordinates,
    /// More coordinates than lengths in bytes can be computed for.
    #[error("{dimension} coordinates are above the limit of 2^32")]
    TooManyCoordinates {
        /// Number of coordinates.
        dimension: usize,
    },
    /// Rounding would eat more than a sixteenth of the clip.
    #[error(
        "the grid is too coarse for {dimension} coordinates: its bound is {bound} steps, and at least {least} are needed"
    )]
    TooCoarse {
        /// Number of coordinates.
        dimension: usize,
        /// Bound asked for, in steps.
        bound: u64,
        /// Smallest admissible bound, in steps.
        least: u64,
    },
    /// A sum could leave the ring.
    #[error("a ring of {ring_bits} bits wraps for {cohort} devices: {needed} bits are needed (64 at most)")]
    Wraps {
        /// Bits asked for.
        ring_bits: u8,
        /// Devices that may be summed.
        cohort: u64,
        /// Bits that would do.
        needed: u32,
    },
    /// The bound does not fit the arithmetic.
    #[error("the integer bound {bound} is above the limit of 2^40 steps")]
    BoundTooLarge {
        /// Bound asked for, in steps.
        bound: u64,
    },
    /// The step is outside what `f64` scales exactly.
    #[error("the grid's step 2^-({fraction_bits}) is outside 2^-256 to 2^256")]
    StepOutOfRange {
        /// Exponent asked for.
        fraction_bits: i16,
    },
}

impl Grid {
    /// A grid with every number given.
    ///
    /// `cohort` is the largest number of devices that may be summed (under Poisson sampling a high quantile, never a
    /// cap) and `sigma` the standard deviation of the noise in steps (0 without noise).
    ///
    /// # Errors
    /// [`GridError`] when a sum could wrap, when rounding eats more than a sixteenth of the bound, or when a number is
    /// beyond the arithmetic.
    pub fn new(
        fraction_bits: i16,
        ring_bits: u8,
        bound: u64,
        dimension: usize,
        cohort: u64,
        sigma: u64,
    ) -> Result<Self, GridError> {
        let grid = Self::well_formed(fraction_bits, ring_bits, bound, dimension)?;
        let needed = Self::bits_needed(bound, cohort, sigma);
        if u32::from(ring_bits) < needed {
            return Err(GridError::Wraps { ring_bits, cohort, needed });
        }
        Ok(grid)
    }

    /// The coarsest comfortable grid: the largest power-of-two step with `floor(clip / step) >= 128 sqrt(d)`, and the
    /// integer bound it gives. The ring is still open: see [`with_ring_for`](Self::with_ring_for).
    ///
    /// # Errors
    /// [`GridError`] when no admissible step exists for this clip and dimension.
    pub fn fit(clip: Clip, dimension: usize) -> Result<Self, GridError> {
        if dimension == 0 {
            return Err(GridError::NoCoordinates);
        }
        let wanted = COMFORTABLE * (dimension as f64).sqrt();
        let fraction_bits = (wanted / clip.get()).log2().ceil();
        if !(-255.0..=255.0).contains(&fraction_bits) {
            let fraction_bits = if fraction_bits > 0.0 { i16::MAX } else { i16::MIN };
            return Err(GridError::StepOutOfRange { fraction_bits });
        }
        let fraction_bits = fraction_bits as i16;
        // Multiplication by a power of two is exact, so the bound is the floor of the exact product.
        let bound = (clip.get() * power_of_two(fraction_bits)).floor() as u64;
        Self::well_formed(fraction_bits, 64, bound, dimension)
    }

    /// The same grid with the smallest ring that cannot wrap for `cohort` devices and noise of `sigma` steps.
    ///
    /// # Errors
    /// [`GridError::Wraps`] when 64 bits are not enough.
    pub fn with_ring_for(self, cohort: u64, sigma: u64) -> Result<Self, GridError> {
        let needed = Self::bits_needed(self.bound, cohort, sigma);
        let ring_bits = u8::try_from(needed).unwrap_or(u8::MAX).min(64);
        Self::new(self.fraction_bits, ring_bits, self.bound, self.dimension, cohort, sigma)
    }

    fn well_formed(fraction_bits: i16, ring_bits: u8, bound: u64, dimension: usize) -> Result<Self, GridError> {
        if dimension == 0 {
            return Err(GridError::NoCoordinates);
        }
        if dimension as u64 > DIMENSION_LIMIT {
            return Err(GridError::TooManyCoordinates { dimension });
        }
        if !(-256..=256).contains(&fraction_bits) {
            return Err(GridError::StepOutOfRange { fraction_bits });
        }
        if bound > BOUND_LIMIT {
            return Err(GridError::BoundTooLarge { bound });
        }
        // S >= 16 * (ceil(sqrt(d)) / 2)
        let root = dimension.isqrt() as u64;
        let least = COARSEST / 2 * (root + u64::from(root * root < dimension as u64));
        if bound < least {
            return Err(GridError::TooCoarse { dimension, bound, least });
        }
        if ring_bits == 0 || ring_bits > 64 {
            return Err(GridError::Wraps { ring_bits, cohort: 1, needed: Self::bits_needed(bound, 1, 0) });
        }
        Ok(Self { fraction_bits, ring_bits, bound, dimension })
    }

    /// Smallest `b` with `cohort * bound + 16 sigma < 2^(b-1)`.
    fn bits_needed(bound: u64, cohort: u64, sigma: u64) -> u32 {
        let reach = u128::from(bound) * u128::from(cohort) + TAIL * u128::from(sigma);
        129 - reach.leading_zeros()
    }

    /// The exponent `k` of the step `2^-k`.
    #[must_use]
    pub fn fraction_bits(&self) -> i16 {
        self.fraction_bits
    }

    /// Bits per coordinate of the ring, 1 to 64.
    #[must_use]
    pub fn ring_bits(&self) -> u8 {
        self.ring_bits
    }

    /// `S`: the largest integer l2 norm of one device's encoded update, in steps. The sensitivity of the sum.
    #[must_use]
    pub fn bound(&self) -> u64 {
        self.bound
    }

    /// Number of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// One step in units of the model's parameters.
    #[must_use]
    pub fn step(&self) -> f64 {
        power_of_two(-self.fraction_bits)
    }
}

/// `2^exponent`, exactly, for exponents within -256..=256.
fn power_of_two(exponent: i16) -> f64 {
    f64::from_bits(((1023 + i64::from(exponent)) as u64) << 52)
}

impl TryFrom<GridRecord> for Grid {
    type Error = GridError;

    fn try_from(record: GridRecord) -> Result<Self, GridError> {
        let dimension = usize::try_from(record.dimension).unwrap_or(usize::MAX);
        Self::well_formed(record.fraction_bits, record.ring_bits, record.bound, dimension)
    }
}

impl From<Grid> for GridRecord {
    fn from(grid: Grid) -> Self {
        Self {
            fraction_bits: grid.fraction_bits,
            ring_bits: grid.ring_bits,
            bound: grid.bound,
            dimension: grid.dimension as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapping_grid_is_refused_and_the_next_bit_is_enough() {
        let refused = Grid::new(10, 20, 1 << 14, 10, 1000, 1 << 14);
        assert!(matches!(refused, Err(GridError::Wraps { needed: 25, .. })), "{refused:?}");
        assert!(Grid::new(10, 25, 1 << 14, 10, 1000, 1 << 14).is_ok());
        assert!(Grid::new(10, 24, 1 << 14, 10, 1000, 1 << 14).is_err());
    }

    #[test]
    fn a_coarse_grid_is_refused() {
        assert!(matches!(Grid::new(4, 32, 7_999, 1_000_000, 10, 0), Err(GridError::TooCoarse { least: 8_000, .. })));
        assert!(Grid::new(4, 32, 8_000, 1_000_000, 10, 0).is_ok());
    }

    #[test]
    fn the_fitted_bound_is_the_floor_of_clip_over_step() {
        for (clip, dimension) in [(0.3, 7_850), (1.0, 1), (1e-6, 225_034), (1e6, 10)] {
            let grid = Grid::fit(Clip::new(clip).unwrap(), dimension).unwrap().with_ring_for(500, 1 << 20).unwrap();
            assert!(grid.bound() as f64 * grid.step() <= clip);
            assert!((grid.bound() + 1) as f64 * grid.step() > clip);
            assert!(grid.bound() as f64 >= 127.0 * (dimension as f64).sqrt());
        }
    }

    #[test]
    fn extreme_clips_and_rings_are_refused_not_mangled() {
        assert!(Grid::fit(Clip::new(1e-300).unwrap(), 10).is_err());
        assert!(Grid::fit(Clip::new(1e300).unwrap(), 10).is_err());
        let grid = Grid::fit(Clip::new(1.0).unwrap(), 1 << 30).unwrap();
        assert!(matches!(grid.with_ring_for(u64::MAX, u64::MAX), Err(GridError::Wraps { .. })));
        assert!(
            serde_json::from_str::<Grid>(r#"{"fraction_bits":4,"ring_bits":65,"bound":100,"dimension":1}"#).is_err()
        );
    }
}
