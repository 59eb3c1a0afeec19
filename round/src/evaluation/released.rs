//! What the rounds of an evaluation released: post-processing of noised sums, which costs nothing however often it is done.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::EvaluationPlan;
use crate::measure::ReleasedMetrics;

/// What an evaluation says by now: all its rounds together, and the last one by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedEvaluation {
    /// Rounds that were released.
    pub rounds: u32,
    /// How often a device measured, over all these rounds. Within the budget it is a noised number.
    pub reports: f64,
    /// Whether they were released within the budget; otherwise nothing protects them.
    pub private: bool,
    /// The candidates, in the task's order.
    pub candidates: Vec<CandidateMetrics>,
}

/// How well one candidate does on the devices' own examples, each device counting the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateMetrics {
    /// Its name.
    pub name: String,
    /// Mean over devices of their accuracy, over all rounds.
    pub accuracy: f64,
    /// Mean over devices of their mean loss, over all rounds. A device's own counts as the task's `loss_bound` at most.
    pub loss: f64,
    /// Standard deviation of the noise on `accuracy`, to first order; absent where rounds share noise. Which devices took part is chance
    /// as well, and no part of it.
    pub accuracy_deviation: Option<f64>,
    /// Standard deviation of the noise on `loss`.
    pub loss_deviation: Option<f64>,
    /// The last round alone.
    pub last_round: ReleasedMetrics,
    /// What later rounds are added to.
    pub sums: MeasureSums,
}

/// Noised sums over all rounds, where 1 is the most that one device adds in one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureSums {
    /// Of [`Measure::Loss`](crate::measure::Measure::Loss).
    pub loss: f64,
    /// Of [`Measure::Accuracy`](crate::measure::Measure::Accuracy).
    pub accuracy: f64,
}

/// What is the same in all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvaluationTerms {
    /// The loss that counts as 1.
    pub loss_bound: f64,
    /// Standard deviation of the noise on each sum of a round, where 1 is the most that one device adds; `None` where rounds share noise.
    pub noise: Option<f64>,
    /// Whether there is a mechanism.
    pub private: bool,
}

impl ReleasedEvaluation {
    /// What `before` becomes with one more round, of which `sums` are the released sums of what devices sent
    /// ([`EvaluationPlan::contribution`]); nothing without as many sums as that has numbers.
    ///
    /// Means are of all rounds' sums, not of the rounds' means: a round with few reports counts for little.
    #[must_use]
    pub fn with_round(
        before: Option<&Self>,
        plan: &EvaluationPlan,
        sums: &[f64],
        terms: &EvaluationTerms,
    ) -> Option<Self> {
        let (reports, sums) = sums.split_first().filter(|_| sums.len() == plan.measure_count())?;
        let EvaluationTerms { loss_bound, private, .. } = *terms;
        let rounds = before.map_or(0, |before| before.rounds) + 1;
        let all_reports = before.map_or(0.0, |before| before.reports) + reports;
        let one = |(place, (candidate, sums)): (usize, (&super::Candidate, &[f64]))| {
            let &[loss, accuracy] = sums else { return None };
            let earlier = match before {
                Some(before) => before.candidates.get(place)?.sums,
                None => MeasureSums::default(),
            };
            let all = MeasureSums { loss: earlier.loss + loss, accuracy: earlier.accuracy + accuracy };
            let last_round = ReleasedMetrics::of_sums(*reports, loss, accuracy, loss_bound, private);
            let means = ReleasedMetrics::of_sums(all_reports, all.loss, all.accuracy, loss_bound, private);
            let deviation = |mean: f64| terms.deviation(mean, rounds, all_reports);
            Some(CandidateMetrics {
                name: candidate.name.clone(),
                accuracy: means.accuracy,
                loss: means.loss,
                accuracy_deviation: deviation(means.accuracy),
                loss_deviation: deviation(means.loss / loss_bound).map(|deviation| loss_bound * deviation),
                last_round,
                sums: all,
            })
        };
        let candidates =
            plan.candidates.iter().zip(sums.chunks_exact(2)).enumerate().map(one).collect::<Option<_>>()?;
        Some(Self { rounds, reports: all_reports, private, candidates })
    }
}

impl fmt::Display for ReleasedEvaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, reports, candidates, private } = self;
        let covered = if *private { "noised within the budget" } else { "NOT PRIVATE" };
        writeln!(
            f,
            "  measured    on the devices' own held-out examples, about {reports:.0} times in {rounds} rounds, {covered}"
        )?;
        let width = candidates.iter().map(|candidate| candidate.name.chars().count()).max().unwrap_or(0).max(9);
        write!(
            f,
            "    {:<width$} {:>10} {:>14} {:>9} {:>14}",
            "candidate", "accuracy", "noise (sd)", "loss", "noise (sd)"
        )?;
        let cell = |deviation: Option<f64>, unit: f64, digits: usize| {
            deviation.map_or_else(|| "not told".to_owned(), |deviation| format!("± {:.digits$}", unit * deviation))
        };
        for CandidateMetrics { name, accuracy, loss, accuracy_deviation, loss_deviation, .. } in candidates {
            let (of_accuracy, of_loss) = (cell(*accuracy_deviation, 100.0, 2), cell(*loss_deviation, 1.0, 4));
            let accuracy = format!("{:.2} %", 100.0 * accuracy);
            write!(f, "\n    {name:<width$} {accuracy:>10} {of_accuracy:>14} {loss:>9.4} {of_loss:>14}")?;
        }
        Ok(())
    }
}

impl EvaluationTerms {
    /// The standard deviation of the noise on a mean `m = 1/2 + A / (2 R)` from 0 to 1, where `A` and `R` are sums of `rounds` rounds with
    /// independent noise of deviation `s` on each: `s sqrt(rounds (1 + (2m - 1)^2)) / (2 R)`, to first order in `1/R`.
    fn deviation(&self, mean: f64, rounds: u32, reports: f64) -> Option<f64> {
        let centred = 2.0 * mean - 1.0;
        let of_sums = self.noise? * (f64::from(rounds) * (1.0 + centred * centred)).sqrt();
        Some(of_sums / (2.0 * reports.max(1.0)))
    }
}
