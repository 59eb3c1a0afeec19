//! What a local randomiser promises, and how far what it sends can reach.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    exact::ExactSum,
    units::{Clip, DeltaProbability, Epsilon, OutOfRange},
};

/// From here on a local epsilon is said to be weak wherever it is printed (privacy.md, G16).
pub const WEAK: f64 = 10.0;

/// How the numbers of a theorem become samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Integers and fair bits decide: the promise holds for what is really sent.
    Exact,
    /// The theorem is about real numbers, and 64-bit floats stand in for them. How far that is from the theorem is not bounded: a
    /// bound on the total variation would be multiplied by `e^epsilon`, and says nothing at the epsilons in use here.
    Idealised,
}

/// What one or several uses of a local randomiser promise to a device, without trust in anybody: for any two updates (or data sets,
/// where data become updates), the probabilities of whatever is sent differ by a factor of at most `e^epsilon`, but for delta.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct LocalGuarantee {
    epsilon: Epsilon,
    delta: f64,
    sampling: Sampling,
}

/// The serialised form of a [`LocalGuarantee`].
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    epsilon: Epsilon,
    delta: f64,
    sampling: Sampling,
}

impl LocalGuarantee {
    /// Without a failure probability.
    #[must_use]
    pub fn pure(epsilon: Epsilon, sampling: Sampling) -> Self {
        Self { epsilon, delta: 0.0, sampling }
    }

    /// With one.
    #[must_use]
    pub fn approximate(epsilon: Epsilon, delta: DeltaProbability, sampling: Sampling) -> Self {
        Self { epsilon, delta: delta.get(), sampling }
    }

    /// The privacy loss.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        self.epsilon
    }

    /// The failure probability; 0 for a pure guarantee.
    #[must_use]
    pub fn delta(&self) -> f64 {
        self.delta
    }

    /// Whether the promise holds for what is sent, or for real numbers that it stands for.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Both together: epsilons and deltas add up, rounded up; idealised if either is.
    ///
    /// # Source
    /// Basic composition (Dwork and Roth 2014, Theorem 3.16); the second may have been chosen in view of what the first sent.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let delta = ExactSum::from_iter([self.delta, other.delta]).rounded_up();
        let sampling = if self.sampling == other.sampling { self.sampling } else { Sampling::Idealised };
        Self { epsilon: self.epsilon.plus(other.epsilon), delta, sampling }
    }
}

impl LocalGuarantee {
    /// So many uses of the same, each perhaps chosen in view of what those before sent; rounded up.
    ///
    /// # Source
    /// Basic composition, as for [`and`](Self::and).
    #[must_use]
    pub fn times(self, uses: u32) -> Self {
        let times = |value: f64| -> f64 { product(value, f64::from(uses)).collect::<ExactSum>().rounded_up() };
        let epsilon = self.epsilon.get();
        let epsilon =
            if epsilon.is_finite() { Epsilon::new(times(epsilon)).unwrap_or(Epsilon::INFINITE) } else { self.epsilon };
        Self { epsilon, delta: times(self.delta), ..self }
    }
}

/// Floats whose exact sum is `value * count`: the product, and what it lost to rounding.
pub(super) fn product(value: f64, count: f64) -> impl Iterator<Item = f64> {
    let product = value * count;
    [product, value.mul_add(count, -product)].into_iter()
}

impl TryFrom<Written> for LocalGuarantee {
    type Error = OutOfRange;

    fn try_from(written: Written) -> Result<Self, OutOfRange> {
        let Written { epsilon, delta, sampling } = written;
        if (0.0..1.0).contains(&delta) {
            Ok(Self { epsilon, delta, sampling })
        } else {
            Err(OutOfRange { quantity: "a local delta", range: "0 or more and below 1", value: delta })
        }
    }
}

impl From<LocalGuarantee> for Written {
    fn from(guarantee: LocalGuarantee) -> Self {
        let LocalGuarantee { epsilon, delta, sampling } = guarantee;
        Self { epsilon, delta, sampling }
    }
}

impl fmt::Display for LocalGuarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epsilon, delta, sampling } = self;
        write!(f, "local epsilon {epsilon}")?;
        if *delta > 0.0 {
            write!(f, " at delta {delta:e}")?;
        }
        f.write_str(" (a device's data replaced by any other)")?;
        if epsilon.get() >= WEAK {
            write!(f, "; weak: what is sent may be e^{epsilon} times as likely under one update as under another")?;
        }
        match sampling {
            Sampling::Exact => Ok(()),
            Sampling::Idealised => f.write_str("; idealised: proven for real numbers, drawn with 64-bit floats"),
        }
    }
}

/// How far in l2 norm the numbers reach that a randomiser sends.
///
/// It decides the clip of the grid on which they are summed, and with it the central sensitivity (architecture.md 3.8). The grid
/// enforces it in integers, so privacy never depends on it; what is cut off is lost to the average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputBound {
    /// The norm.
    pub norm: f64,
    /// Probability with which it is exceeded, at most, whatever the update; 0 where it never is.
    pub exceeded: f64,
}

impl OutputBound {
    /// Never exceeded.
    pub(super) fn always(norm: f64) -> Self {
        Self { norm, exceeded: 0.0 }
    }

    /// The clip of a grid by [`Grid::fit`](crate::Grid::fit) for so many numbers on which nothing within the bound is shortened. Where
    /// every vector reaches the bound, as PrivUnit2's do, a grid of just that clip would shorten all of them, to make room for rounding.
    ///
    /// # Errors
    /// [`OutOfRange`] when there is no such clip in the floats.
    ///
    /// # Source
    /// A fitted grid has `c` steps to its clip with `c >= 127 sqrt(n)`, of which `floor(c) - sqrt(n) / 2` are left to a vector.
    pub fn clip(self, sent: usize) -> Result<Clip, OutOfRange> {
        let lost = (0.5 + 1.0 / (sent as f64).sqrt()) / 127.0;
        Clip::new(self.norm / (1.0 - lost))
    }

    /// The bound on numbers `factor` times as large.
    pub(super) fn times(self, factor: f64) -> Self {
        Self { norm: self.norm * factor, ..self }
    }
}
