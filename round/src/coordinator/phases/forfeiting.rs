//! A block was begun whose secret is gone, or whose record of who took part: what remains of it is being given up, and its budget with it.
//! Drawing again who takes part in it, or its noise, would be another event than the one that was charged.

use super::{Finished, Phase, Waiting, answer_closed};
use crate::{
    coordinator::{Effect, Event, Outcome, shared::Shared},
    time::Time,
};

pub(in crate::coordinator) struct Forfeiting {
    entry: u64,
}

impl Forfeiting {
    pub(super) fn enter(shared: &mut Shared) -> Phase {
        match shared.ledger.forfeit(shared.schedule.hash()) {
            Ok(entry) => {
                let index = entry.index;
                shared.effects.push_back(Effect::Persist(entry));
                shared.move_register();
                Phase::Forfeiting(Self { entry: index })
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
                Phase::Forfeiting(self)
            }
        }
    }
}
