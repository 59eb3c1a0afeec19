//! Time is an input.

use std::ops::Add;

/// Milliseconds since a moment that the driver chose: a clock's epoch, or the start of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub u64);

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// Whole seconds.
    #[must_use]
    pub fn from_seconds(seconds: u32) -> Self {
        Self(u64::from(seconds) * 1000)
    }
}

impl Add<Millis> for Time {
    type Output = Self;

    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl Time {
    /// How long until `later`; zero when it has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Millis {
        Millis(later.0.saturating_sub(self.0))
    }
}
