//! A noise level that cannot be drawn.

use thiserror::Error;

/// A scale outside the range of a sampler.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no {law} of scale {scale} steps can be drawn: choose a scale of 1 to {limit}")]
pub struct ScaleOutOfRange {
    /// Which law.
    pub law: &'static str,
    /// The scale asked for, in steps.
    pub scale: u64,
    /// The largest that can be drawn.
    pub limit: u64,
}

impl ScaleOutOfRange {
    pub(super) fn check(law: &'static str, scale: u64, limit: u64) -> Result<(), Self> {
        if (1..=limit).contains(&scale) { Ok(()) } else { Err(Self { law, scale, limit }) }
    }
}
