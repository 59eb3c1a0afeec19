//! What the search itself costs those whose data it looked at: section G, item 19 of the privacy specification.

use serde::Serialize;

use super::{DataKind, trial::Found};

/// The search's own privacy. It is told with every recommendation, since no task's claim contains it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchCost {
    /// Whose data it looked at.
    pub data: DataKind,
    /// `none`, `excluded` or `charged`.
    pub treatment: &'static str,
    /// Sum over all simulations, where charged; infinite where one of them had no noise.
    pub epsilon: Option<f64>,
    /// Sum of their failure probabilities, where charged.
    pub delta: Option<f64>,
    /// Simulations that were run.
    pub simulations: usize,
    /// The same in words.
    pub statement: String,
}

impl SearchCost {
    /// Of everything that was run.
    ///
    /// # Guarantee
    /// With private data: had the noise of the simulations been secret, all their results together would be differentially private with the
    /// sums told here, whichever of them were chosen to go on after seeing others.
    ///
    /// # Source
    /// Basic composition, which holds for adaptively chosen mechanisms (Dwork and Roth 2014, Theorem B.1). Cheaper treatments of
    /// selection (Liu and Talwar 2019; Papernot and Steinke 2022) draw the number of trials at random, which this search does not.
    pub(super) fn of<'a>(data: DataKind, found: impl Iterator<Item = &'a Found>) -> Self {
        let ran: Vec<&Found> = found.filter(|found| found.own_epsilon.is_some()).collect();
        let simulations = ran.len();
        let (treatment, statement, charged) = match data {
            DataKind::Synthetic => (
                "none",
                "the search looked at data drawn by a program, of no person: it costs no privacy".to_owned(),
                None,
            ),
            DataKind::Public => (
                "excluded",
                "the search looked at data that are called public; what it learnt of the people in them is OUTSIDE of the recommended task's \
                 claim, which speaks of the deployed devices only"
                    .to_owned(),
                None,
            ),
            DataKind::Private => {
                let epsilon: f64 = ran.iter().filter_map(|found| found.own_epsilon).sum();
                let delta: f64 = ran.iter().filter_map(|found| found.own_delta).sum();
                let statement = format!(
                    "the search looked at private data in {simulations} simulations, which by basic composition cost epsilon {epsilon:.4} at delta \
                     {delta:e} together, ON TOP of the recommended task's own, for a device that is in both; their noise is seeded, so this \
                     holds only while the seed and everything here but the recommendation stay secret"
                );
                ("charged", statement, Some((epsilon, delta)))
            }
        };
        let (epsilon, delta) = charged.unzip();
        Self { data, treatment, epsilon, delta, simulations, statement }
    }
}
