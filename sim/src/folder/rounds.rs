//! `rounds.csv`: one line for each released round.

use std::collections::HashMap;

use murmur_client::Evaluation;
use serde::{Deserialize, Serialize};

use crate::{
    SimError,
    run::{Finished, Measurement, Round},
};

/// One line. Columns are always the same ones; what a run does not have is left empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Rounds by then, from 1.
    pub round: u32,
    /// Epsilon spent by then; `inf` where nothing is promised.
    pub epsilon: f64,
    /// Accuracy of the released model on data outside the population, where it was measured.
    pub accuracy: Option<f64>,
    /// Mean cross-entropy there, in nats.
    pub loss: Option<f64>,
    /// Accuracy of the average of the released models, where the task asks for one.
    pub averaged_accuracy: Option<f64>,
    /// Mean cross-entropy of that.
    pub averaged_loss: Option<f64>,
    /// Accuracy of devices with layers of their own on examples of their own that they do not train on, where the task gives them such
    /// layers and the scenario such examples.
    pub own_accuracy: Option<f64>,
    /// Mean cross-entropy of that.
    pub own_loss: Option<f64>,
    /// Devices that have such layers by then.
    pub own_devices: Option<u64>,
    /// The round's clip, in units of the model's parameters.
    pub clip: f64,
    /// Norm of the released average update, noise included.
    pub update_norm: Option<f64>,
    /// What the norm of the noise on it is expected to be, where each round has noise of its own.
    pub noise_norm: Option<f64>,
    /// Devices that measured, where the task asks them; noised where that is within the budget.
    pub reports: Option<f64>,
    /// Mean of their accuracies on their own examples, by the model that they were given.
    pub device_accuracy: Option<f64>,
    /// Mean of their losses.
    pub device_loss: Option<f64>,
    /// Devices that were given work. This and the counts to come are exact: a simulation's to show, and nobody else's.
    pub assigned: u64,
    /// Devices that were counted.
    pub reported: u64,
    /// Devices that started and were not heard of again.
    pub dropped_out: u64,
    /// Devices that came too late.
    pub late: u64,
    /// Devices that withdrew, for want of a budget of their own.
    pub withdrew: u64,
    /// Devices refused for want of an assignment.
    pub not_assigned: u64,
    /// Devices refused for another grid.
    pub wrong_grid: u64,
    /// Virtual seconds until the round opened, where devices take time.
    pub opened_seconds: Option<f64>,
    /// Virtual seconds until it was released.
    pub released_seconds: Option<f64>,
}

impl Row {
    fn of(passed: &Round, measured: Option<&Measurement>) -> Self {
        let Round { round, epsilon, clip, update_norm, noise_norm, metrics, cohort, time, .. } = *passed;
        let evaluation: Option<Evaluation> = measured.map(|measured| measured.evaluation);
        let averaged = measured.and_then(|measured| measured.averaged);
        let own = measured.and_then(|measured| measured.own);
        let (opened_seconds, released_seconds) = time.unzip();
        Self {
            round: round + 1,
            epsilon: epsilon.get(),
            accuracy: evaluation.map(|evaluation| evaluation.accuracy),
            loss: evaluation.map(|evaluation| evaluation.loss),
            averaged_accuracy: averaged.map(|averaged| averaged.accuracy),
            averaged_loss: averaged.map(|averaged| averaged.loss),
            own_accuracy: own.map(|own| own.accuracy),
            own_loss: own.map(|own| own.loss),
            own_devices: own.map(|own| own.devices),
            clip: clip.get(),
            update_norm,
            noise_norm,
            reports: metrics.map(|metrics| metrics.reports),
            device_accuracy: metrics.map(|metrics| metrics.accuracy),
            device_loss: metrics.map(|metrics| metrics.loss),
            assigned: cohort.assigned,
            reported: cohort.reported,
            dropped_out: cohort.dropped_out,
            late: cohort.late,
            withdrew: cohort.withdrew,
            not_assigned: cohort.not_assigned,
            wrong_grid: cohort.wrong_grid,
            opened_seconds,
            released_seconds,
        }
    }

    /// How long the update is without its noise, as far as the release tells: of noise that is independent of it the mean square is
    /// taken off the square of what was released. `None` where noise is not known, or where what is left is within two standard
    /// deviations of nothing (`2 n^2 sqrt(2/d)`, for noise of norm `n` over `d` parameters). Post-processing of the release.
    #[must_use]
    pub fn signal_norm(&self, parameters: f64) -> Option<f64> {
        let (update, noise) = (self.update_norm?, self.noise_norm?);
        let square = update * update - noise * noise;
        (square > 2.0 * noise * noise * (2.0 / parameters).sqrt()).then(|| square.sqrt())
    }
}

/// The whole table.
pub(super) fn table(finished: &Finished) -> Result<Vec<u8>, SimError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| SimError::Serialise(error.to_string());
    let measured: HashMap<u32, &Measurement> =
        finished.measurements.iter().map(|measured| (measured.round, measured)).collect();
    for passed in &finished.history {
        writer.serialize(Row::of(passed, measured.get(&passed.round).copied())).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| SimError::Serialise(error.to_string()))
}

/// Reads a table.
pub(super) fn read(text: &str) -> Result<Vec<Row>, String> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_taken_off_and_what_it_hides_is_not_told() {
        let row = |update, noise| Row { update_norm: Some(update), noise_norm: noise, ..Row::default() };
        assert!((row(5.0, Some(3.0)).signal_norm(1e4).unwrap() - 4.0).abs() < 1e-12);
        assert_eq!(row(5.0, Some(0.0)).signal_norm(1e4), Some(5.0));
        // Of ten thousand parameters, noise of norm 1 has a square that strays by 0.014.
        assert_eq!(row(1.01, Some(1.0)).signal_norm(1e4), None);
        assert!(row(1.02, Some(1.0)).signal_norm(1e4).is_some());
        assert_eq!(row(0.9, Some(1.0)).signal_norm(1e4), None);
        assert_eq!(row(5.0, None).signal_norm(1e4), None);
    }
}
