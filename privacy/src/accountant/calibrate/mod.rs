//! The parameter that a budget affords: least noise, most rounds, largest sample.

mod axis;
mod search;
mod sigma;

pub use sigma::calibrate_sigma;

use std::num::NonZeroU32;

use thiserror::Error;

use super::{Accountant, Quote, RdpAccountant, Refusal, tightest};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon, NoiseMultiplier, SamplingRate},
};
use axis::{Axis, NOISE, ROUNDS, SAMPLE};
use search::search;

/// No parameter meets the target.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum CalibrationError {
    /// No theorem for the schedule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Even the largest noise that can be drawn is not enough, or nothing is asked for.
    #[error("no noise of at most 2^44 steps meets epsilon {target}")]
    Unreachable {
        /// The target.
        target: Epsilon,
    },
    /// Even the safest value of the parameter costs more than the target.
    #[error("no {parameter} meets epsilon {target}: at {safest:e}, the safest there is, epsilon is {price}")]
    OutOfReach {
        /// What was searched for.
        parameter: &'static str,
        /// The target.
        target: Epsilon,
        /// The safest value of the parameter.
        safest: f64,
        /// Price there.
        price: Epsilon,
    },
    /// Everything meets an infinite target: there is nothing to calibrate.
    #[error("an infinite epsilon is met by every {parameter}: name a finite target")]
    NothingAsked {
        /// What was searched for.
        parameter: &'static str,
    },
}

/// Orders at which it is found out where to begin a search.
const ROUGH_ORDERS: [f64; 14] = [1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 128.0, 256.0];

/// A parameter and what the schedule costs at it, priced at this very value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibrated<Parameter> {
    /// The parameter, on the private side of the exact answer.
    pub parameter: Parameter,
    /// Price at the parameter: at most the target.
    pub quote: Quote,
}

/// A target, and who prices the schedules that are tried.
///
/// # Guarantee
/// What each method returns was priced at the value returned, by the accountant chosen, and costs at most the target. The next
/// value on the other side (for noise and rate: within one part in ten thousand; for rounds: one round more) was priced
/// too and costs more, unless the value returned is the end of the parameter's range.
///
/// Nothing is assumed for that about how prices change; how near the value is to the best one rests on the price being
/// monotone in the parameter.
#[derive(Clone, Copy)]
pub struct Calibration<'a> {
    target: Epsilon,
    delta: DeltaProbability,
    accountant: Option<&'a dyn Accountant>,
}

impl<'a> Calibration<'a> {
    /// Toward `target` at `delta`, by the tightest sound accountant.
    #[must_use]
    pub fn tightest(target: Epsilon, delta: DeltaProbability) -> Self {
        Self { target, delta, accountant: None }
    }

    /// Toward `target` at `delta`, by one accountant.
    #[must_use]
    pub fn by(accountant: &'a dyn Accountant, target: Epsilon, delta: DeltaProbability) -> Self {
        Self { target, delta, accountant: Some(accountant) }
    }

    /// The least noise multiplier for which `schedule` costs at most the target.
    ///
    /// # Errors
    /// [`CalibrationError`] when the schedule is refused, or no multiplier up to 2^44 is enough.
    pub fn noise(
        &self,
        schedule: impl Fn(NoiseMultiplier) -> DpEvent,
    ) -> Result<Calibrated<NoiseMultiplier>, CalibrationError> {
        self.found(&NOISE, 1.0, |value| NoiseMultiplier::new(value).ok(), |multiplier| schedule(*multiplier))
    }

    /// The largest sampling rate for which `schedule` costs at most the target.
    ///
    /// # Errors
    /// [`CalibrationError`] when the schedule is refused, or no rate down to 2^-40 is small enough.
    pub fn rate(
        &self,
        schedule: impl Fn(SamplingRate) -> DpEvent,
    ) -> Result<Calibrated<SamplingRate>, CalibrationError> {
        self.found(&SAMPLE, 0.01, |value| SamplingRate::new(value).ok(), |rate| schedule(*rate))
    }

    /// The most repetitions of `round` that cost at most the target together.
    ///
    /// # Errors
    /// [`CalibrationError`] when the round is refused, or one round costs more.
    pub fn rounds(&self, round: &DpEvent) -> Result<Calibrated<NonZeroU32>, CalibrationError> {
        let parameter = |value: f64| NonZeroU32::new(value as u32);
        // Divergences of one round serve for any number of them.
        let start = RdpAccountant::default().curve(round).ok().map_or(Ok(1.0), |curve| {
            let epsilon = |rounds: &NonZeroU32| curve.repeated(rounds.get()).epsilon(self.delta);
            let price = |value| {
                Ok(parameter(value).map(|rounds| (value, Quote { epsilon: epsilon(&rounds), accountant: "rdp" })))
            };
            search(&ROUNDS.roughly(), 1.0, self.target, price).map(|found| found.parameter)
        });
        let price = |value| self.priced(parameter(value), |rounds| round.clone().repeated(rounds.get()));
        search(&ROUNDS, start.unwrap_or(1.0), self.target, price)
    }

    fn found<Parameter: Copy>(
        &self,
        axis: &Axis,
        start: f64,
        parameter: impl Fn(f64) -> Option<Parameter>,
        schedule: impl Fn(&Parameter) -> DpEvent,
    ) -> Result<Calibrated<Parameter>, CalibrationError> {
        // The Renyi accountant is quick at a few whole orders, and seldom far off: it says where to begin, where it has a theorem.
        let rdp = RdpAccountant::with_orders(&ROUGH_ORDERS);
        let rough = Calibration { accountant: Some(&rdp), target: self.target, delta: self.delta };
        let price = |value| Ok(rough.priced(parameter(value), &schedule)?.map(|(_, quote)| (value, quote)));
        let start = search(&axis.roughly(), start, self.target, price).map_or(start, |found| found.parameter);
        search(axis, start, self.target, |value| self.priced(parameter(value), &schedule))
    }

    fn priced<Parameter>(
        &self,
        parameter: Option<Parameter>,
        schedule: impl Fn(&Parameter) -> DpEvent,
    ) -> Result<Option<(Parameter, Quote)>, Refusal> {
        let Some(parameter) = parameter else { return Ok(None) };
        let event = schedule(&parameter);
        let quote = match self.accountant {
            None => tightest(&event, self.delta)?,
            Some(accountant) => {
                Quote { epsilon: accountant.epsilon(&event, self.delta)?, accountant: accountant.name() }
            }
        };
        Ok(Some((parameter, quote)))
    }
}

#[cfg(test)]
mod tests;
