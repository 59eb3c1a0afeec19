//! The cap's parameters: the exact privacy condition, and the best parameters by one root.

use rand::Rng;
use serde::Serialize;

use super::{LocalError, tail::Tail};
use crate::units::Epsilon;

/// The smallest epsilon for which parameters are found: below it the difference that a device makes drowns in float error.
pub const LEAST_EPSILON: f64 = 1.0 / (1_u64 << 20) as f64;
/// The smallest probability of a cap that is drawn exactly.
const LEAST_POLE: f64 = 1.0 / 1024.0;
/// Slack for the float error of an epsilon, relative and absolute: a thousand times the error of the tail's logarithm, which is a
/// few units in the last place.
const SLACK: f64 = 1.0 / (1_u64 << 40) as f64;

/// Where the cap begins, how likely it is, and what follows from these.
///
/// With probability `p` the randomised direction lies in the cap `{V : <V, u> >= gamma}` around the true direction `u`, else outside.
///
/// # Guarantee
/// Relative to the uniform law, whose share of a cap is `q` wherever the cap lies, the output has density `p / q` in the cap and
/// `(1 - p) / (1 - q)` outside. So the ratio of its densities under two directions is at most `p (1 - q) / ((1 - p) q)`, and is that
/// where a point lies in one cap and not in the other: epsilon is exactly `ln(p / (1 - p)) + ln((1 - q) / q)`.
///
/// # Source
/// Bhowmick and others 2018 (1812.00984), Algorithm 1, whose conditions (16a) and (16b) on gamma are sufficient and loose; the exact
/// condition is the paragraph above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CapParameters {
    /// Where the cap begins.
    pub gamma: f64,
    /// Probability of the cap: a multiple of 2^-64, drawn exactly.
    pub p: f64,
    /// Expectation of `<V, u>`: divided by it, the output is unbiased.
    pub m: f64,
    /// `ln q`: logarithm of the cap's share under the uniform law.
    pub log_q: f64,
    /// `ln(p / (1 - p))`: what the choice of the cap costs.
    pub epsilon0: f64,
    /// `ln((1 - q) / q)`: what the cap costs.
    pub epsilon1: f64,
}

impl CapParameters {
    /// The parameters with this cap and probability, given the cap's tail.
    pub(super) fn at(gamma: f64, p: f64, tail: Tail) -> Result<Self, LocalError> {
        let share = tail.ln_mass.exp();
        if !(p > share && (LEAST_POLE..1.0).contains(&p)) {
            return Err(LocalError::Pole { p, share });
        }
        // p (gamma + excess) - (1 - p) (gamma + excess) q / (1 - q), since E[T; T < gamma] = -E[T; T >= gamma].
        let m = (gamma + tail.excess) * (p - share) / (1.0 - share);
        let epsilon0 = p.ln() - (1.0 - p).ln();
        Ok(Self { gamma, p, m, log_q: tail.ln_mass, epsilon0, epsilon1: (-share).ln_1p() - tail.ln_mass })
    }

    /// The parameters with the largest `m` (the least error) that cost at most `asked`, where `tail` gives the cap's tail at each
    /// gamma from 0 to `most`.
    ///
    /// # Guarantee
    /// [`epsilon`](Self::epsilon) is at most `asked`. It is less where the best cap would begin above `most`: then the parameters are
    /// the best ones for that lesser epsilon.
    ///
    /// # Source
    /// With `N = E[T; T >= gamma]` and p chosen such that the cost is epsilon, `m = (e^epsilon - 1) N / (1 + (e^epsilon - 1) q)`. Since
    /// `dN = gamma dq`, the derivative in gamma vanishes if and only if `gamma = m`, that is, `gamma / (N - gamma q) = e^epsilon - 1`. The left
    /// side grows from 0 without bound, so there is one root, and `m` grows before it and falls after it.
    pub(super) fn best(asked: Epsilon, most: f64, tail: impl Fn(f64) -> Tail) -> Result<Self, LocalError> {
        if !(asked.is_finite() && asked.get() >= LEAST_EPSILON) {
            return Err(LocalError::Epsilon { epsilon: asked, least: LEAST_EPSILON });
        }
        let epsilon_of = |gamma: f64, tail: Tail| ln_one_plus_exp(gamma.ln() - tail.ln_mass - tail.excess.ln());
        let target = shrunk(asked.get());
        let (mut low, mut high) = (0.0_f64, most);
        // The nearest float below the root, or the end.
        while low.next_up() < high {
            let middle = f64::midpoint(low, high);
            if epsilon_of(middle, tail(middle)) <= target { low = middle } else { high = middle }
        }
        let gamma = if epsilon_of(most, tail(most)) <= target { most } else { low };
        let tail = tail(gamma);
        // The target, or what makes this cap the best one.
        let spent = if gamma == most { epsilon_of(gamma, tail).min(target) } else { target };
        let epsilon1 = (-tail.ln_mass.exp()).ln_1p() - tail.ln_mass;
        let mut p = (1.0 / (1.0 + (epsilon1 - spent).exp())).min(1.0_f64.next_down());
        loop {
            let parameters = Self::at(gamma, p, tail)?;
            if parameters.epsilon() <= asked {
                return Ok(parameters);
            }
            p = p.next_down();
        }
    }

    /// The exact epsilon of these parameters, rounded up.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        stretched(self.epsilon0 + self.epsilon1)
    }

    /// The cap's share under the uniform law; 0 where it is below all floats.
    pub(super) fn share(&self) -> f64 {
        self.log_q.exp()
    }

    /// Whether this output lies in the cap: true with probability `p`, exactly.
    pub(super) fn draw_in_cap<R: Rng + ?Sized>(&self, rng: &mut R) -> bool {
        // A float of LEAST_POLE or more has no digit below 2^-62, so this is a whole number and loses nothing.
        rng.next_u64() < (self.p * 2.0_f64.powi(64)) as u64
    }
}

/// What an epsilon may be before [`SLACK`] is added.
pub(super) fn shrunk(asked: f64) -> f64 {
    (asked - SLACK) / (1.0 + SLACK)
}

/// An epsilon with [`SLACK`] added.
pub(super) fn stretched(epsilon: f64) -> Epsilon {
    Epsilon::new(epsilon.max(0.0) * (1.0 + SLACK) + SLACK).unwrap_or(Epsilon::INFINITE)
}

/// `ln(1 + e^x)`.
fn ln_one_plus_exp(x: f64) -> f64 {
    if x > 40.0 { x + (-x).exp() } else { x.exp().ln_1p() }
}
