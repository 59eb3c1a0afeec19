//! A round's number is being taken in the ledger. Its cohort does not exist yet, but for the secret of a block of rounds.
//!
//! One durable write more for a round than spend and release need. For it, a number never stands for two cohorts: a
//! coordinator that finds an open round at its start gives it up, whatever the process before it had told devices.

use super::{Collecting, Finished, Phase, answer_closed};
use crate::{
    coordinator::{Effect, Event, Outcome, shared::Shared},
    time::Time,
};

pub(in crate::coordinator) struct Opening {
    round: u32,
    entry: u64,
}

impl Opening {
    pub(super) fn enter(shared: &mut Shared, round: u32) -> Phase {
        match shared.ledger.open_round(shared.schedule.hash(), round) {
            Ok(entry) => {
                // Kept before the number is taken: who takes part in which round of a block was decided before it began.
                shared.prepare_block();
                let index = entry.index;
                shared.effects.push_back(Effect::Persist(entry));
                Phase::Opening(Self { round, entry: index })
            }
            Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
        }
    }

    pub(super) fn handle(self, shared: &mut Shared, now: Time, event: Event) -> Phase {
        match event {
            Event::Persisted { entry } if entry == self.entry => match shared.ledger.persisted(entry) {
                Ok(_) => Collecting::open(shared, now, self.round),
                Err(error) => Finished::enter(shared, Outcome::Failed(error.to_string())),
            },
            other => {
                answer_closed(shared, other);
                Phase::Opening(self)
            }
        }
    }
}
