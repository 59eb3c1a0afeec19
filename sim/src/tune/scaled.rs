//! What is simulated for what is deployed: the same task, or one of fewer devices with the noise scaled to them.

use std::convert::Infallible;

use murmur_privacy::{
    Provenance,
    units::{Epsilon, NoiseMultiplier},
};
use murmur_round::{
    founding,
    guarantee::Guarantee,
    participation::Participation,
    task::{NoiseLevel, Promise, Schedule, Task},
};

use super::plan::Target;
use crate::SimError;

/// A budget that no simulation reaches, where there is to be none; it is nobody's promise.
pub(super) const UNREACHED: f64 = 1e12;

/// A deployed task, and the one that stands for it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) deployed: Task,
    /// What the deployed task would promise.
    pub(super) guarantee: Guarantee,
    pub(super) simulated: Task,
    /// Devices that are simulated.
    pub(super) devices: u64,
}

impl Pair {
    /// Prices `task` for `deployed` devices and makes the task that stands for it with `simulated` devices.
    ///
    /// The noise on the average, `multiplier * clip / cohort`, is the same for both: the multiplier shrinks as the cohort does, so that a
    /// coordinate's signal-to-noise ratio is held. What is not held is how far cohorts of devices differ from one another: a smaller one
    /// strays more, so accuracy is understated rather than overstated. What the scaled task would cost by itself is
    /// no promise to anybody, and much more than what the deployed one costs.
    pub(super) fn of(mut task: Task, target: Target, deployed: u64, simulated: u64) -> Result<Self, SimError> {
        if matches!(target, Target::Multiplier(_)) {
            price(&mut task, deployed)?;
        }
        let schedule = Schedule::new(task.clone(), deployed)?;
        let guarantee = promised(&schedule)?;
        if simulated == deployed {
            return Ok(Self { simulated: task.clone(), deployed: task, guarantee, devices: deployed });
        }
        let mut small = task.clone();
        let share = simulated as f64 / deployed as f64;
        let fewer = |count: &mut u32, least: f64| *count = (f64::from(*count) * share).round().max(least) as u32;
        match &mut small.participation {
            Participation::Fixed { cohort, minimum_reports, .. }
            | Participation::CheckIn { cohort, minimum_reports, .. } => {
                fewer(cohort, 1.0);
                fewer(minimum_reports, 0.0);
            }
            Participation::Poisson { minimum_reports, .. } | Participation::Allocation { minimum_reports, .. } => {
                *minimum_reports = (f64::from(*minimum_reports) * share).floor() as u32;
            }
        }
        let (large, few) = (schedule.expected_cohort(), small.participation.expected_cohort(simulated));
        if let (Promise::Gaussian { epsilon, noise, .. }, Some(multiplier)) =
            (&mut small.privacy.promise, schedule.noise_multiplier())
        {
            let out_of_range = |error: murmur_privacy::units::OutOfRange| SimError::Population(error.to_string());
            *noise =
                NoiseLevel::Multiplier(NoiseMultiplier::new(multiplier.get() * few / large).map_err(out_of_range)?);
            *epsilon = Epsilon::new(UNREACHED).map_err(out_of_range)?;
        }
        Ok(Self { deployed: task, guarantee, simulated: small, devices: simulated })
    }
}

/// Gives a task whose noise is given the budget that its whole schedule costs, four digits rounded up.
fn price(task: &mut Task, devices: u64) -> Result<(), SimError> {
    let cost = promised(&Schedule::new(task.clone(), devices)?)?.epsilon.get();
    let unit = 10.0_f64.powi(cost.log10().floor() as i32 - 3);
    if let Promise::Gaussian { epsilon, .. } = &mut task.privacy.promise {
        let rounded = Epsilon::new((cost / unit).ceil() * unit);
        *epsilon = rounded.map_err(|error| SimError::Population(error.to_string()))?;
    }
    Ok(())
}

/// What a whole schedule would promise.
fn promised(schedule: &Schedule) -> Result<Guarantee, SimError> {
    let ledger = founding::found(schedule, None, None, Provenance::OperatingSystem, |_| Ok::<(), Infallible>(()))?;
    let account = ledger.account(&schedule.hash())?;
    Ok(Guarantee::of(schedule, account, ledger.provenance()))
}
