//! Toeplitz strategies: the same coefficients in every column.

use serde::{Deserialize, Serialize};

use crate::event::InvalidEvent;

/// A Toeplitz matrix: entry `(t, i)` is `c_(t-i)`, 0 beyond the coefficients given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawToeplitz")]
pub struct Toeplitz {
    coefficients: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawToeplitz {
    coefficients: Vec<f64>,
}

impl Toeplitz {
    /// Coefficients `c_0, c_1, ...` from the diagonal downwards: finite, `c_0` positive, none negative, none larger than the
    /// one before.
    ///
    /// # Errors
    /// [`InvalidEvent`] for any other sequence, the empty one included.
    pub fn new(coefficients: Vec<f64>) -> Result<Self, InvalidEvent> {
        let mut before = f64::MAX;
        for (index, value) in coefficients.iter().copied().enumerate() {
            if !(value >= 0.0 && value <= before && (index > 0 || value > 0.0)) {
                let range = "finite, not negative (the first: positive), and no larger than the one before";
                return Err(InvalidEvent::Coefficient { index, value, range });
            }
            before = value;
        }
        if coefficients.is_empty() {
            return Err(InvalidEvent::StrategyLength { length: 0, rounds: 0 });
        }
        Ok(Self { coefficients })
    }

    /// `c_0, c_1, ...`
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }
}

impl TryFrom<RawToeplitz> for Toeplitz {
    type Error = InvalidEvent;

    fn try_from(raw: RawToeplitz) -> Result<Self, InvalidEvent> {
        Self::new(raw.coefficients)
    }
}

/// One exponential of a [`BufferedToeplitz`] strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buffer {
    /// `theta`, strictly between 0 and 1.
    pub decay: f64,
    /// `w`, positive.
    pub weight: f64,
}

/// A buffered linear Toeplitz matrix (Dvijotham and others 2024, 2404.16706): `c_0 = 1`,
/// `c_t = sum_j w_j theta_j^(t-1)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawBufferedToeplitz")]
pub struct BufferedToeplitz {
    buffers: Vec<Buffer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBufferedToeplitz {
    buffers: Vec<Buffer>,
}

impl BufferedToeplitz {
    /// At least one buffer, all decays strictly between 0 and 1, all weights positive, their sum at most 1: then the
    /// coefficients do not increase.
    ///
    /// # Errors
    /// [`InvalidEvent`] for any other buffers.
    pub fn new(buffers: Vec<Buffer>) -> Result<Self, InvalidEvent> {
        let mut sum = 0.0;
        for (index, Buffer { decay, weight }) in buffers.iter().copied().enumerate() {
            if !(decay > 0.0 && decay < 1.0) {
                return Err(InvalidEvent::Coefficient {
                    index,
                    value: decay,
                    range: "a decay strictly between 0 and 1",
                });
            }
            sum += weight;
            if !(weight > 0.0 && sum <= 1.0) {
                let range = "a positive weight, and all weights together at most 1";
                return Err(InvalidEvent::Coefficient { index, value: weight, range });
            }
        }
        if buffers.is_empty() {
            return Err(InvalidEvent::StrategyLength { length: 0, rounds: 0 });
        }
        Ok(Self { buffers })
    }

    /// The exponentials.
    #[must_use]
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }
}

impl TryFrom<RawBufferedToeplitz> for BufferedToeplitz {
    type Error = InvalidEvent;

    fn try_from(raw: RawBufferedToeplitz) -> Result<Self, InvalidEvent> {
        Self::new(raw.buffers)
    }
}
