//! PrivUnit2: a direction becomes one that lies in a cap around it with a chosen probability.

use rand::{Rng, RngExt as _};
use rand_distr::{ChiSquared, Distribution as _, Exp1, StandardNormal};

use super::{
    CapParameters, Direction, DirectionRandomiser, LocalError, LocalGuarantee, OutputBound, Sampling,
    direction::{checked, norm, norm_slack, orthogonal},
    tail::{Angle, Tail},
};
use crate::units::{Epsilon, OutOfRange};

/// Where a cap may begin at most, 1 - 2^-24: a narrower one is no better, since updates are 32-bit floats.
pub const MOST_GAMMA: f64 = 1.0 - 1.0 / (1_u64 << 24) as f64;
/// From this share of the sphere on a cap is found by drawing until a point lies in it: eight tries on average, at most.
const LARGE: f64 = 1.0 / 8.0;

/// The randomiser of directions with the least error known.
///
/// # Guarantee
/// One use is epsilon-locally private, without delta, for real numbers; the cap is chosen exactly, and the direction within it is drawn
/// with 64-bit floats, so the claim is [idealised](Sampling::Idealised). What is sent has norm `1/m`, expectation `u`, and squared
/// error `1/m^2 - 1`, for every direction `u`.
///
/// How long a draw takes tells whether the cap was chosen, which is not part of the claim: never show it.
///
/// # Source
/// Bhowmick, Duchi, Freudiger, Kapoor and Rogers 2018 (1812.00984), Algorithm 1. With the best parameters its variance is optimal among
/// a large family of locally private randomisers (Asi, Feldman and Talwar 2022, 2205.02466). Parameters: [`CapParameters`].
#[derive(Clone, Debug)]
pub struct PrivUnit2 {
    dimension: usize,
    parameters: CapParameters,
    cap: Cap,
}

impl PrivUnit2 {
    /// The best parameters for this epsilon. They cost less than it where a cap that starts at [`MOST_GAMMA`] does.
    ///
    /// # Errors
    /// [`LocalError`] for an epsilon below [`LEAST_EPSILON`](super::LEAST_EPSILON) or infinite, and for fewer than two coordinates.
    pub fn new(epsilon: Epsilon, dimension: usize) -> Result<Self, LocalError> {
        checked(dimension)?;
        let tail = |gamma| Tail::of_direction(dimension, Angle::of_cosine(gamma));
        let parameters = CapParameters::best(epsilon, MOST_GAMMA, tail)?;
        Self::of(dimension, parameters)
    }

    /// Any cap and any probability of it, at what they cost.
    ///
    /// # Errors
    /// [`LocalError`] unless `gamma` is from 0 to [`MOST_GAMMA`] and `p` is above the cap's share of the sphere and below 1.
    pub fn with_cap(dimension: usize, gamma: f64, p: f64) -> Result<Self, LocalError> {
        checked(dimension)?;
        let angle = cap_angle(gamma)?;
        let parameters = CapParameters::at(gamma, p, Tail::of_direction(dimension, angle))?;
        Self::of(dimension, parameters)
    }

    fn of(dimension: usize, parameters: CapParameters) -> Result<Self, LocalError> {
        let freedom = dimension as f64 - 1.0;
        let others = ChiSquared::new(freedom).map_err(|_| LocalError::Dimension { dimension })?;
        let (angle, large) = (Angle::of_cosine(parameters.gamma), parameters.share() >= LARGE);
        Ok(Self { dimension, parameters, cap: Cap { angle, power: freedom - 1.0, large, others } })
    }

    /// What it runs with.
    #[must_use]
    pub fn parameters(&self) -> &CapParameters {
        &self.parameters
    }

    /// `1/m`: the norm of whatever is sent.
    #[must_use]
    pub fn output_norm(&self) -> f64 {
        1.0 / self.parameters.m
    }

    /// `1/m^2 - 1`: mean squared distance of what is sent from the direction.
    #[must_use]
    pub fn squared_error(&self) -> f64 {
        let m = self.parameters.m;
        (1.0 - m) * (1.0 + m) / (m * m)
    }
}

