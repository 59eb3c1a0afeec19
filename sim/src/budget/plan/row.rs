//! One size of cohort.

use std::num::NonZeroU64;

use murmur_privacy::{
    DpEvent, Grid,
    accountant::PldAccountant,
    units::{Clip, NoiseMultiplier, SamplingRate},
    update::Upload,
};
use murmur_round::participation::Participation;
use serde::Serialize;

use super::{
    super::{BudgetError, Claim, PlanArguments, round},
    allocation::Allocated,
};

/// Bytes of a parameter of the model, as it is sent to devices.
const MODEL_BYTES: u64 = 4;
/// Bytes of a coordinate of an upload at most: the ring has 64 bits at most.
const LARGEST_COORDINATE: u64 = 8;

/// What a cohort of this expected size needs and costs.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Devices that are expected in a round; the constant by which sums are divided.
    pub(super) cohort: u64,
    pub(super) sampling_rate: SamplingRate,
    pub(super) noise_multiplier: NoiseMultiplier,
    /// Standard deviation of the noise on each coordinate of the average, over the clip: noise multiplier over cohort.
    pub(super) noise_over_clip: f64,
    /// The same in units of the model's parameters, where the clip is known.
    pub(super) noise: Option<f64>,
    /// How often any device is expected to take part, over all rounds.
    pub(super) participations: f64,
    pub(super) traffic: Traffic,
    pub(super) allocation: Option<Allocated>,
    #[serde(flatten)]
    pub(super) claim: Claim,
}

/// Bytes of models and uploads over all rounds, without headers; for each parameter where their number is not known.
#[derive(Debug, Serialize)]
pub(super) struct Traffic {
    pub(super) per_parameter: bool,
    pub(super) down: f64,
    /// An upper bound: by the widest ring where the number of parameters is not known, by the largest bound on the norm where the clip is not.
    pub(super) up_at_most: f64,
}

impl Row {
    pub(super) fn of(arguments: &PlanArguments, cohort: u64) -> Result<Self, BudgetError> {
        let PlanArguments { population, epsilon, delta, rounds, clip, accountant, .. } = *arguments;
        let rate = SamplingRate::new(cohort as f64 / population.get() as f64)?;
        let schedule = |multiplier| match round(multiplier, rate) {
            Ok(round) => round.repeated(rounds.get()),
            // Not a multiplier of anything: promises nothing.
            Err(_) => DpEvent::NonPrivate,
        };
        let found = accountant.calibrate(epsilon, delta, |calibration| calibration.noise(schedule))?;
        let multiplier = found.parameter;
        let lower = PldAccountant.bounds(&schedule(multiplier), delta).ok().map(|bounds| bounds.lower);
        let noise_over_clip = multiplier.get() / cohort as f64;
        Ok(Self {
            cohort,
            sampling_rate: rate,
            noise_multiplier: multiplier,
            noise_over_clip,
            noise: clip.map(|clip| clip.get() * noise_over_clip),
            participations: cohort as f64 * f64::from(rounds.get()),
            traffic: traffic(arguments, rate, multiplier, cohort)?,
            allocation: Allocated::of(arguments, rate)?,
            claim: Claim::new(accountant, found.quote, lower, delta, rate),
        })
    }
}

fn traffic(
    arguments: &PlanArguments,
    rate: SamplingRate,
    multiplier: NoiseMultiplier,
    cohort: u64,
) -> Result<Traffic, BudgetError> {
    let participations = cohort as f64 * f64::from(arguments.rounds.get());
    let Some(parameters) = arguments.parameters else {
        let (down, up) = (MODEL_BYTES as f64 * participations, LARGEST_COORDINATE as f64 * participations);
        return Ok(Traffic { per_parameter: true, down, up_at_most: up });
    };
    let dimension = parameters.get() as usize;
    // The grid's bound lies between 128 and 256 times the root of the dimension; without a clip the largest is taken.
    let clip = match arguments.clip {
        Some(clip) => clip,
        None => Clip::new((256.0 * (dimension as f64).sqrt()).next_down())?,
    };
    let grid = Grid::fit(clip, dimension)?;
    let sigma = (multiplier.get() * grid.bound() as f64).ceil() as u64;
    let most = Participation::Poisson { rate, window_seconds: 1, minimum_reports: 1 }
        .cohort_quantile(arguments.population.get());
    let upload = Upload::encoded_len(&grid.with_ring_for(most, sigma)?);
    let model = MODEL_BYTES * u64::from(parameters.get());
    Ok(Traffic {
        per_parameter: false,
        down: model as f64 * participations,
        up_at_most: upload as f64 * participations,
    })
}

/// Sizes to compare: 1, 2 and 5 times powers of ten, from a thousandth of the population to half of it.
pub(super) fn cohorts(population: NonZeroU64) -> Vec<u64> {
    let population = population.get();
    let (least, most) = ((population / 1000).max(1), (population / 2).max(1));
    let decades = (0..20).map(|decade| 10_u64.saturating_pow(decade));
    let mut sizes: Vec<u64> = decades
        .flat_map(|unit| [1, 2, 5].map(|times| unit.saturating_mul(times)))
        .filter(|size| (least..=most).contains(size))
        .collect();
    sizes.dedup();
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_round_and_within_the_population() {
        let of = |population| cohorts(NonZeroU64::new(population).unwrap());
        assert_eq!(of(1), [1]);
        assert_eq!(of(12), [1, 2, 5]);
        assert_eq!(of(20_000), [20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]);
        let largest = of(u64::MAX);
        assert!(largest.windows(2).all(|pair| pair[0] < pair[1]) && largest.len() > 5, "{largest:?}");
    }
}
