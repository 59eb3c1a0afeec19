//! A task made concrete for a population: grid, noise, denominators and the event of a round, all fixed in advance.

use murmur_privacy::{
    Correlation, DpEvent, Encoding, Grid, Mechanism,
    accountant::calibrate_sigma,
    encoding::{EncodingError, Share},
    ledger::{Entry, Ledger, LedgerError},
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier, Scale},
};

use crate::evaluation::EvaluationTerms;

use super::{NoiseLevel, Promise, Task, TaskError, TaskHash, correlated::name_of};

/// Calibration adds at least this much noise, relative to the sensitivity: one release with less has an epsilon above a hundred.
const LEAST_MULTIPLIER: f64 = 1.0 / 16.0;

/// Everything about a task's rounds that does not change while it runs.
#[derive(Clone, Debug)]
pub struct Schedule {
    task: Task,
    hash: TaskHash,
    population: u64,
    encoding: Encoding,
    mechanism: Mechanism,
    round_event: DpEvent,
}

impl Schedule {
    /// Fixes the schedule of `task` over `population` enrolled devices.
    ///
    /// # Errors
    /// [`TaskError`] when delta is not below 1/population, the participation cannot work with so many devices, or no
    /// grid or noise level meets the task.
    pub fn new(task: Task, population: u64) -> Result<Self, TaskError> {
        if population == 0 {
            return Err(TaskError::NoDevices);
        }
        if let Some(delta) = task.privacy.delta() {
            let limit = 1.0 / population as f64;
            if delta.get() >= limit {
                return Err(TaskError::DeltaTooLarge { delta: delta.get(), population, limit });
            }
        }
        task.participation.validate_for(population)?;
        if let Some(rule) = task.turn_rule() {
            task.participation.validate_turns(&rule, population)?;
        }
        let grid = task.fit_grid()?;
        let mechanism = mechanism(&task, &grid)?;
        let cohort = task.participation.cohort_quantile(population);
        let grid = grid.with_ring_for(cohort, mechanism.spread()).map_err(EncodingError::Grid)?;
        let round_event = task.participation.cost(mechanism.event(&grid));
        let encoding = task.encoding(grid, task.privacy.clip)?;
        let hash = task.hash()?;
        Ok(Self { task, hash, population, encoding, mechanism, round_event })
    }

    /// Reserves the schedule's worst case in the population's ledger. The entry returned must be made durable and
    /// confirmed before the first round.
    ///
    /// # Errors
    /// [`LedgerError`], notably [`LedgerError::OverBudget`] naming what is needed and what is left.
    pub fn reserve(&self, ledger: &mut Ledger) -> Result<Entry, LedgerError> {
        let delta = self.task.privacy.delta().unwrap_or(ledger.opening().delta);
        let (event, limit) = (self.round_event.clone(), self.task.privacy.epsilon());
        ledger.reserve(self.hash, event, self.task.rounds, self.population, limit, delta)
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The task's hash.
    #[must_use]
    pub fn hash(&self) -> TaskHash {
        self.hash
    }

    /// Devices enrolled when the schedule was fixed.
    #[must_use]
    pub fn population(&self) -> u64 {
        self.population
    }

    /// The grid of every round.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.encoding.grid()
    }

    /// How vectors are written on the grid, for a round of this clip.
    #[must_use]
    pub fn encoding(&self, clip: Clip) -> Encoding {
        match self.task.privacy.adaptive_clip {
            Some(_) => self.encoding.clone().scaled_to(clip),
            None => self.encoding.clone(),
        }
    }

    /// The mechanism of every round.
    #[must_use]
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    /// What one round costs, or one block of rounds.
    #[must_use]
    pub fn round_event(&self) -> &DpEvent {
        &self.round_event
    }

    /// The constant by which sums are divided.
    #[must_use]
    pub fn expected_cohort(&self) -> f64 {
        self.task.participation.expected_cohort(self.population)
    }

    /// Noise multiplier as it runs: sigma over the integer bound. `None` without noise.
    #[must_use]
    pub fn noise_multiplier(&self) -> Option<NoiseMultiplier> {
        self.mechanism.multiplier(&self.grid()).ok().flatten()
    }

