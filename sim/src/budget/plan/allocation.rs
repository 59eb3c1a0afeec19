//! The same cohort by random allocation: each device in a fixed number of secret rounds.

use std::num::NonZeroU32;

use murmur_privacy::{
    DpEvent,
    accountant::CalibrationError,
    event::Allocation,
    units::{Epsilon, NoiseMultiplier, SamplingRate},
};
use serde::Serialize;

use super::super::{BudgetError, PlanArguments, release};

/// What random allocation needs at about the same cohort.
#[derive(Debug, Serialize)]
pub(super) struct Allocated {
    /// Secret rounds of each device.
    pub(super) selected: NonZeroU32,
    /// Devices that are expected in a round.
    pub(super) cohort: f64,
    pub(super) noise_multiplier: NoiseMultiplier,
    pub(super) noise_over_clip: f64,
    pub(super) epsilon: Epsilon,
    pub(super) accountant: &'static str,
    pub(super) sampling: String,
}

impl Allocated {
    /// Nothing where the accountant chosen has no theorem for it.
    pub(super) fn of(arguments: &PlanArguments, rate: SamplingRate) -> Result<Option<Self>, BudgetError> {
        let PlanArguments { population, epsilon, delta, rounds, accountant, .. } = *arguments;
        let total = f64::from(rounds.get());
        let Some(selected) = NonZeroU32::new((rate.get() * total).round() as u32) else { return Ok(None) };
        let block = |multiplier| match release(multiplier).map(|release| Allocation::new(rounds, selected, release)) {
            Ok(Ok(block)) => DpEvent::Allocation(block),
            // Neither a multiplier nor a block: promises nothing.
            _ => DpEvent::NonPrivate,
        };
        let found = match accountant.calibrate(epsilon, delta, |calibration| calibration.noise(block)) {
            Ok(found) => found,
            Err(CalibrationError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let cohort = population.get() as f64 * f64::from(selected.get()) / total;
        Ok(Some(Self {
            selected,
            cohort,
            noise_multiplier: found.parameter,
            noise_over_clip: found.parameter.get() / cohort,
            epsilon: found.quote.epsilon,
            accountant: found.quote.accountant,
            sampling: format!(
                "random allocation: the coordinator assigns each enrolled device {selected} secret rounds out of {rounds} before the first"
            ),
        }))
    }
}
