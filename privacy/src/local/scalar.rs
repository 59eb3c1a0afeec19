//! ScalarDP: a number between zero and a maximum, as a level that is kept or drawn anew.

use rand::{Rng, RngExt as _};

use super::{
    LEAST_EPSILON, LocalError, LocalGuarantee, Sampling,
    parameters::{shrunk, stretched},
};
use crate::units::{Clip, Epsilon};

/// Most levels above zero: more are no finer than floats tell them apart.
pub const LEVELS_LIMIT: u64 = 1 << 32;
/// Chances are counted in units of 2^-64.
const WHOLE: f64 = 18_446_744_073_709_551_616.0;

/// The randomiser of a magnitude between 0 and `max`.
///
/// The magnitude is rounded at random to one of `k + 1` levels, without bias; with a small chance the level is then replaced by
/// a uniform one, and the result is shifted and stretched such that its expectation is the magnitude. It may be negative or above
/// `max`, and is never clamped, which would bias it.
///
/// # Guarantee
/// One use is epsilon-locally private, without delta, for what is really sent: the chance is a multiple of 2^-64, and integers and fair
/// bits decide the level ([`Sampling::Exact`]). A level that is not true has probability `w / (k + 1)` for a chance `w`, the true one
/// `1 - w` more; their ratio is at most `e^epsilon`. How the magnitude became a level does not matter to that. Since a chance is 2^-64
/// or more, epsilon is at most `64 ln 2 + ln(k + 1)`.
///
/// # Source
/// Bhowmick and others 2018 (1812.00984), the algorithm of that name: randomised response over `k + 1` levels, which is this with
/// `w = (k + 1) / (e^epsilon + k)`.
#[derive(Clone, Copy, Debug)]
pub struct ScalarDp {
    max: f64,
    levels: u64,
    /// Chance of a uniform level, 1 to 2^64 - 1.
    renewed: u64,
}

impl ScalarDp {
    /// The number of levels above zero that the paper proposes, `ceil(e^(epsilon / 3))`: rounding and renewal cost about the same then.
    #[must_use]
    pub fn usual_levels(epsilon: Epsilon) -> u64 {
        // A float beyond the integers becomes the largest of them.
        ((epsilon.get() / 3.0).exp().ceil() as u64).clamp(1, LEVELS_LIMIT)
    }

    /// For magnitudes up to `max` on `levels` levels above zero, at most at this epsilon.
    ///
    /// # Errors
    /// [`LocalError`] for an epsilon below [`LEAST_EPSILON`] or infinite, and for no levels, more than 2^32, or so many that at this epsilon
    /// every level would be renewed.
    pub fn new(epsilon: Epsilon, max: Clip, levels: u64) -> Result<Self, LocalError> {
        if !(epsilon.is_finite() && epsilon.get() >= LEAST_EPSILON) {
            return Err(LocalError::Epsilon { epsilon, least: LEAST_EPSILON });
        }
        if !(1..=LEVELS_LIMIT).contains(&levels) {
            return Err(LocalError::Levels { levels, epsilon });
        }
        let (target, k) = (shrunk(epsilon.get()), levels as f64);
        // Each from the side where nothing is lost; beyond the floats the exponential is infinite, and the chance zero.
        let kept = target.exp_m1() / (target.exp() + k);
        let chance = (k + 1.0) / (target.exp() + k);
        let mut renewed = if chance <= 0.5 { (chance * WHOLE).ceil() } else { WHOLE - (kept * WHOLE).floor() }.max(1.0);
        while renewed < WHOLE {
            let made = Self { max: max.get(), levels, renewed: renewed as u64 };
            if made.epsilon() <= epsilon {
                return Ok(made);
            }
            // The next float, or the next integer.
            renewed = renewed.next_up().max(renewed + 1.0);
        }
        Err(LocalError::Levels { levels, epsilon })
    }

