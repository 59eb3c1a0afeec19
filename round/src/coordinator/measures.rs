//! What a release says beside the model's update, or in its place: metrics to publish, and the next round's clip.

use murmur_privacy::units::OutOfRange;

use super::shared::Shared;
use crate::{
    evaluation::ReleasedEvaluation,
    measure::{Measure, ReleasedMetrics},
    task::Metrics,
};

impl Shared {
    /// Takes in the noised sums of the task's measures, in the task's order. All of it is post-processing.
    pub(super) fn read_measures(&mut self, sums: &[f64]) -> Result<(), OutOfRange> {
        let privacy = self.schedule.task().privacy;
        let measures = privacy.measures();
        let sum_of = |wanted: fn(&Measure) -> bool| {
            let place = measures.iter().position(|(measure, _)| wanted(measure));
            place.and_then(|place| sums.get(place).copied())
        };
        let reports = sum_of(|measure| matches!(measure, Measure::Reports));
        let loss = sum_of(|measure| matches!(measure, Measure::Loss { .. }));
        let accuracy = sum_of(|measure| matches!(measure, Measure::Accuracy));
        if let (Some(Metrics::Private { loss_bound, .. }), Some(reports), Some(loss), Some(accuracy)) =
            (privacy.metrics, reports, loss, accuracy)
        {
            self.metrics =
                Some(ReleasedMetrics::of_sums(reports, loss, accuracy, loss_bound, privacy.delta().is_some()));
        }
        let adaptive = self.schedule.task().plan().and_then(|plan| plan.adaptive_proximal);
        if let Some(((rule, state), metrics)) = adaptive.zip(self.proximal).zip(self.metrics) {
            self.proximal = Some(rule.next(state, metrics.loss));
        }
        let within = sum_of(|measure| matches!(measure, Measure::WithinClip));
        if let (Some(adaptive), Some(within)) = (privacy.adaptive_clip, within) {
            self.clip = adaptive.next(self.clip, within, self.schedule.expected_cohort())?;
        }
        Ok(())
    }

    /// Takes in the noised sums of an evaluation; false where they are not what it asks for. All of it is post-processing.
    pub(super) fn read_evaluation(&mut self, sums: &[f64]) -> bool {
        let (Some((plan, _)), Some(terms)) = (self.schedule.task().evaluation(), self.schedule.evaluation_terms())
        else {
            return false;
        };
        let read = ReleasedEvaluation::with_round(self.evaluation.as_ref(), plan, sums, &terms);
        let is_read = read.is_some();
        self.evaluation = read.or(self.evaluation.take());
        is_read
    }
}
