//! Why a local randomiser cannot be made.

use thiserror::Error;

use crate::{
    accountant::{CalibrationError, Refusal},
    grid::GridError,
    mechanism::SigmaOutOfRange,
    units::{Epsilon, OutOfRange},
};

/// Parameters with which nothing can be promised, or nothing can be drawn.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LocalError {
    /// No randomiser is fitted to this epsilon.
    #[error("a local epsilon must be finite and at least {least:e}, not {epsilon}")]
    Epsilon {
        /// The epsilon asked for.
        epsilon: Epsilon,
        /// The smallest for which parameters are found.
        least: f64,
    },
    /// A direction needs a plane at least, and a length that can be computed with.
    #[error("a direction has 2 to 2^32 coordinates, not {dimension}")]
    Dimension {
        /// Number of coordinates.
        dimension: usize,
    },
    /// A cap that is not more likely than it is under the uniform law: the answer would say nothing, or the opposite.
    #[error(
        "the cap's probability {p} must be above its share under the uniform law, {share:e}, at least 1/1024, and below 1"
    )]
    Pole {
        /// Probability of the cap.
        p: f64,
        /// Its share under the uniform law.
        share: f64,
    },
    /// Levels that cannot be told apart.
    #[error(
        "a magnitude has 1 to 2^32 levels above zero, not {levels}; at epsilon {epsilon} more of them would say nothing"
    )]
    Levels {
        /// Levels above zero.
        levels: u64,
        /// The epsilon asked for.
        epsilon: Epsilon,
    },
    /// A projection to more numbers than there are, to fewer than a direction has, or one that is too large to be held.
    #[error("a projection of {dimension} coordinates sends 2 to {most} numbers, not {sent}")]
    Projection {
        /// Coordinates of an update.
        dimension: usize,
        /// Numbers to be sent.
        sent: usize,
        /// The most that this projection sends.
        most: usize,
    },
    /// A projection and a randomiser that do not belong together.
    #[error("what is projected has {projected} coordinates, and the randomiser takes directions of {randomised}")]
    Mismatch {
        /// Coordinates after the projection.
        projected: usize,
        /// Coordinates that are randomised.
        randomised: usize,
    },
    /// What would be sent does not fit the update's number format.
    #[error("a randomised update of norm up to {bound:e} does not fit 32-bit floats: choose another clip or epsilon")]
    OutputRange {
        /// Largest norm of what is sent.
        bound: f64,
    },
    /// Noise that does not keep the promise made with it.
    #[error(
        "noise of standard deviation {sigma} is claimed to cost epsilon {claimed}, but costs {price}: the sensitivity of a replaced \
         update is twice the clip, and sqrt(2 ln(1.25/delta))/epsilon holds below epsilon 1 only"
    )]
    Understated {
        /// The standard deviation, in units of the model's parameters.
        sigma: f64,
        /// The claim.
        claimed: Epsilon,
        /// Its price by the exact accountant.
        price: Epsilon,
    },
    /// A number outside the range of its quantity.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// No grid for the noise.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// No noise meets the target.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A noise level that cannot be drawn.
    #[error(transparent)]
    Sigma(#[from] SigmaOutOfRange),
    /// The accountant has no theorem.
    #[error(transparent)]
    Refused(#[from] Refusal),
}
