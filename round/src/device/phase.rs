//! The phases of a device: idle, asking, at work on a round, sending.

use std::collections::VecDeque;

use super::{DeviceEffect, DeviceError, DeviceEvent, Memory, work::Work};
use crate::{
    coordinator::{Assignment, TurnedAway},
    time::{Millis, Time},
};

/// How long a device rests after a failure before it asks again.
pub(super) const REST: Millis = Millis(1_000);

pub(super) enum Phase {
    /// Nothing to do before `wake`.
    Idle { wake: Time },
    /// Waiting for the answer to a check-in.
    Asking,
    /// At work on a round. What that takes lies elsewhere: most devices that check in, of a million, are sent away.
    AtWork(Box<Work>),
    /// Waiting for the answer to the upload.
    Sending,
    /// The task is over, or the device is not wanted.
    Finished,
}

impl From<Work> for Phase {
    fn from(work: Work) -> Self {
        Self::AtWork(Box::new(work))
    }
}

impl Phase {
    /// The phase that follows, and whether the event was taken in. An event that does not belong here changes nothing; one
    /// that asks for what the device refuses ends its part in the round.
    pub(super) fn handle(
        self,
        memory: &mut Memory,
        effects: &mut VecDeque<DeviceEffect>,
        now: Time,
        event: DeviceEvent,
    ) -> (Self, Result<(), DeviceError>) {
        let phase = match (self, event) {
            (Self::Idle { wake }, DeviceEvent::Tick) if now >= wake => {
                effects.push_back(DeviceEffect::CheckIn);
                Self::Asking
            }
            (Self::Asking, DeviceEvent::Assigned(assignment)) if memory.done.contains(&assignment.task) => {
                withdraw(effects, &assignment, now + REST)
            }
            (Self::Asking, DeviceEvent::Assigned(assignment)) => {
                effects.push_back(DeviceEffect::FetchTask(assignment.task));
                Work::FetchingTask { assignment }.into()
            }
            (Self::Asking, DeviceEvent::TurnedAway(TurnedAway::ComeBack { after })) => Self::Idle { wake: now + after },
            (Self::Asking, DeviceEvent::TurnedAway(TurnedAway::Finished | TurnedAway::NotEnrolled)) => Self::Finished,
            (Self::AtWork(work), event) => return work.handle(memory, effects, now, event),
            (Self::Sending, DeviceEvent::Answered(_)) => Self::Idle { wake: now },
            (Self::Asking | Self::Sending, DeviceEvent::Failed) => Self::Idle { wake: now + REST },
            (phase, DeviceEvent::Tick | DeviceEvent::Failed) => phase,
            // Late answers to a request that was given up change nothing once the task is over.
            (Self::Finished, _) => Self::Finished,
            // A stale or repeated answer must not cost the work at hand.
            (phase, _) => return (phase, Err(DeviceError::Unexpected)),
        };
        (phase, Ok(()))
    }
}

/// Gives the round up and says so.
pub(super) fn withdraw(effects: &mut VecDeque<DeviceEffect>, assignment: &Assignment, wake: Time) -> Phase {
    effects.push_back(DeviceEffect::Withdraw { round: assignment.round });
    Phase::Idle { wake }
}
