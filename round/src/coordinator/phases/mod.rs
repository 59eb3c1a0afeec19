//! The phases of a coordinator: `Waiting -> Collecting -> Sealing -> Releasing -> Waiting`, and `Finished`.
//!
//! Failure is a phase too: whatever goes wrong, the task ends with the model of the last paid round.

mod collecting;
mod finished;
mod releasing;
mod sealing;
mod waiting;

pub(super) use collecting::Collecting;
pub(super) use finished::Finished;
pub(super) use releasing::Releasing;
pub(super) use sealing::Sealing;
pub(super) use waiting::Waiting;

use super::{Effect, Event, Refusal, TurnedAway, Verdict, shared::Shared};
use crate::{
    device_id::DeviceId,
    time::{Millis, Time},
};

pub(super) enum Phase {
    Waiting(Waiting),
    Collecting(Collecting),
    Sealing(Sealing),
    Releasing(Releasing),
    Finished(Finished),
}

impl Phase {
    pub(super) fn handle(self, shared: &mut Shared, now: Time, event: Event) -> Self {
        if let Event::CheckIn(device) = &event
            && !shared.see(device, now)
        {
            shared.turn_away(device.clone(), TurnedAway::NotEnrolled);
            return self;
        }
        match self {
            Self::Waiting(phase) => phase.handle(shared, now, event),
            Self::Collecting(phase) => phase.handle(shared, now, event),
            Self::Sealing(phase) => phase.handle(shared, now, event),
            Self::Releasing(phase) => phase.handle(shared, now, event),
            Self::Finished(phase) => phase.handle(shared, event),
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Collecting(phase) => Some(phase.deadline()),
            _ => None,
        }
    }
}

/// How soon a device asks again while a round is being closed: soon, the spend is one durable write away.
const MOMENT: Millis = Millis(200);

/// The answer to everything a device can say while no round is open.
fn answer_closed(shared: &mut Shared, event: Event) {
    match event {
        Event::CheckIn(device) => shared.turn_away(device, TurnedAway::ComeBack { after: MOMENT }),
        Event::Upload { device, round, .. } | Event::Withdraw { device, round } => {
            answer_late(shared, device, round);
        }
        Event::Tick | Event::Persisted { .. } => {}
    }
}

/// The answer to an upload for a round that is not open: its first answer, if it was counted.
fn answer_late(shared: &mut Shared, device: DeviceId, round: u32) {
    let counted = shared.was_counted(&device, round);
    let verdict = if counted { Verdict::Accepted } else { Verdict::Refused(Refusal::RoundClosed) };
    shared.effects.push_back(Effect::Answer { device, round, verdict });
}
