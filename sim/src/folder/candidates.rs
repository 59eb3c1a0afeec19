//! `candidates.csv`: one line for each candidate of an evaluation after each of its released rounds.

use serde::{Deserialize, Serialize};

use crate::{SimError, run::Finished};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateRow {
    /// Rounds by then, from 1.
    pub round: u32,
    /// Name of the candidate.
    pub candidate: String,
    /// How often a device measured, over all rounds so far; noised where that is within the budget.
    pub reports: f64,
    /// Mean of the devices' accuracies, over all rounds so far.
    pub accuracy: f64,
    /// Standard deviation of the noise on that; absent where rounds share noise.
    pub accuracy_deviation: Option<f64>,
    /// Mean of the devices' losses, over all rounds so far.
    pub loss: f64,
    /// Standard deviation of the noise on that.
    pub loss_deviation: Option<f64>,
    /// Devices that measured in this round.
    pub round_reports: f64,
    /// Mean of their accuracies.
    pub round_accuracy: f64,
    /// Mean of their losses.
    pub round_loss: f64,
}

/// The whole table; none where the task trains.
pub(super) fn table(finished: &Finished) -> Result<Option<Vec<u8>>, SimError> {
    if finished.schedule.task().evaluation().is_none() {
        return Ok(None);
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for passed in &finished.history {
        let Some(evaluation) = &passed.evaluation else { continue };
        for candidate in &evaluation.candidates {
            let row = CandidateRow {
                round: passed.round + 1,
                candidate: candidate.name.clone(),
                reports: evaluation.reports,
                accuracy: candidate.accuracy,
                accuracy_deviation: candidate.accuracy_deviation,
                loss: candidate.loss,
                loss_deviation: candidate.loss_deviation,
                round_reports: candidate.last_round.reports,
                round_accuracy: candidate.last_round.accuracy,
                round_loss: candidate.last_round.loss,
            };
            writer.serialize(row).map_err(|error| SimError::Serialise(error.to_string()))?;
        }
    }
    writer.into_inner().map(Some).map_err(|error| SimError::Serialise(error.to_string()))
}

/// Reads a table.
pub(super) fn read(text: &str) -> Result<Vec<CandidateRow>, String> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().map_err(|error| error.to_string())
}
