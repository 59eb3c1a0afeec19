//! The round is closed and its spend is being made durable. Nothing was noised yet.

use std::sync::Arc;

use murmur_privacy::{Receipt, Release, Sum};

use super::{Finished, Phase, Releasing, answer_closed};
use crate::{
    coordinator::{Effect, Event, Outcome, shared::Shared},
    measure::ReleasedMetrics,
    optimizer::Server,
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

    /// What is about to be noised.
    #[cfg(feature = "seeded")]
    pub(in crate::coordinator) fn sum(&mut self) -> &mut Sum {
        &mut self.sum
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
        if let Err(reason) = take_in(shared, round, &release, open_metrics) {
            return Finished::enter(shared, Outcome::Failed(reason));
        }
        match shared.checkpoint(round, head, shared.metrics) {
            Ok(checkpoint) => Releasing::enter(shared, round, checkpoint),
            Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
        }
    }
}

/// What the release comes to: the next model and what was measured of the last one, or, of an evaluation, what was measured alone.
fn take_in(
    shared: &mut Shared,
    round: u32,
    release: &Release,
    open_metrics: Option<ReleasedMetrics>,
) -> Result<(), String> {
    let measures = release.measures(&shared.schedule.encoding(shared.clip));
    let Some(server) = shared.schedule.task().server().copied() else {
        let is_read = shared.read_evaluation(&measures);
        return if is_read { Ok(()) } else { Err("the release is not of this evaluation".to_owned()) };
    };
    step(shared, round, release, server)?;
    shared.metrics = open_metrics;
    shared.read_measures(&measures).map_err(|error| error.to_string())
}

/// The optimiser's step by what was released: the average update, or what the average of randomised updates stands for.
fn step(shared: &mut Shared, round: u32, release: &Release, server: Server) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let (task, encoding) = (shared.schedule.task(), shared.schedule.encoding(shared.clip));
    let average = release.average(&encoding, shared.schedule.expected_cohort()).map_err(|error| text(&error))?;
    let norm = average.norm();
    let average = match task.randomiser(round).map_err(|error| text(&error))? {
        Some(randomiser) => average.decoded(&*randomiser),
        None => average,
    };
    shared.update_norm = Some(norm);
    let params = Arc::make_mut(&mut shared.params);
    server.step(&mut shared.optimizer, params, &average).map_err(|error| text(&error))
}