/// `ln P(<V, u> >= gamma)` for `V` uniform on the sphere.
///
/// # Errors
/// [`LocalError`] for fewer than two coordinates, or unless `gamma` is from 0 to [`MOST_GAMMA`].
pub fn ln_cap_share(dimension: usize, gamma: f64) -> Result<f64, LocalError> {
    Ok(Tail::of_direction(checked(dimension)?, cap_angle(gamma)?).ln_mass)
}

fn cap_angle(gamma: f64) -> Result<Angle, LocalError> {
    let range = "from 0 to 1 - 2^-24";
    if (0.0..=MOST_GAMMA).contains(&gamma) {
        Ok(Angle::of_cosine(gamma))
    } else {
        Err(OutOfRange { quantity: "the cap's cosine", range, value: gamma }.into())
    }
}

impl DirectionRandomiser for PrivUnit2 {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn guarantee(&self) -> LocalGuarantee {
        LocalGuarantee::pure(self.parameters.epsilon(), Sampling::Idealised)
    }

    fn output_bound(&self) -> OutputBound {
        OutputBound::always(self.output_norm() * norm_slack(self.dimension))
    }

    fn decoded_square(&self) -> f64 {
        self.output_norm() * self.output_norm()
    }

    fn draw<R: Rng + ?Sized>(&self, direction: &Direction, rng: &mut R) -> Vec<f64> {
        let (cosine, sine) = self.cap.draw(self.parameters.draw_in_cap(rng), rng);
        let mut values = orthogonal(direction, rng);
        let across = sine / norm(&values);
        values
            .iter_mut()
            .zip(direction.coordinates())
            .for_each(|(value, unit)| *value = cosine * unit + across * *value);
        // What rounding did to the right angle, most of all in few coordinates, must not show in the norm.
        let scale = 1.0 / (self.parameters.m * norm(&values));
        values.iter_mut().for_each(|value| *value *= scale);
        values
    }
}

/// The law of a uniform direction's angle to a fixed one, inside and outside of a cap. What is drawn is `(cos, sin)` of the angle.
#[derive(Clone, Debug)]
struct Cap {
    angle: Angle,
    /// `d - 2`: the angle `x` has density proportional to `sin(x)^(d - 2)`.
    power: f64,
    /// Whether waiting for a point in the cap is quick enough.
    large: bool,
    /// Squared length of `d - 1` normal deviates.
    others: ChiSquared<f64>,
}

impl Cap {
    fn draw<R: Rng + ?Sized>(&self, inside: bool, rng: &mut R) -> (f64, f64) {
        if inside && !self.large {
            return self.narrow(rng);
        }
        // One side is at least an eighth of the sphere, the other at least a half.
        loop {
            let (along, across): (f64, f64) = (StandardNormal.sample(rng), self.others.sample(rng).sqrt());
            let length = along.hypot(across);
            if length > 0.0 && (along / length >= self.angle.cosine) == inside {
                return (along / length, across / length);
            }
        }
    }

    /// Inside of a small cap. The density's logarithm is concave in the angle, so it lies below its tangent at the cap's edge: the
    /// distance from the edge is drawn from that exponential law and accepted with the ratio of the two. Where the exponential hardly
    /// falls over the cap, a flat line at the edge's height is taken, which lies above both. About half are accepted, or more.
    fn narrow<R: Rng + ?Sized>(&self, rng: &mut R) -> (f64, f64) {
        let Angle { cosine, sine, .. } = self.angle;
        let (radians, slope) = (self.angle.radians(), self.power * cosine / sine);
        let flat = slope * radians <= 1.0;
        loop {
            let deviate: f64 = if flat { rng.random() } else { Exp1.sample(rng) };
            let y = if flat { radians * deviate } else { deviate / slope };
            let tangent = if flat { 0.0 } else { -slope * y };
            let ratio = (self.angle.ln_weight(self.power, y) - tangent).exp();
            if y < radians && rng.random::<f64>() < ratio {
                let (sin, cos) = y.sin_cos();
                return (cosine * cos + sine * sin, (sine * cos - cosine * sin).max(0.0));
            }
        }
    }
}
