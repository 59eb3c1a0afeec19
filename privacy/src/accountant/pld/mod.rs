//! Privacy loss distributions: the tightest accountant there is for composed releases.

mod allocation;
mod cells;
mod compose;
mod density;
mod laplace;
mod lattice;
mod mixture;
mod open;
mod pair;
mod releases;
mod replaced;
mod schedule;
mod tilt;
mod truncated;

pub use schedule::LossSchedule;

use super::{Accountant, Refusal, outward};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// Accountant by privacy loss distributions.
///
/// # Guarantee
/// The epsilon is an upper bound: each release is replaced by a distribution on a lattice that dominates its dominating
/// pair, in both directions; lattices are composed exactly but for errors that are bounded and counted as delta.
/// [`bounds`](Self::bounds) also gives a lower bound of the same kind, so that a reader sees the width.
///
/// # Source
/// Sommer, Meiser and Mohammadi 2019 (privacy loss distributions); Zhu, Dong and Wang 2022 (2106.08567): domination, Theorem 10
/// (composition, adaptive too) and Theorem 11 (Poisson sampling); Doroshenko et al. 2022 (2207.04380): the lattice.
#[derive(Clone, Copy, Debug, Default)]
pub struct PldAccountant;

/// Bounds of the truth from both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// No sound accountant can claim less for the dominating pairs used.
    pub lower: Epsilon,
    /// What is guaranteed.
    pub upper: Epsilon,
}

impl PldAccountant {
    /// Lower and upper bound of the epsilon that the event's dominating pairs have at `delta`.
    ///
    /// # Errors
    /// [`Refusal`] naming the event for which no dominating pair is known here.
    pub fn bounds(&self, event: &DpEvent, delta: DeltaProbability) -> Result<Bounds, Refusal> {
        let Some(schedule) = LossSchedule::of(event, delta)? else {
            return Ok(Bounds { lower: Epsilon::INFINITE, upper: Epsilon::INFINITE });
        };
        let (lower, upper) = (schedule.lower(), schedule.after(1));
        Ok(Bounds { lower: if lower < upper { lower } else { upper }, upper })
    }
}

impl Accountant for PldAccountant {
    fn name(&self) -> &'static str {
        "pld"
    }

    fn epsilon(&self, event: &DpEvent, delta: DeltaProbability) -> Result<Epsilon, Refusal> {
        Ok(LossSchedule::of(event, delta)?.map_or(Epsilon::INFINITE, |schedule| schedule.after(1)))
    }
}

/// Raises an upper bound outward; a negative one says that delta alone covers the event.
fn raised(epsilon: f64) -> Epsilon {
    outward(epsilon)
}

#[cfg(test)]
mod tests;
