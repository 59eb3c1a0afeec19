//! What is known of each noise level, and which one is recommended.

use murmur_round::{guarantee::Guarantee, task::Task};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{file::Recommend, space::Settings, trial::Found};

/// One more run lands within the spread with this probability.
pub const CONFIDENCE: f64 = 0.95;

/// A noise level, with the best settings that were found for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontierPoint {
    /// The deployed task's budget.
    pub epsilon: f64,
    /// Its failure probability.
    pub delta: f64,
    /// Mean accuracy of runs whose seeds the search did not choose by, on data outside the population.
    pub accuracy: f64,
    /// One more run, of another seed, is at least here...
    pub accuracy_low: f64,
    /// ... and at most here, with probability 0.95.
    pub accuracy_high: f64,
    /// The first of the runs.
    pub trial: String,
    /// All of them.
    pub runs: Vec<String>,
    /// Test examples of each.
    pub examples: u64,
    /// Hash of the deployed task.
    pub task: String,
    /// Standard deviation of the deployed noise over the clip.
    pub noise_multiplier: f64,
    /// Whether fewer devices stood for the deployed ones, under scaled noise.
    pub scaled: bool,
    /// Devices in each simulation.
    pub simulated_devices: u64,
    /// Devices that the claim is for.
    pub deployed_devices: u64,
    /// What the search chose.
    pub settings: Settings,
}

/// The settings of a frontier point, ready to be deployed.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What is known of it.
    pub point: FrontierPoint,
    /// The task.
    pub task: Task,
    /// What it would promise, deployed.
    pub guarantee: Guarantee,
    /// Its runs.
    pub runs: Vec<Found>,
}

/// Mean, and the interval in which one more draw lies with probability [`CONFIDENCE`], of at least two normal draws: the mean and
/// `t * s * sqrt(1 + 1/n)` to both sides, with Student's quantile for `n - 1` degrees of freedom (Hahn and Meeker 1991, section 4.7).
/// Cut off at 0 and 1.
pub(super) fn spread(values: &[f64]) -> (f64, f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let quantile = StudentsT::new(0.0, 1.0, count - 1.0).map(|law| law.inverse_cdf(0.5 + CONFIDENCE / 2.0));
    // With one value nothing is known of the spread.
    let half = quantile.map_or(1.0, |quantile| quantile * (variance * (1.0 + 1.0 / count)).sqrt());
    (mean, (mean - half).max(0.0), (mean + half).min(1.0))
}

/// Which point is recommended, and why.
///
/// # Errors
/// What was asked for, where no point has it.
pub(super) fn recommended(candidates: &[Candidate], rule: Recommend) -> Result<(usize, String), String> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|left, right| candidates[*left].point.epsilon.total_cmp(&candidates[*right].point.epsilon));
    let point = |index: usize| &candidates[index].point;
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    match rule {
        Recommend { accuracy: Some(wanted), .. } => {
            let found = order.into_iter().find(|index| point(*index).accuracy >= wanted);
            let found = found.ok_or_else(|| format!("an accuracy of {} was asked for", percent(wanted)))?;
            Ok((
                found,
                format!("the least epsilon whose runs reach the {} that were asked for on average", percent(wanted)),
            ))
        }
        Recommend { epsilon: Some(most), .. } => {
            let within = order.into_iter().filter(|index| point(*index).epsilon <= most);
            let found = within.max_by(|left, right| point(*left).accuracy.total_cmp(&point(*right).accuracy));
            let found = found.ok_or_else(|| format!("an epsilon of at most {most} was asked for"))?;
            Ok((found, format!("the most accurate of those within the epsilon of {most} that was asked for")))
        }
        Recommend { accuracy: None, epsilon: None } => {
            let best =
                order.iter().copied().max_by(|left, right| point(*left).accuracy.total_cmp(&point(*right).accuracy));
            let best = best.ok_or("there is no point")?;
            let reach = point(best).accuracy;
            let found = order.into_iter().find(|index| point(*index).accuracy_high >= reach).unwrap_or(best);
            let (chosen, dearest) = (point(found), point(best));
            Ok((
                found,
                format!(
                    "the least epsilon that one run cannot tell from the best: its runs spread up to {}, and the best, epsilon {}, reaches {} \
                     on average",
                    percent(chosen.accuracy_high),
                    dearest.epsilon,
                    percent(reach)
                ),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_the_one_of_the_tables() {
        // n = 5: t(0.975; 4) = 2.776445; the standard deviation of these is sqrt(2.5) hundredths.
        let (mean, low, high) = spread(&[0.81, 0.82, 0.83, 0.84, 0.85]);
        let half = 2.776_445 * 2.5_f64.sqrt() * 0.01 * 1.2_f64.sqrt();
        assert!((mean - 0.83).abs() < 1e-12);
        assert!((high - mean - half).abs() < 1e-7 && (mean - low - half).abs() < 1e-7, "{low} {high}");
        assert_eq!(spread(&[0.5]), (0.5, 0.0, 1.0), "one run promises nothing");
    }
}
