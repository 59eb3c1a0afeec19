//! The round is closed and its spend is being made durable. Nothing was noised yet.

use std::sync::Arc;

use murmur_privacy::{Receipt, Sum};

use super::{Finished, Phase, Releasing, answer_closed};
use crate::{
    coordinator::{Effect, Event, Outcome, shared::Shared},
    measure::ReleasedMetrics,
    time::Time,
};

pub(in crate::coordinator) struct Sealing {
    round: u32,
    entry: u64,
    sum: Sum,
    open_metrics: Option<ReleasedMetrics>,
}

impl Sealing {
    pub(super) fn enter(shared: &mut Shared, round: u32, sum: Sum, open_metrics: Option<ReleasedMetrics>) -> Phase {
        match shared.ledger.spend(shared.schedule.hash(), round) {
            Ok(entry) => {
                let index = entry.index;
                shared.effects.push_back(Effect::Persist(entry));
                shared.move_register();
                Phase::Sealing(Self { round, entry: index, sum, open_metrics })
            }
            Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
        }
    }

    pub(super) fn handle(self, shared: &mut Shared, _now: Time, event: Event) -> Phase {
        match event {
            Event::Persisted { entry } if entry == self.entry => match shared.ledger.persisted(entry) {
                Ok(Some(receipt)) => self.release(shared, receipt),
                Ok(None) => Finished::enter(shared, Outcome::Failed("the spend gave no receipt".to_owned())),
                Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
            },
            other => {
                answer_closed(shared, other);
                Phase::Sealing(self)
            }
        }
    }

    /// Noise, optimiser step and encoding. Any failure from here on loses the round's budget and nothing else.
    fn release(self, shared: &mut Shared, receipt: Receipt) -> Phase {
        let Self { round, sum, open_metrics, .. } = self;
        let head = receipt.head();
        let release = match shared.release(sum, receipt) {
            Ok(release) => release,
            Err(reason) => return Finished::enter(shared, Outcome::Failed(reason)),
        };
        let optimizer = shared.schedule.task().server;
        let expected_cohort = shared.schedule.expected_cohort();
        let encoding = shared.schedule.encoding(shared.clip);
        let params = Arc::make_mut(&mut shared.params);
        if let Err(error) = optimizer.step(&mut shared.optimizer, params, &release, &encoding, expected_cohort) {
            return Finished::enter(shared, Outcome::Failed(error.to_string()));
        }
        shared.metrics = open_metrics;
        if let Err(error) = shared.read_measures(&release.measures(&encoding)) {
            return Finished::enter(shared, Outcome::Failed(error.to_string()));
        }
        match shared.checkpoint(round, head, shared.metrics) {
            Ok(checkpoint) => Releasing::enter(shared, round, checkpoint),
            Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
        }
    }
}
