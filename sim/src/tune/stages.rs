//! Which trials come when: each stage follows from the results of those before it.

use std::collections::HashMap;

use super::{
    Plan, TuneError, Watcher,
    bayesian::{self, Tried},
    file::Method,
    frontier::{Candidate, FrontierPoint, spread},
    plan::Target,
    scaled::Pair,
    space::Settings,
    trial::{About, Found, Trial},
};
use crate::{SimError, population::Population};

/// What is to be done next.
pub(super) enum Step {
    /// These.
    Run(Vec<Trial>),
    /// Nothing.
    Done(Vec<Candidate>, Vec<Found>),
}

/// Where a search stands.
pub(super) struct Stages<'a> {
    plan: &'a Plan,
    /// Devices of the deployed population.
    devices: u64,
    /// Devices that are simulated for them.
    simulated: u64,
    settings: Vec<Settings>,
    levels: Vec<Level>,
    /// Rungs that were climbed, of `rungs`; one more once the best ones were repeated.
    climbed: u32,
    rungs: u32,
    trials: Vec<Found>,
    /// Work behind, and the number of the trials that it was.
    behind: u64,
    current: u64,
}

/// A noise level: which settings are still in the running, best first once something is known of them.
struct Level {
    target: Target,
    running: Vec<usize>,
    /// Why settings were given up.
    why: String,
    repeated: Vec<Found>,
    /// Everything that was tried so far, and what it came to.
    tried: Tried,
}

impl<'a> Stages<'a> {
    pub(super) fn new(plan: &'a Plan) -> Result<Self, TuneError> {
        let devices = match plan.scenario.population.devices {
            Some(devices) => devices,
            None => Population::of(&plan.scenario)?.devices(),
        };
        let (deployed, simulated) = plan.simulate.map_or((devices, devices), |simulate| simulate.counts(devices));
        if simulated > deployed {
            let message = format!(
                "simulate.deployed is {deployed}, and the data hold {simulated} users: fewer stand for more, not the other way round"
            );
            return Err(TuneError::File { path: "[simulate]".into(), message });
        }
        Self::over(plan, deployed, simulated)
    }

    /// Of a deployed population of so many devices, for which so many are simulated.
    pub(super) fn over(plan: &'a Plan, devices: u64, simulated: u64) -> Result<Self, TuneError> {
        let settings = plan.settings()?;
        let running: Vec<usize> = (0..settings.len()).collect();
        let level = |target| Level {
            target,
            running: running.clone(),
            why: String::new(),
            repeated: Vec::new(),
            tried: Vec::new(),
        };
        let levels = plan.targets().into_iter().map(level).collect();
        // On the last rung, with all rounds, there is still something to choose between.
        let rungs = match (plan.search.kind, plan.search.reduction, plan.search.batch) {
            (Method::Halving, Some(reduction), _) => (settings.len().max(1) as u32).ilog(reduction.max(2)).max(1),
            (Method::Bayesian, _, Some(batch)) => plan.search.settings.unwrap_or(1).div_ceil(batch.max(1)),
            _ => 1,
        };
        Ok(Self {
            plan,
            devices,
            simulated,
            settings,
            levels,
            climbed: 0,
            rungs,
            trials: Vec::new(),
            behind: 0,
            current: 0,
        })
    }

    /// Settings in the running on a rung, of each level.
    fn on_rung(&self, rung: u32) -> usize {
        if let Some(batch) = self.plan.search.batch {
            let settings = self.plan.search.settings.unwrap_or_default();
            return settings.saturating_sub(rung.saturating_mul(batch)).min(batch) as usize;
        }
        let factor = self.plan.search.reduction.unwrap_or(1).max(1) as usize;
        self.settings.len().div_ceil(factor.saturating_pow(rung))
    }

    /// Trials of the whole search, where none is refused.
    pub(super) fn all(&self) -> usize {
        let searched: usize = (0..self.rungs).map(|rung| self.on_rung(rung)).sum();
        self.levels.len() * (searched + self.plan.search.repeats as usize)
    }

    /// Trials that are over.
    pub(super) fn finished(&self) -> usize {
        self.trials.len()
    }

