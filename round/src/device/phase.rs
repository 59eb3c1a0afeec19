//! The phases of a device: idle, asking, fetching, training, sending.

use std::{collections::VecDeque, sync::Arc};

use murmur_privacy::{Plain, Seal};

use super::{DeviceEffect, DeviceError, DeviceEvent};
use crate::{
    coordinator::{Assignment, TurnedAway},
    device_id::DeviceId,
    params::Params,
    plan::ShuffleSeed,
    task::Task,
    time::{Millis, Time},
};

/// How long a device rests after a failure before it asks again.
const REST: Millis = Millis(1_000);

pub(super) enum Phase {
    /// Nothing to do before `wake`.
    Idle { wake: Time },
    /// Waiting for the answer to a check-in.
    Asking,
    /// Waiting for the task.
    FetchingTask { assignment: Assignment },
    /// Waiting for the model.
    FetchingModel { assignment: Assignment, task: Arc<Task> },
    /// Waiting for local training.
    Training { assignment: Assignment },
    /// Waiting for the answer to the upload.
    Sending,
    /// The task is over, or the device is not wanted.
    Finished,
}

impl Phase {
    pub(super) fn handle(
        self,
        id: &DeviceId,
        effects: &mut VecDeque<DeviceEffect>,
        now: Time,
        event: DeviceEvent,
    ) -> Result<Self, DeviceError> {
        match (self, event) {
            (Self::Idle { wake }, DeviceEvent::Tick) if now >= wake => {
                effects.push_back(DeviceEffect::CheckIn);
                Ok(Self::Asking)
            }
            (Self::Asking, DeviceEvent::Assigned(assignment)) => {
                effects.push_back(DeviceEffect::FetchTask(assignment.task));
                Ok(Self::FetchingTask { assignment })
            }
            (Self::Asking, DeviceEvent::TurnedAway(TurnedAway::ComeBack { after })) => {
                Ok(Self::Idle { wake: now + after })
            }
            (Self::Asking, DeviceEvent::TurnedAway(TurnedAway::Finished | TurnedAway::NotEnrolled)) => {
                Ok(Self::Finished)
            }
            (Self::FetchingTask { assignment }, DeviceEvent::Task(task)) => {
                check(&assignment, &task).inspect_err(|_| {
                    effects.push_back(DeviceEffect::Withdraw { round: assignment.round });
                })?;
                effects.push_back(DeviceEffect::FetchModel(assignment.model));
                Ok(Self::FetchingModel { assignment, task })
            }
            (Self::FetchingModel { assignment, task }, DeviceEvent::Model(params)) => {
                check_dimension(&params, &assignment).inspect_err(|_| {
                    effects.push_back(DeviceEffect::Withdraw { round: assignment.round });
                })?;
                let seed = ShuffleSeed::derive(&assignment.task, assignment.round, id);
                effects.push_back(DeviceEffect::Train { params, plan: task.plan, seed });
                Ok(Self::Training { assignment })
            }
            (Self::Training { assignment }, DeviceEvent::Trained(delta)) => {
                let upload = Plain.seal(assignment.grid.encode(&delta));
                effects.push_back(DeviceEffect::Send { round: assignment.round, upload });
                Ok(Self::Sending)
            }
            (Self::Sending, DeviceEvent::Answered(_)) => Ok(Self::Idle { wake: now }),
            (
                Self::FetchingTask { assignment }
                | Self::FetchingModel { assignment, .. }
                | Self::Training { assignment },
                DeviceEvent::Failed,
            ) => {
                effects.push_back(DeviceEffect::Withdraw { round: assignment.round });
                Ok(Self::Idle { wake: now + REST })
            }
            (Self::Asking | Self::Sending, DeviceEvent::Failed) => Ok(Self::Idle { wake: now + REST }),
            (phase, DeviceEvent::Tick | DeviceEvent::Failed) => Ok(phase),
            // Late answers to a request that was given up change nothing once the task is over.
            (Self::Finished, _) => Ok(Self::Finished),
            _ => Err(DeviceError::Unexpected),
        }
    }
}

/// The device's own check of what it is asked: the grid may not let more through than the task promises.
fn check(assignment: &Assignment, task: &Task) -> Result<(), DeviceError> {
    let (expected, found) = (task.model.layout().dimension(), assignment.grid.dimension());
    if expected != found {
        return Err(DeviceError::Dimension { expected, found });
    }
    let (bound, clip) = (assignment.grid.bound() as f64 * assignment.grid.step(), task.privacy.clip().get());
    if bound > clip {
        return Err(DeviceError::GridAboveClip { bound, clip });
    }
    Ok(())
}

fn check_dimension(params: &Params, assignment: &Assignment) -> Result<(), DeviceError> {
    let (expected, found) = (assignment.grid.dimension(), params.dimension());
    if expected == found { Ok(()) } else { Err(DeviceError::Dimension { expected, found }) }
}
