//! The phases of a coordinator: `Waiting -> Opening -> Collecting -> Sealing -> Releasing -> Waiting`, and `Finished`; a
//! coordinator that finds a round open in its ledger starts in `Abandoning`, and one that finds a block begun whose secret is gone
//! passes through `Forfeiting`.
//!
//! Opening, sealing and releasing each wait for one ledger entry to be durable: three durable writes a round, and the
//! model's files before the third.
//!
//! Failure is a phase too: whatever goes wrong, the task ends with the model of the last paid round.

mod abandoning;
mod collecting;
mod finished;
mod forfeiting;
mod opening;
mod releasing;
mod sealing;
mod waiting;

pub(super) use abandoning::Abandoning;
pub(super) use collecting::Collecting;
pub(super) use finished::Finished;
pub(super) use forfeiting::Forfeiting;
pub(super) use opening::Opening;
pub(super) use releasing::Releasing;
pub(super) use sealing::Sealing;
pub(super) use waiting::Waiting;

use super::{Effect, Event, Refusal, TurnedAway, Verdict, shared::Shared};
use crate::time::{Millis, Time};

pub(super) enum Phase {
    Abandoning(Abandoning),
    Forfeiting(Forfeiting),
    Waiting(Waiting),
    Opening(Opening),
    /// Handed on with every check-in of a million devices: what it holds stays where it is.
    Collecting(Box<Collecting>),
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
            // Whoever it was, time has passed: strangers cannot keep a window open by asking without pause.
            return self.handle(shared, now, Event::Tick);
        }
        match self {
            Self::Abandoning(phase) => phase.handle(shared, now, event),
            Self::Forfeiting(phase) => phase.handle(shared, now, event),
            Self::Waiting(phase) => phase.handle(shared, now, event),
            Self::Opening(phase) => phase.handle(shared, now, event),
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

/// How soon a device asks again while a round is being opened or closed: soon, only durable writes stand before what follows.
const MOMENT: TurnedAway = TurnedAway::ComeBack { after: Millis(200) };

/// The answer to everything a device can say while no round is open.
fn answer_closed(shared: &mut Shared, event: Event) {
    match event {
        Event::CheckIn(device) => shared.turn_away(device, MOMENT),
        late => answer_late(shared, late),
    }
}

/// The answer to an upload or a withdrawal for a round that is not open: to an upload that was counted, its first answer.
fn answer_late(shared: &mut Shared, event: Event) {
    let (device, round, verdict) = match event {
        Event::Upload { device, round, .. } if shared.was_counted(&device, round) => (device, round, Verdict::Accepted),
        Event::Upload { device, round, .. } | Event::Withdraw { device, round } => {
            (device, round, Verdict::Refused(Refusal::RoundClosed))
        }
        Event::CheckIn(_) | Event::Tick | Event::Persisted { .. } => return,
    };
    shared.effects.push_back(Effect::Answer { device, round, verdict });
}
