//! PrivUnitG: PrivUnit2 with a Gaussian vector in the place of a point on the sphere.

use rand::{Rng, RngExt as _};
use rand_distr::{Distribution as _, Exp1, StandardNormal};

use super::{
    CapParameters, Direction, DirectionRandomiser, LocalError, LocalGuarantee, OutputBound, Sampling,
    direction::{checked, norm_slack, orthogonal},
    tail::Tail,
};
use crate::units::{Epsilon, OutOfRange};

/// Where the pole's half-space may begin at most, in standard deviations: epsilon is above 500,000 there.
const MOST_GAMMA: f64 = 1024.0;
/// From this share on the tail of the normal law is found by drawing until a deviate lies in it.
const LARGE: f64 = 1.0 / 8.0;
/// Logarithm of half the probability, 2^-40, with which the bound on the output is exceeded.
const LN_HALF_EXCEEDED: f64 = -41.0 * std::f64::consts::LN_2;

/// The randomiser of directions whose parameters do not depend on the dimension.
///
/// # Guarantee
/// One use is epsilon-locally private, without delta, for real numbers; the half-space is chosen exactly, and the vector within it is
/// drawn with 64-bit floats, so the claim is [idealised](Sampling::Idealised). What is sent has expectation `u` for every direction `u`; its
/// norm has no bound, so clipping it on the grid moves the expectation by what is beyond [`OutputBound`]. `gamma` is in standard
/// deviations of a Gaussian vector's component.
///
/// # Source
/// Asi, Feldman and Talwar 2022 (2205.02466). Relative to the standard Gaussian, whose component along any `u` is standard normal, the
/// output has density `p / q` in a half-space and `(1 - p) / (1 - q)` outside: see [`CapParameters`].
#[derive(Clone, Debug)]
pub struct PrivUnitG {
    dimension: usize,
    parameters: CapParameters,
}

impl PrivUnitG {
    /// The parameters with the largest `m` for this epsilon; in few dimensions others have an error that is a little smaller.
    ///
    /// # Errors
    /// [`LocalError`] for an epsilon below [`LEAST_EPSILON`](super::LEAST_EPSILON) or infinite, and for fewer than two coordinates.
    pub fn new(epsilon: Epsilon, dimension: usize) -> Result<Self, LocalError> {
        let parameters = CapParameters::best(epsilon, MOST_GAMMA, Tail::of_normal)?;
        Ok(Self { dimension: checked(dimension)?, parameters })
    }

    /// Any threshold, in standard deviations, and any probability of the tail above it, at what they cost.
    ///
    /// # Errors
    /// [`LocalError`] unless `gamma` is from 0 to 1024 and `p` is above the tail's share and below 1.
    pub fn with_tail(dimension: usize, gamma: f64, p: f64) -> Result<Self, LocalError> {
        if !(0.0..=MOST_GAMMA).contains(&gamma) {
            return Err(OutOfRange { quantity: "the threshold", range: "from 0 to 1024", value: gamma }.into());
        }
        let parameters = CapParameters::at(gamma, p, Tail::of_normal(gamma))?;
        Ok(Self { dimension: checked(dimension)?, parameters })
    }

    /// What it runs with.
    #[must_use]
    pub fn parameters(&self) -> &CapParameters {
        &self.parameters
    }

    /// Mean square of the component along the direction, before it is divided by `m`.
    #[must_use]
    pub fn component_square(&self) -> f64 {
        // E[a^2; a >= gamma] = q + gamma E[a; a >= gamma], and likewise outside with the other sign.
        1.0 + self.parameters.gamma * self.parameters.m
    }

    /// Mean squared distance of what is sent from the direction.
    #[must_use]
    pub fn squared_error(&self) -> f64 {
        self.decoded_square() - 1.0
    }

    /// The component along the direction: a normal deviate in the tail, or one below it.
    fn component<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let inside = self.parameters.draw_in_cap(rng);
        let gamma = self.parameters.gamma;
        if inside && self.parameters.share() < LARGE {
            loop {
                // The density falls faster than its tangent's exponential (Robert 1995, with the tangent at the threshold).
                let deviate: f64 = Exp1.sample(rng);
                let y = deviate / gamma;
                if rng.random::<f64>() < (-y * y / 2.0).exp() {
                    return gamma + y;
                }
            }
        }
        loop {
            let component: f64 = StandardNormal.sample(rng);
            if (component >= gamma) == inside {
                return component;
            }
        }
    }
}

impl DirectionRandomiser for PrivUnitG {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn guarantee(&self) -> LocalGuarantee {
        LocalGuarantee::pure(self.parameters.epsilon(), Sampling::Idealised)
    }

    /// The component is beyond `gamma + t` with probability at most `e^(-t^2 / 2)`: in the tail since the density there falls faster, and
    /// outside, below zero, since that is half of the line or more. The square of the rest is chi-square with `d - 1` degrees, and above
    /// `d - 1 + 2 sqrt((d - 1) x) + 2 x` with probability at most `e^-x` (Laurent and Massart 2000, Lemma 1).
    fn output_bound(&self) -> OutputBound {
        let (x, freedom) = (-LN_HALF_EXCEEDED, self.dimension as f64 - 1.0);
        let along = self.parameters.gamma + (2.0 * x).sqrt();
        let square = along * along + freedom + 2.0 * (freedom * x).sqrt() + 2.0 * x;
        let norm = square.sqrt() / self.parameters.m * norm_slack(self.dimension);
        OutputBound { norm, exceeded: 2.0 * LN_HALF_EXCEEDED.exp() }
    }

    fn decoded_square(&self) -> f64 {
        (self.dimension as f64 - 1.0 + self.component_square()) / (self.parameters.m * self.parameters.m)
    }

    fn draw<R: Rng + ?Sized>(&self, direction: &Direction, rng: &mut R) -> Vec<f64> {
        let (along, scale) = (self.component(rng), 1.0 / self.parameters.m);
        let mut values = orthogonal(direction, rng);
        values
            .iter_mut()
            .zip(direction.coordinates())
            .for_each(|(value, unit)| *value = scale * (along * unit + *value));
        values
    }
}