    pub(super) fn next(&mut self) -> Result<Step, TuneError> {
        if self.climbed > self.rungs {
            return Ok(Step::Done(self.candidates()?, std::mem::take(&mut self.trials)));
        }
        self.choose()?;
        let bayesian = self.plan.search.kind == Method::Bayesian;
        let seed = self.plan.scenario.seed;
        let mut trials = Vec::new();
        for level in &mut self.levels {
            let last = self.climbed == self.rungs;
            let seeds = if last { 1..=u64::from(self.plan.search.repeats) } else { 0..=0 };
            let above = self.rungs.saturating_sub(self.climbed + 1);
            let factor = self.plan.search.reduction.unwrap_or(1).max(1).saturating_pow(above);
            let wanted = if last { 1 } else { level.running.len() };
            let mut kept = Vec::new();
            for index in level.running.iter().copied() {
                if kept.len() == wanted {
                    break;
                }
                let made = pair(self.plan, &self.settings[index], level.target, self.devices, self.simulated);
                let pair = match made {
                    Ok(pair) => pair,
                    Err(why) => {
                        level.why = format!("{}: {why}", self.settings[index]);
                        if bayesian {
                            level.tried.push((self.settings[index].clone(), None));
                        }
                        continue;
                    }
                };
                kept.push(index);
                for more in seeds.clone() {
                    let about = About {
                        stage: if last { "repeat" } else { "search" }.to_owned(),
                        target: level.target.to_string(),
                        settings: self.settings[index].clone(),
                        seed: seed.wrapping_add(more),
                        task: pair.deployed.hash().map_err(SimError::from)?.to_string(),
                        epsilon: pair.guarantee.epsilon.get(),
                        scaled: pair.devices != self.devices,
                    };
                    let mut scenario = self.plan.scenario.clone();
                    scenario.seed = about.seed;
                    scenario.task = pair.simulated.clone();
                    scenario.population.devices = scenario.population.devices.map(|_| pair.devices);
                    // What the population may spend is for the coordinator to keep, over all its tasks.
                    (scenario.population.epsilon, scenario.population.delta) = (None, None);
                    let stop = scenario.task.rounds.div_ceil(factor);
                    trials.push(Trial::new(scenario, Some(stop), about)?);
                }
            }
            // A batch may find nothing that was not tried.
            let goes_on = bayesian && !last && level.tried.iter().any(|(_, accuracy)| accuracy.is_some());
            if kept.is_empty() && !goes_on {
                let (target, why) = (level.target.to_string(), level.why.clone());
                return Err(TuneError::NothingRan { target, why });
            }
            level.running = kept;
        }
        self.current = trials.iter().map(Trial::work).sum();
        Ok(Step::Run(trials))
    }

    /// Before a batch: what each noise level is to try, by what it tried.
    fn choose(&mut self) -> Result<(), TuneError> {
        if self.plan.search.kind != Method::Bayesian || self.climbed == self.rungs {
            return Ok(());
        }
        let (dimensions, seed, count) =
            (self.plan.space.dimensions(), self.plan.scenario.seed, self.on_rung(self.climbed));
        for level in &mut self.levels {
            let chosen = bayesian::ask(&dimensions, seed, &level.target.to_string(), &level.tried, count);
            let chosen = chosen.map_err(|message| TuneError::File { path: "[space]".into(), message })?;
            level.running.clear();
            for settings in chosen {
                let known = self.settings.iter().position(|known| *known == settings);
                level.running.push(known.unwrap_or(self.settings.len()));
                if known.is_none() {
                    self.settings.push(settings);
                }
            }
        }
        Ok(())
    }

    /// Tells how much work there is: what lies ahead is estimated by what is at hand.
    pub(super) fn announce(&self, watcher: &dyn Watcher) {
        let factor = f64::from(self.plan.search.reduction.unwrap_or(1).max(1));
        let levels = self.levels.len() as f64;
        let mut ahead = 0.0;
        if self.climbed < self.rungs {
            let count = levels * self.on_rung(self.climbed) as f64;
            let rung =
                |rung: u32| levels * self.on_rung(rung) as f64 / count * factor.powi((rung - self.climbed) as i32);
            ahead += (self.climbed + 1..self.rungs).map(rung).sum::<f64>();
            let whole = factor.powi((self.rungs - 1 - self.climbed) as i32);
            ahead += levels * f64::from(self.plan.search.repeats) / count * whole;
        }
        let ahead = (ahead * self.current as f64) as u64;
        watcher.planned(self.behind, self.behind + self.current + ahead);
    }

