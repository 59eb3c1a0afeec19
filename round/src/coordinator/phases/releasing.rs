//! The noised model is being made durable. Until its ledger entry is, nobody may read it.

use murmur_privacy::Digest;

use super::{Finished, Phase, Waiting, answer_closed};
use crate::{
    checkpoint::Checkpoint,
    coordinator::{Effect, Event, Outcome, shared::Shared},
    time::Time,
};

pub(in crate::coordinator) struct Releasing {
    round: u32,
    entry: u64,
    model: Digest,
}

impl Releasing {
    pub(super) fn enter(shared: &mut Shared, round: u32, checkpoint: Checkpoint) -> Phase {
        let model = checkpoint.digest;
        match shared.ledger.release(shared.schedule.hash(), round, model) {
            Ok(entry) => {
                let index = entry.index;
                shared.effects.push_back(Effect::Store(checkpoint));
                shared.effects.push_back(Effect::Persist(entry));
                Phase::Releasing(Self { round, entry: index, model })
            }
            Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
        }
    }

    pub(super) fn handle(self, shared: &mut Shared, now: Time, event: Event) -> Phase {
        match event {
            Event::Persisted { entry } if entry == self.entry => match shared.ledger.persisted(entry) {
                Ok(_) => {
                    shared.model = self.model;
                    shared.effects.push_back(Effect::Publish { round: Some(self.round), model: self.model });
                    Waiting.advance(shared, now)
                }
                Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
            },
            other => {
                answer_closed(shared, other);
                Phase::Releasing(self)
            }
        }
    }
}