    /// What all rounds of an evaluation have in common; none where the task trains.
    #[must_use]
    pub fn evaluation_terms(&self) -> Option<EvaluationTerms> {
        let (_, loss_bound) = self.task.evaluation()?;
        let bound = *self.encoding.measure_bounds().first()? as f64;
        let noise = match &self.mechanism {
            Mechanism::Gaussian { sigma } => Some(*sigma as f64 / bound),
            Mechanism::None => Some(0.0),
            // What it is in one round differs from round to round, and rounds share it.
            Mechanism::Correlated { .. } => None,
        };
        Some(EvaluationTerms { loss_bound, noise, private: self.task.privacy.delta().is_some() })
    }

    /// The budget a population is opened with when nobody names another: exactly what this task asks for, so that no
    /// later task can spend more than was ever written down.
    ///
    /// Without privacy the budget is infinite; its delta then means nothing and is one over the population.
    ///
    /// # Errors
    /// Never for a valid schedule of more than one device; [`TaskError::NoDevices`] otherwise.
    pub fn least_budget(&self) -> Result<(Epsilon, DeltaProbability), TaskError> {
        let delta = match self.task.privacy.delta() {
            Some(delta) => delta,
            None => DeltaProbability::new(1.0 / (self.population as f64 + 1.0)).map_err(|_| TaskError::NoDevices)?,
        };
        Ok((self.task.privacy.epsilon(), delta))
    }
}

impl Task {
    pub(super) fn shares(&self) -> Vec<Share> {
        self.privacy.measures().into_iter().map(|(_, share)| share).collect()
    }

    /// How a round's vectors are written on `grid`: what a device computes for itself from the task and its assignment.
    ///
    /// # Errors
    /// [`TaskError::Encoding`] when the grid is not for this task's measures.
    pub fn encoding(&self, grid: Grid, clip: Clip) -> Result<Encoding, TaskError> {
        if let Some((plan, _)) = self.evaluation() {
            return Ok(Encoding::of_measures(grid, plan.measure_count())?);
        }
        let encoding = Encoding::new(grid, &self.shares())?;
        Ok(if self.privacy.adaptive_clip.is_some() { encoding.scaled_to(clip) } else { encoding })
    }
}

fn mechanism(task: &Task, grid: &Grid) -> Result<Mechanism, TaskError> {
    let Promise::Gaussian { epsilon, delta, noise, shape } = task.privacy.promise else {
        return Ok(Mechanism::None);
    };
    let correlation = match (shape, task.participation.limits()) {
        (Some(shape), Some(limits)) => Some(shape.best(task.rounds, limits)?),
        (Some(shape), None) => return Err(TaskError::CorrelationWithoutLimits { mechanism: name_of(Some(shape)) }),
        (None, _) => None,
    };
    let sigma = match (noise, &correlation) {
        (NoiseLevel::Multiplier(multiplier), None) => return Ok(Mechanism::gaussian(grid, multiplier)?),
        (NoiseLevel::Multiplier(multiplier), Some(correlation)) => {
            return Ok(Mechanism::correlated(grid, correlation.clone(), multiplier)?);
        }
        (NoiseLevel::Calibrate, _) => {
            let sensitivity = correlation.as_ref().map_or(grid.bound() as f64, |found| found.sensitivity(grid));
            let schedule = |sigma: u64| {
                // Not worth pricing: taken to promise nothing, which errs on the safe side.
                let event = if (sigma as f64) < LEAST_MULTIPLIER * sensitivity {
                    DpEvent::NonPrivate
                } else {
                    event_at(sigma, correlation.as_ref(), grid)
                };
                let round = task.participation.cost(event);
                round.repeated(task.rounds / task.block_rounds())
            };
            calibrate_sigma(epsilon, delta, schedule)?
        }
    };
    Ok(match correlation {
        Some(correlation) => Mechanism::with_sigma(correlation, sigma)?,
        None => Mechanism::Gaussian { sigma },
    })
}

/// What a mechanism with this much noise would cost. Of correlated noise more is priced than can be drawn, so that cost falls with noise
/// as far as a search may look; what cannot be drawn is refused afterwards.
fn event_at(sigma: u64, correlation: Option<&Correlation>, grid: &Grid) -> DpEvent {
    match (correlation, Scale::new(sigma as f64)) {
        (Some(correlation), Ok(sigma)) => correlation.event(sigma, grid),
        _ => Mechanism::Gaussian { sigma }.event(grid),
    }
}