    /// Takes the results of a stage, and leaves the better settings in the running.
    pub(super) fn take(&mut self, trials: &[Trial], found: &HashMap<String, Found>) {
        self.behind += self.current;
        let last = self.climbed == self.rungs;
        self.climbed += 1;
        // After the last rung all of them stay, best first: should the best one not be had, the next is.
        let bayesian = self.plan.search.kind == Method::Bayesian;
        let keep = if bayesian { usize::MAX } else { self.on_rung(self.climbed.min(self.rungs - 1)) };
        let ordered: Vec<&Found> = trials.iter().filter_map(|trial| found.get(&trial.id)).collect();
        for level in &mut self.levels {
            let target = level.target.to_string();
            let of_level = ordered.iter().filter(|found| found.about.target == target);
            if last {
                level.repeated = of_level.copied().cloned().collect();
                continue;
            }
            if !bayesian {
                level.tried.clear();
            }
            for found in of_level {
                if found.accuracy.is_none() {
                    level.why = found.refused.clone().unwrap_or_default();
                }
                level.tried.push((found.about.settings.clone(), found.accuracy));
            }
            let place = |settings: &Settings| self.settings.iter().position(|known| known == settings);
            let ran = level.tried.iter().filter_map(|(settings, accuracy)| Some((place(settings)?, (*accuracy)?)));
            let mut best: Vec<(usize, f64)> = ran.collect();
            // The same accuracy: the settings that were named first.
            best.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            best.truncate(keep);
            level.running = best.into_iter().map(|(index, _)| index).collect();
        }
        self.trials.extend(ordered.into_iter().cloned());
    }

    fn candidates(&self) -> Result<Vec<Candidate>, TuneError> {
        let mut candidates = Vec::new();
        for level in &self.levels {
            let nothing = |why: &str| TuneError::NothingRan { target: level.target.to_string(), why: why.to_owned() };
            let settings =
                level.running.first().map(|index| &self.settings[*index]).ok_or_else(|| nothing(&level.why))?;
            let pair =
                pair(self.plan, settings, level.target, self.devices, self.simulated).map_err(|why| nothing(&why))?;
            let accuracies: Vec<f64> = level.repeated.iter().filter_map(|found| found.accuracy).collect();
            let first = level.repeated.first().ok_or_else(|| nothing("no run"))?;
            if accuracies.len() < level.repeated.len() {
                return Err(nothing(first.refused.as_deref().unwrap_or("a run with another seed was refused")));
            }
            let (accuracy, accuracy_low, accuracy_high) = spread(&accuracies);
            let promise = &pair.guarantee;
            let point = FrontierPoint {
                epsilon: promise.budget.get(),
                delta: promise.delta.map_or(0.0, murmur_privacy::units::DeltaProbability::get),
                accuracy,
                accuracy_low,
                accuracy_high,
                trial: first.trial.clone(),
                runs: level.repeated.iter().map(|found| found.trial.clone()).collect(),
                examples: first.examples,
                task: first.about.task.clone(),
                noise_multiplier: promise.noise_multiplier.map_or(0.0, murmur_privacy::units::NoiseMultiplier::get),
                scaled: first.about.scaled,
                simulated_devices: pair.devices,
                deployed_devices: self.devices,
                settings: settings.clone(),
            };
            candidates.push(Candidate {
                point,
                task: pair.deployed,
                guarantee: pair.guarantee,
                runs: level.repeated.clone(),
            });
        }
        candidates.sort_by(|left, right| left.point.epsilon.total_cmp(&right.point.epsilon));
        Ok(candidates)
    }
}

/// The deployed task of some settings for so many devices, and what is simulated for it by so many.
fn pair(plan: &Plan, settings: &Settings, target: Target, devices: u64, simulated: u64) -> Result<Pair, String> {
    let task = plan.task(settings, target, devices)?;
    Pair::of(task, target, devices, simulated).map_err(|error| error.to_string())
}
