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
    scenario::{Overrides, Scenario, read},
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
/// A task alone names no population; unless `population` is given, the largest one that its delta allows is assumed
/// (1,000 devices where it promises nothing).
///
/// # Errors
/// [`SimError`] naming what is wrong, also when the task's budget refuses its first round.
pub fn check(reference: &str, overrides: &Overrides, population: Option<u64>) -> Result<Checked, SimError> {
    let path = Path::new(reference);
    let is_task = path.exists() && !read(path)?.parse::<toml::Table>().is_ok_and(|table| table.contains_key("task"));
    let (kind, schedule, budget) = if is_task {
        let task = Task::from_toml(&read(path)?).map_err(|source| SimError::Task { path: path.to_owned(), source })?;
        let assumed = task.privacy.delta().map_or(1_000, |delta| (1.0 / delta.get()).ceil() as u64 - 1);
        ("task", Schedule::new(task, population.unwrap_or(assumed).max(1))?, None)
    } else {
        let scenario = Scenario::load(reference, overrides)?;
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
