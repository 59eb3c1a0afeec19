//! The parameters that can be searched for, each as positions on a line.

use crate::mechanism::SIGMA_LIMIT;

/// One parameter: its range, and on which side of it privacy lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// In words, for errors.
    pub(super) name: &'static str,
    /// Smallest value tried.
    pub(super) least: f64,
    /// Largest value tried.
    pub(super) most: f64,
    /// Whether larger values cost less.
    pub(super) larger_is_safer: bool,
    /// How near two values must be, relative to each other, to count as neighbours; `None`: they are whole numbers.
    pub(super) width: Option<f64>,
    /// About how many times as fast as the price the parameter changes, both as logarithms; only speed depends on it.
    pub(super) slope: f64,
}

/// Least noise.
pub(super) const NOISE: Axis = Axis {
    name: "noise multiplier",
    least: 1.0 / (1_u64 << 20) as f64,
    most: SIGMA_LIMIT as f64,
    larger_is_safer: true,
    width: Some(1e-4),
    slope: 1.0,
};

/// Least noise in whole steps of a grid.
pub(super) const STEPS: Axis = Axis {
    name: "noise in steps",
    least: 1.0,
    most: SIGMA_LIMIT as f64,
    larger_is_safer: true,
    width: None,
    slope: 1.0,
};

/// Largest sample.
pub(super) const SAMPLE: Axis = Axis {
    name: "sampling rate",
    least: 1.0 / (1_u64 << 40) as f64,
    most: 1.0,
    larger_is_safer: false,
    width: Some(1e-4),
    slope: 1.0,
};

/// Most rounds.
pub(super) const ROUNDS: Axis = Axis {
    name: "number of rounds",
    least: 1.0,
    most: u32::MAX as f64,
    larger_is_safer: false,
    width: None,
    slope: 2.0,
};

impl Axis {
    /// The same line, searched only roughly.
    pub(super) fn roughly(self) -> Self {
        Self { width: Some(0.01), ..self }
    }

    /// The end where nothing costs less.
    pub(super) fn safe_end(&self) -> f64 {
        if self.larger_is_safer { self.most } else { self.least }
    }

    /// The end where nothing costs more.
    pub(super) fn dear_end(&self) -> f64 {
        if self.larger_is_safer { self.least } else { self.most }
    }

    /// A value on this line, `value` if it is one; whole numbers are rounded to the private side or away from it.
    pub(super) fn snapped(&self, value: f64, safer: bool) -> f64 {
        let value = match self.width {
            Some(_) => value,
            None if safer == self.larger_is_safer => value.ceil(),
            None => value.floor(),
        };
        value.clamp(self.least, self.most)
    }

    /// `value` moved by this factor (above 1) to the private side or away from it.
    pub(super) fn moved(&self, value: f64, factor: f64, safer: bool) -> f64 {
        let up = safer == self.larger_is_safer;
        let whole = if self.width.is_none() { 1.0 } else { 0.0 };
        let moved = if up { (value * factor).max(value + whole) } else { (value / factor).min(value - whole) };
        self.snapped(moved, safer)
    }

    /// Whether nothing worth trying lies between the two.
    pub(super) fn neighbours(&self, left: f64, right: f64) -> bool {
        match self.width {
            Some(width) => left.max(right) <= left.min(right) * (1.0 + width),
            None => (left - right).abs() <= 1.0,
        }
    }
}
