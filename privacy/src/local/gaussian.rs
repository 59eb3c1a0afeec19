//! Gaussian noise on a device's own update, at what it really costs.

use std::num::NonZeroUsize;

use super::{LocalError, LocalGuarantee, LocalRandomiser, OutputBound, Sampling, whole::fits};
use crate::{
    accountant::{Accountant as _, ExactGaussian, calibrate_sigma},
    event::{DpEvent, Relation},
    grid::Grid,
    mechanism::{Mechanism, SIGMA_LIMIT, SigmaOutOfRange},
    noise::NoiseRng,
    units::{Clip, DeltaProbability, Epsilon, Scale},
    update::Delta,
};

/// Logarithm of the probability with which the bound on the output is exceeded.
const LN_EXCEEDED: f64 = -40.0 * std::f64::consts::LN_2;

/// Gaussian noise on every coordinate of a clipped update.
///
/// # Guarantee
/// One use is `(epsilon, delta)`-locally private for what is really sent ([`Sampling::Exact`]): the update is encoded on a grid, where its norm is
/// proven in integers, and the rounded Gaussian is added exactly; see [`Mechanism::Gaussian`]. Any update may be replaced by
/// any other, so the sensitivity is twice the clip.
///
/// # Source
/// Balle and Wang 2018, Theorem 8, by [`ExactGaussian`]. There is no other way to state the noise: `sqrt(2 ln(1.25 / delta)) / epsilon` holds
/// for epsilon below 1 only, and a sensitivity apart from the clip cannot be given (privacy.md, G9).
#[derive(Clone, Copy, Debug)]
pub struct LocalGaussian {
    grid: Grid,
    sigma: u64,
    clip: Clip,
    epsilon: Epsilon,
    delta: DeltaProbability,
}

impl LocalGaussian {
    /// The least noise, in whole steps of the update's grid, that costs at most `epsilon` at `delta`.
    ///
    /// # Errors
    /// [`LocalError`] when no noise does, when there is no grid for this clip and dimension, or when what is sent does not fit 32-bit
    /// floats.
    pub fn new(epsilon: Epsilon, delta: DeltaProbability, clip: Clip, dimension: usize) -> Result<Self, LocalError> {
        if !epsilon.is_finite() {
            return Err(LocalError::Epsilon { epsilon, least: 0.0 });
        }
        let grid = grid(clip, dimension)?;
        let mut sigma = calibrate_sigma(epsilon, delta, |sigma| event(&grid, sigma))?;
        // Another accountant may have found a price that rounds up by less.
        loop {
            let made = Self::priced(grid, sigma, clip, delta)?;
            if made.epsilon <= epsilon {
                return Ok(made);
            }
            sigma += 1;
        }
    }

    /// Noise of at least this standard deviation, in units of the model's parameters, of which `claimed` is said to be the cost.
    ///
    /// # Errors
    /// [`LocalError::Understated`] with the true cost when it is above the claim; otherwise as [`new`](Self::new).
    pub fn with_noise(
        sigma: Scale,
        claimed: Epsilon,
        delta: DeltaProbability,
        clip: Clip,
        dimension: usize,
    ) -> Result<Self, LocalError> {
        let grid = grid(clip, dimension)?;
        let steps = (sigma.get() / grid.step()).ceil();
        if steps > SIGMA_LIMIT as f64 {
            return Err(SigmaOutOfRange { sigma: steps, most: SIGMA_LIMIT }.into());
        }
        let made = Self::priced(grid, steps as u64, clip, delta)?;
        if made.epsilon > claimed {
            return Err(LocalError::Understated { sigma: sigma.get(), claimed, price: made.epsilon });
        }
        Ok(made)
    }

    fn priced(grid: Grid, sigma: u64, clip: Clip, delta: DeltaProbability) -> Result<Self, LocalError> {
        let epsilon = ExactGaussian.epsilon(&event(&grid, sigma), delta)?;
        let made = Self { grid, sigma, clip, epsilon, delta };
        fits(made.output_bound(), grid.dimension())?;
        Ok(made)
    }

    /// Standard deviation of the noise on one coordinate, in units of the model's parameters.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.sigma as f64 * self.grid.step()
    }

    /// What one use costs, as an event whose bound is the clip and under which the update is replaced.
    #[must_use]
    pub fn event(&self) -> DpEvent {
        event(&self.grid, self.sigma)
    }

    /// Mean squared error for an update within the clip, at most.
    #[must_use]
    pub fn squared_error(&self) -> f64 {
        // In steps: rounding moves a deviate by a half at most; encoding rounds each coordinate, shrinks to make room for that, loses a part
        // of a step of the clip, and what single precision loses of an update as long as the bound. The noise is symmetric, so nothing else
        // adds to these two squares.
        let (dimension, sigma, bound) = (self.grid.dimension() as f64, self.sigma as f64, self.grid.bound() as f64);
        let noise = dimension * (sigma + 0.5) * (sigma + 0.5);
        let encoding = dimension.sqrt() + 1.0 + bound * f64::from(f32::EPSILON);
        (noise + encoding * encoding) * self.grid.step() * self.grid.step()
    }
}

impl LocalRandomiser for LocalGaussian {
    fn dimension(&self) -> usize {
        self.grid.dimension()
    }

    fn sent(&self) -> usize {
        self.grid.dimension()
    }

    fn guarantee(&self) -> LocalGuarantee {
        LocalGuarantee::approximate(self.epsilon, self.delta, Sampling::Exact)
    }

    /// The square of the noise, over its variance, is chi-square with `d` degrees, and above `d + 2 sqrt(d x) + 2 x` with probability
    /// at most `e^-x` (Laurent and Massart 2000, Lemma 1); rounding adds at most half a step to each coordinate.
    fn output_bound(&self) -> OutputBound {
        let (dimension, x) = (self.grid.dimension() as f64, -LN_EXCEEDED);
        let noise = self.sigma() * (dimension + 2.0 * (dimension * x).sqrt() + 2.0 * x).sqrt();
        let norm = self.clip.get() + noise + self.grid.step() * dimension.sqrt() / 2.0;
        OutputBound { norm: norm * (1.0 + f64::from(f32::EPSILON)), exceeded: LN_EXCEEDED.exp() }
    }

    fn randomise(&self, update: &Delta, rng: &mut NoiseRng) -> Delta {
        let mut vector = self.grid.encode(update).into_vector();
        Mechanism::Gaussian { sigma: self.sigma }.perturb(&mut vector, rng, NonZeroUsize::MIN);
        let step = self.grid.step();
        Delta::new(vector.centered().map(|steps| (steps as f64 * step) as f32).collect())
    }

    fn decode(&self, sent: Vec<f64>) -> Vec<f64> {
        sent
    }
}

/// A grid for one update in the widest ring.
fn grid(clip: Clip, dimension: usize) -> Result<Grid, LocalError> {
    Ok(Grid::fit(clip, dimension)?.with_ring_for(1, SIGMA_LIMIT)?)
}

fn event(grid: &Grid, sigma: u64) -> DpEvent {
    match (Scale::new(sigma as f64), Scale::new(grid.bound() as f64)) {
        (Ok(sigma), Ok(bound)) => DpEvent::gaussian(sigma, bound, Relation::ReplaceOne),
        // No noise promises nothing.
        _ => DpEvent::NonPrivate,
    }
}
