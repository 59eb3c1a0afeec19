//! Quantities that must never be mistaken for one another. Each is validated once, also when it is deserialised.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// A number outside the range of its quantity.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("{quantity} must be {range}, not {value}")]
pub struct OutOfRange {
    /// What the number was meant to be.
    pub quantity: &'static str,
    /// The admissible range, in words.
    pub range: &'static str,
    /// The number given.
    pub value: f64,
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $quantity:literal, $range:literal, |$value:ident| $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            #[doc = concat!("Accepts ", $range, ".")]
            ///
            /// # Errors
            /// [`OutOfRange`] for every other number, NaN included.
            pub fn new($value: f64) -> Result<Self, OutOfRange> {
                if $valid {
                    Ok(Self($value))
                } else {
                    Err(OutOfRange { quantity: $quantity, range: $range, value: $value })
                }
            }

            /// The number itself.
            #[must_use]
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(quantity: $name) -> f64 {
                quantity.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

quantity! {
    /// Failure probability of an approximate guarantee. Zero and one are refused: the first is no approximate
    /// guarantee, the second is none at all.
    DeltaProbability, "delta", "strictly between 0 and 1", |value| value > 0.0 && value < 1.0
}
quantity! {
    /// Probability with which each enrolled device is included in a round, independently of all others.
    SamplingRate, "the sampling rate", "above 0 and at most 1", |value| value > 0.0 && value <= 1.0
}
quantity! {
    /// Standard deviation of the noise divided by the l2 sensitivity under the relation in force.
    NoiseMultiplier, "the noise multiplier", "a positive finite number", |value| value > 0.0 && value.is_finite()
}
quantity! {
    /// Largest l2 norm of one device's whole update, in units of the model's parameters.
    Clip, "the clip", "a positive finite number", |value| value > 0.0 && value.is_finite()
}
quantity! {
    /// A positive finite length on the grid: a standard deviation or a sensitivity, in steps.
    Scale, "a standard deviation or sensitivity", "a positive finite number", |value| value > 0.0 && value.is_finite()
}

/// Privacy loss: zero or more, and infinite when nothing is promised. Infinity is the string `"inf"` in files.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Epsilon(f64);

impl Epsilon {
    /// No loss.
    pub const ZERO: Self = Self(0.0);
    /// No promise.
    pub const INFINITE: Self = Self(f64::INFINITY);

    /// Accepts zero, positive numbers and infinity.
    ///
    /// # Errors
    /// [`OutOfRange`] for negative numbers and NaN.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        if value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(OutOfRange { quantity: "epsilon", range: "zero or more", value })
        }
    }

    /// The number itself.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether anything is promised.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Basic composition: the losses add. Rounded up, so that a sum of many never understates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(sum_up(self.0, other.0))
    }

    /// What is left of `self` after `spent`, rounded down; zero when nothing is.
    #[must_use]
    pub fn minus(self, spent: Self) -> Self {
        Self(rest_down(self.0, spent.0))
    }
}

/// The smallest float at or above `left + right`, for numbers that are not negative.
fn sum_up(left: f64, right: f64) -> f64 {
    let sum = left + right;
    // The larger is subtracted first: then both differences are exact, and so is their verdict (Dekker 1971, FastTwoSum).
    let (large, small) = if left >= right { (left, right) } else { (right, left) };
    if sum.is_infinite() || sum - large >= small { sum } else { sum.next_up() }
}

/// A float at or below `whole - part`, exact where that is a float; zero when nothing is left.
pub(crate) fn rest_down(whole: f64, part: f64) -> f64 {
    if whole.is_infinite() {
        return whole;
    }
    let mut rest = (whole - part).max(0.0);
    while rest > 0.0 && sum_up(rest, part) > whole {
        rest = rest.next_down();
    }
    rest
}

impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Epsilon {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.serialize_str("inf") }
    }
}

impl<'de> Deserialize<'de> for Epsilon {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(value) => Self::new(value).map_err(D::Error::custom),
            Written::Text(text) if text == "inf" => Ok(Self::INFINITE),
            Written::Text(text) => Err(D::Error::custom(format!("epsilon is a number or \"inf\", not {text:?}"))),
        }
    }
}
