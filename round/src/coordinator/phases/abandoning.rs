//! A round that the process before this one left open is being given up: it spends nothing, and its number is used up.

use super::{Finished, Phase, Waiting, answer_closed};
use crate::{
    coordinator::{Effect, Event, Outcome, shared::Shared},
    time::Time,
};

pub(in crate::coordinator) struct Abandoning {
    entry: u64,
}

impl Abandoning {
    pub(in crate::coordinator) fn enter(shared: &mut Shared, round: u32) -> Phase {
        match shared.ledger.abandon(shared.schedule.hash(), round) {
            Ok(entry) => {
                let index = entry.index;
                shared.effects.push_back(Effect::Persist(entry));
                Phase::Abandoning(Self { entry: index })
            }
            Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
        }
    }

    pub(super) fn handle(self, shared: &mut Shared, now: Time, event: Event) -> Phase {
        match event {
            Event::Persisted { entry } if entry == self.entry => match shared.ledger.persisted(entry) {
                Ok(_) => Waiting.advance(shared, now),
                Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
            },
            other => {
                answer_closed(shared, other);
                Phase::Abandoning(self)
            }
        }
    }
}
