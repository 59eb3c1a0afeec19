//! Validates a task or a scenario and says what it would promise, without running it.

use std::{convert::Infallible, path::Path};

use murmur_privacy::Provenance;
use murmur_round::{
    founding,
    guarantee::Guarantee,
    task::{Schedule, Task},
};

use crate::{
    SimError,
    population::Population,
    scenario::{Overrides, Scenario, check_pretrained, read},
};

/// What a valid file promises.
#[derive(Debug)]
pub struct Checked {
    /// `task` or `scenario`.
    pub kind: &'static str,
    /// The schedule it fixes.
    pub schedule: Schedule,
    /// What the whole schedule would promise.
    pub guarantee: Guarantee,
    /// Rounds that the task's own budget pays for.
    pub affordable: u32,
}

/// Checks a file: a scenario if it has a `task` key, a task otherwise.
///
/// A task alone names no population; unless `population` is given, the largest one that its delta allows is assumed (where
/// it promises nothing, 1,000 devices or as many more as its rounds need).
///
/// # Errors
/// [`SimError`] naming what is wrong, also when the task's budget refuses its first round.
pub fn check(reference: &str, overrides: &Overrides, population: Option<u64>) -> Result<Checked, SimError> {
    let path = Path::new(reference);
    let is_task = path.exists() && !read(path)?.parse::<toml::Table>().is_ok_and(|table| table.contains_key("task"));
    let (kind, schedule, budget) = if is_task {
        let task = Task::from_toml(&read(path)?).map_err(|cause| SimError::Task { path: path.to_owned(), cause })?;
        if overrides.data.is_some() {
            return Err(misplaced(path, "--data goes with a scenario; this is a task, which names no data"));
        }
        let devices = population.unwrap_or_else(|| match task.privacy.delta() {
            Some(delta) => most_devices(delta.get()),
            None => enough_devices(&task),
        });
        check_pretrained(&task, path, overrides.pretrained.as_deref())?;
        ("task", Schedule::new(task, devices)?, None)
    } else {
        if population.is_some() {
            return Err(misplaced(path, "--population goes with a task; this is a scenario, which has its own"));
        }
        let scenario = Scenario::load(reference, overrides)?;
        scenario.starting_point()?;
        let population = Population::of(&scenario)?;
        let budget = scenario.population.epsilon.zip(scenario.population.delta);
        ("scenario", crate::run::schedule(&scenario, &population)?, budget)
    };
    let ledger = founding::found(&schedule, None, budget, Provenance::OperatingSystem, |_| Ok::<(), Infallible>(()))?;
    let account = ledger.account(&schedule.hash())?;
    let guarantee = Guarantee::of(&schedule, account, ledger.provenance());
    let affordable = account.reservation().affordable;
    Ok(Checked { kind, schedule, guarantee, affordable })
}

/// The most devices among whom this delta lies below one over their number; one at least.
fn most_devices(delta: f64) -> u64 {
    let mut devices = (1.0 / delta).ceil() as u64;
    // At most two steps: the quotient was rounded once.
    while devices > 1 && delta >= 1.0 / devices as f64 {
        devices -= 1;
    }
    devices.max(1)
}

/// 1,000 devices, doubled until the task's rounds can open.
fn enough_devices(task: &Task) -> u64 {
    let mut sizes = (0..32).map(|doublings| 1_000_u64 << doublings);
    sizes.find(|devices| task.participation.validate_for(*devices).is_ok()).unwrap_or(1_000)
}

fn misplaced(path: &Path, message: &str) -> SimError {
    SimError::Scenario { path: path.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_devices_fit_their_delta_and_one_more_does_not() {
        for step in 1..20_000_u64 {
            for delta in [1.0 / step as f64, 1e-9 * step as f64] {
                let most = most_devices(delta);
                assert!(most == 1 || delta < 1.0 / most as f64, "{delta}: {most}");
                assert!(delta >= 1.0 / (most + 1) as f64, "{delta}: {most}");
            }
        }
    }
}
