//! Everybody but one trains, and that one makes the model personal; once for each user and seed.

use std::num::NonZeroUsize;

use murmur_round::{checkpoint::read_model, coordinator::Outcome};

use super::{adapt::Adaptation, findings::Trial, nobody};
use crate::{
    SimError,
    population::{Own, Population},
    run::{Course, Options, Silent, run_along},
    scenario::Scenario,
};

/// A trial for each seed, with a row for each user of the scenario who is not held out anyway.
pub(super) fn trials(
    scenario: &Scenario,
    adaptation: &Adaptation,
    seeds: &[u64],
    threads: NonZeroUsize,
) -> Result<Vec<Trial>, SimError> {
    let population = Population::of(scenario)?;
    // People who are drawn are as alike as one wishes: whoever is left out is like those of another seed.
    if population.is_drawn() {
        return Err(nobody());
    }
    let everybody = population.own()?;
    let users: Vec<_> = everybody.into_iter().filter(|own| !own.held_out).map(|own| own.user).collect();
    if users.is_empty() {
        return Err(nobody());
    }
    let trial = |seed: &u64| Trial { name: format!("seed {seed}"), guarantee: None, rows: Vec::new() };
    let mut trials: Vec<Trial> = seeds.iter().map(trial).collect();
    for user in users {
        let mut without = scenario.clone();
        without.population.held_out.push(user.clone());
        // Nobody's examples are drawn from the seed where devices are users of the data.
        let population = Population::of(&without)?;
        let own: Vec<Own> = population.own()?.into_iter().filter(|own| own.user == user).collect();
        for (seed, trial) in seeds.iter().zip(&mut trials) {
            without.seed = *seed;
            let options = Options { threads, stop_after: None, accelerator: None };
            let finished = run_along(&without, &population, &options, &mut Silent, Course::default())?;
            if finished.outcome != Outcome::Completed {
                let what =
                    "the budget ends before the task's rounds: `murmur-sim check` says after how many".to_owned();
                return Err(SimError::Personal { what });
            }
            let model = finished.averaged.as_ref().unwrap_or(&finished.model);
            let shared = read_model(model, adaptation.model.layout());
            let shared = shared.map_err(|cause| SimError::Model { path: "the run's model".into(), cause })?;
            trial.rows.extend(adaptation.rows(&shared, &own, *seed, threads)?);
            trial.guarantee = Some(finished.guarantee);
        }
    }
    Ok(trials)
}
