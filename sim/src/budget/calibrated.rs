//! `budget noise` and `budget rounds`: the parameter that meets a target, and what was priced at it.

use murmur_privacy::{
    DpEvent,
    accountant::{PldAccountant, Quote},
    units::{DeltaProbability, SamplingRate},
};
use serde_json::json;

use super::{Answer, BudgetError, Choice, Claim, NoiseArguments, RoundsArguments, epsilon::merged, round, upward};

pub(super) fn noise(arguments: &NoiseArguments) -> Result<Answer, BudgetError> {
    let NoiseArguments { epsilon, delta, sampling_rate, rounds, accountant, .. } = *arguments;
    let schedule = |multiplier| match round(multiplier, sampling_rate) {
        Ok(round) => round.repeated(rounds.get()),
        // Not a multiplier of anything: promises nothing.
        Err(_) => DpEvent::NonPrivate,
    };
    let found = accountant.calibrate(epsilon, delta, |calibration| calibration.noise(schedule))?;
    let multiplier = found.parameter;
    let claim = claimed(accountant, found.quote, &schedule(multiplier), delta, sampling_rate);
    let text = format!(
        "noise multiplier {} is the least with which {rounds} rounds at sampling rate {sampling_rate} meet epsilon {epsilon}:\n{claim}",
        upward(multiplier.get())
    );
    let parameters = json!({
        "noise_multiplier": multiplier,
        "sampling_rate": sampling_rate,
        "rounds": rounds,
        "target": epsilon,
    });
    Ok(Answer { json: merged("noise", &claim, parameters), text })
}

pub(super) fn rounds(arguments: &RoundsArguments) -> Result<Answer, BudgetError> {
    let RoundsArguments { epsilon, delta, sampling_rate, noise_multiplier, accountant, .. } = *arguments;
    let round = round(noise_multiplier, sampling_rate)?;
    let found = accountant.calibrate(epsilon, delta, |calibration| calibration.rounds(&round))?;
    let rounds = found.parameter;
    let claim = claimed(accountant, found.quote, &round.repeated(rounds.get()), delta, sampling_rate);
    let text = format!(
        "{rounds} rounds at sampling rate {sampling_rate} with noise multiplier {noise_multiplier} are the most that epsilon {epsilon} pays for:\n{claim}"
    );
    let parameters = json!({
        "noise_multiplier": noise_multiplier,
        "sampling_rate": sampling_rate,
        "rounds": rounds,
        "target": epsilon,
    });
    Ok(Answer { json: merged("rounds", &claim, parameters), text })
}

/// The claim about the schedule found, with the lower bound at the very same parameter.
fn claimed(asked: Choice, quote: Quote, event: &DpEvent, delta: DeltaProbability, rate: SamplingRate) -> Claim {
    let lower = PldAccountant.bounds(event, delta).ok().map(|bounds| bounds.lower);
    Claim::new(asked, quote, lower, delta, rate)
}
