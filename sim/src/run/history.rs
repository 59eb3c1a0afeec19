//! What each round was: who took part, what was released, when.

use murmur_privacy::{
    Mechanism,
    units::{Clip, Epsilon},
};
use murmur_round::{
    coordinator::{Refusal, Verdict},
    evaluation::ReleasedEvaluation,
    measure::ReleasedMetrics,
    task::Schedule,
};
use serde::{Deserialize, Serialize};

/// One released round of a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Its number, from 0.
    pub round: u32,
    /// Epsilon spent by its end.
    pub epsilon: Epsilon,
    /// The clip that its devices were given.
    pub clip: Clip,
    /// How long the released average update was, noise included.
    pub update_norm: Option<f64>,
    /// How long the noise on it is expected to be; absent where rounds share noise, or nothing is promised.
    pub noise_norm: Option<f64>,
    /// What its devices said of the model that they got, where the task asks them.
    pub metrics: Option<ReleasedMetrics>,
    /// What an evaluation's rounds said by then.
    pub evaluation: Option<ReleasedEvaluation>,
    /// What became of its devices.
    pub cohort: Cohort,
    /// Virtual seconds, from the arrival of the first device, until it opened and until it was released; absent where nothing takes time.
    pub time: Option<(f64, f64)>,
}

/// What became of the devices of one round: exact counts, which a deployment under an amplified claim keeps secret. A simulation may
/// show them, since its coins are seeded and protect nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// Devices that were given the round's work. Each of them is in exactly one of the others.
    pub assigned: u64,
    /// Counted.
    pub reported: u64,
    /// Started, and were not heard of again.
    pub dropped_out: u64,
    /// Came after the round was closed.
    pub late: u64,
    /// Said that they would not answer: their own budget is used up.
    pub withdrew: u64,
    /// Refused for want of an assignment.
    pub not_assigned: u64,
    /// Refused for lying on another grid.
    pub wrong_grid: u64,
}

impl Cohort {
    /// Counts an answer that the coordinator gave.
    pub(super) fn count(&mut self, sent: bool, verdict: Verdict) {
        match verdict {
            Verdict::Accepted if sent => self.reported += 1,
            Verdict::Accepted => self.withdrew += 1,
            Verdict::Refused(Refusal::RoundClosed) => self.late += 1,
            Verdict::Refused(Refusal::NotAssigned) => self.not_assigned += 1,
            Verdict::Refused(Refusal::WrongGrid) => self.wrong_grid += 1,
        }
    }
}

/// How long the noise on a round's average update is expected to be, the root of its mean square, in units of the model's parameters.
/// `None` where rounds share noise: what it is then in one of them differs from round to round. `None` too where there is no update.
pub(super) fn noise_norm(schedule: &Schedule, clip: Clip) -> Option<f64> {
    let Mechanism::Gaussian { sigma } = schedule.mechanism() else { return None };
    let encoding = schedule.encoding(clip);
    if encoding.model_dimension() == 0 {
        return None;
    }
    let each = *sigma as f64 * encoding.step() / schedule.expected_cohort();
    Some(each * (encoding.model_dimension() as f64).sqrt())
}
