//! What a release says beside the model's update: metrics to publish, and the next round's clip.

use murmur_privacy::units::OutOfRange;

use super::shared::Shared;
use crate::{
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
        if let Some(((rule, state), metrics)) =
            self.schedule.task().plan.adaptive_proximal.zip(self.proximal).zip(self.metrics)
        {
            self.proximal = Some(rule.next(state, metrics.loss));
        }
        let within = sum_of(|measure| matches!(measure, Measure::WithinClip));
        if let (Some(adaptive), Some(within)) = (privacy.adaptive_clip, within) {
            self.clip = adaptive.next(self.clip, within, self.schedule.expected_cohort())?;
        }
        Ok(())
    }
}
