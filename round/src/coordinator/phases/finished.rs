//! The task is over, whichever way.

use super::{Phase, answer_late};
use crate::coordinator::{Effect, Event, Outcome, TurnedAway, shared::Shared};

pub(in crate::coordinator) struct Finished {
    pub(in crate::coordinator) outcome: Outcome,
}

impl Finished {
    pub(super) fn enter(shared: &mut Shared, outcome: Outcome) -> Phase {
        shared.effects.push_back(Effect::Finished(outcome.clone()));
        Phase::Finished(Self { outcome })
    }

    pub(super) fn handle(self, shared: &mut Shared, event: Event) -> Phase {
        match event {
            Event::CheckIn(device) => shared.turn_away(device, TurnedAway::Finished),
            late => answer_late(shared, late),
        }
        Phase::Finished(self)
    }
}