    /// The exact epsilon, rounded up.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        stretched((self.levels_and_zero() * self.kept() / self.chance()).ln_1p())
    }

    /// What one use promises.
    #[must_use]
    pub fn guarantee(&self) -> LocalGuarantee {
        LocalGuarantee::pure(self.epsilon(), Sampling::Exact)
    }

    /// Levels above zero, `k`.
    #[must_use]
    pub fn levels(&self) -> u64 {
        self.levels
    }

    /// The largest magnitude.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max
    }

    /// `a`: what one level is worth.
    #[must_use]
    pub fn a(&self) -> f64 {
        self.max / (self.levels as f64 * self.kept())
    }

    /// `b`: the level that stands for zero.
    #[must_use]
    pub fn b(&self) -> f64 {
        self.chance() * self.levels as f64 / 2.0
    }

    /// Probability that the level sent is the true one.
    #[must_use]
    pub fn keep_probability(&self) -> f64 {
        self.kept() + self.chance() / self.levels_and_zero()
    }

    /// The level to be sent, 0 to `k`. A magnitude that is not a number counts as zero, one outside of the range as its nearer end.
    pub fn level<R: Rng + ?Sized>(&self, magnitude: f64, rng: &mut R) -> u64 {
        let position = self.position(magnitude);
        let below = position.floor();
        let up = rng.random::<f64>() < position - below;
        let level = (below as u64 + u64::from(up)).min(self.levels);
        if rng.next_u64() < self.renewed { uniform_to(self.levels, rng) } else { level }
    }

    /// What a level stands for: `a (level - b)`. Its expectation is the magnitude.
    #[must_use]
    pub fn value(&self, level: u64) -> f64 {
        self.a() * (level as f64 - self.b())
    }

    /// The randomised magnitude: the value of its [`level`](Self::level).
    pub fn randomise<R: Rng + ?Sized>(&self, magnitude: f64, rng: &mut R) -> f64 {
        self.value(self.level(magnitude, rng))
    }

    /// The largest absolute value of what is sent.
    #[must_use]
    pub fn output_bound(&self) -> f64 {
        // b is at most k / 2.
        self.value(self.levels)
    }

    /// Variance of what is sent for this magnitude, which is its mean squared error.
    #[must_use]
    pub fn variance(&self, magnitude: f64) -> f64 {
        let (position, levels, chance, kept) =
            (self.position(magnitude), self.levels as f64, self.chance(), self.kept());
        let (fraction, offset) = (position.fract(), position - levels / 2.0);
        // Of a mixture: the variances within (rounding, and uniform), and that between their means.
        let within = kept * fraction * (1.0 - fraction) + chance * levels * (levels + 2.0) / 12.0;
        self.a() * self.a() * (within + kept * chance * offset * offset)
    }

    /// The magnitude with the largest variance, and that variance.
    #[must_use]
    pub fn worst_variance(&self) -> (f64, f64) {
        // Magnitudes with the same fraction of a level are the worse the farther they are from the middle: it is among the last ones, as it
        // is among the first. There the variance is a parabola with its top at this fraction, or at the end.
        let (levels, chance, kept) = (self.levels as f64, self.chance(), self.kept());
        let fraction = ((1.0 + chance * (levels - 2.0)) / (2.0 * kept)).clamp(0.0, 1.0);
        let magnitude = ((levels - 1.0 + fraction) / levels * self.max).min(self.max);
        (magnitude, self.variance(magnitude))
    }

    /// Where a magnitude lies among the levels.
    fn position(&self, magnitude: f64) -> f64 {
        let magnitude = if magnitude.is_nan() { 0.0 } else { magnitude.clamp(0.0, self.max) };
        (magnitude / self.max * self.levels as f64).min(self.levels as f64)
    }

    fn levels_and_zero(&self) -> f64 {
        self.levels as f64 + 1.0
    }

    /// Chance of a uniform level.
    fn chance(&self) -> f64 {
        self.renewed as f64 / WHOLE
    }

    /// Chance that the level is left as it is.
    fn kept(&self) -> f64 {
        self.renewed.wrapping_neg() as f64 / WHOLE
    }
}

/// Uniform in `0..=most`, by rejection.
pub(super) fn uniform_to<R: Rng + ?Sized>(most: u64, rng: &mut R) -> u64 {
    let bits = u64::MAX >> (most | 1).leading_zeros();
    loop {
        let word = rng.next_u64() & bits;
        if word <= most {
            return word;
        }
    }
}
