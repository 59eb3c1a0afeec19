//! A device at work on a round: fetching, training or measuring, and keeping what it is about to send.

use std::{collections::VecDeque, sync::Arc};

use murmur_privacy::{Delta, Encoding, Plain, Seal, Upload};

use super::{
    DeviceEffect, DeviceError, DeviceEvent, Memory,
    local::{Sealed, admit},
    measuring::Measuring,
    own::Own,
    phase::{Phase, REST, withdraw},
};
use crate::{
    coordinator::Assignment,
    measure::LocalMetrics,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
    task::{Purpose, Task, reach},
    time::Time,
};

/// Between an assignment and the answer to it.
pub(super) enum Work {
    /// Waiting for the task.
    FetchingTask { assignment: Assignment },
    /// Waiting for the model; in an evaluation, for that of the candidates that come next.
    FetchingModel { assignment: Assignment, task: Arc<Task>, encoding: Encoding, measuring: Option<Measuring> },
    /// Waiting for the layers of the device's own.
    RecallingOwn { assignment: Assignment, task: Arc<Task>, encoding: Encoding, params: Arc<Params> },
    /// Waiting for local training.
    Training { assignment: Assignment, task: Arc<Task>, encoding: Encoding, own: Option<Own> },
    /// Waiting for local measuring.
    Measuring { assignment: Assignment, task: Arc<Task>, encoding: Encoding, measuring: Measuring },
    /// Waiting for what was sealed, and its charge, to be durable.
    Keeping { assignment: Assignment, task: Arc<Task>, sealed: Sealed },
    /// Waiting for what was sealed for this round before.
    Recalling { assignment: Assignment, task: Arc<Task>, encoding: Encoding },
}

impl Work {
    /// As [`Phase::handle`].
    pub(super) fn handle(
        self,
        memory: &mut Memory,
        effects: &mut VecDeque<DeviceEffect>,
        now: Time,
        event: DeviceEvent,
    ) -> (Phase, Result<(), DeviceError>) {
        let phase = match (self, event) {
            (Self::FetchingTask { assignment }, DeviceEvent::Task(task)) => {
                let encoding = match check(&assignment, &task) {
                    Ok(encoding) => encoding,
                    Err(refusal) => return (withdraw(effects, &assignment, now), Err(refusal)),
                };
                let last = memory.turns.get(&assignment.task).copied();
                if let Some(Err(refusal)) = task.turn_rule().map(|rule| rule.check(last, assignment.position)) {
                    return (withdraw(effects, &assignment, now + REST), Err(refusal.into()));
                }
                if let Err(refusal) = admit(&task, &assignment, memory.local.as_ref()) {
                    return (refuse(memory, effects, &assignment, now, &refusal), Err(refusal));
                }
                if memory.local.as_ref().is_some_and(|local| local.is_charged(&assignment)) {
                    effects.push_back(DeviceEffect::Recall { task: assignment.task, round: assignment.round });
                    Self::Recalling { assignment, task, encoding }.into()
                } else {
                    let measuring = task.evaluation().map(|(plan, _)| Measuring::of(plan));
                    let model = measuring.as_ref().map_or(assignment.model, |left| left.model(assignment.model));
                    effects.push_back(DeviceEffect::FetchModel(model));
                    Self::FetchingModel { assignment, task, encoding, measuring }.into()
                }
            }
            (Self::FetchingModel { assignment, task, encoding, measuring }, DeviceEvent::Model(params)) => {
                if let Err(refusal) = check_dimension(&params, &task) {
                    return (withdraw(effects, &assignment, now), Err(refusal));
                }
                match (&task.purpose, measuring) {
                    (Purpose::Train { .. }, _) if task.personal.is_some() => {
                        effects.push_back(DeviceEffect::RecallOwn { task: assignment.task });
                        Self::RecallingOwn { assignment, task, encoding, params }.into()
                    }
                    (Purpose::Train { plan, .. }, _) => {
                        effects.push_back(train(memory, &assignment, &task, plan, params));
                        Self::Training { assignment, task, encoding, own: None }.into()
                    }
                    (Purpose::Evaluate(_), Some(measuring)) => {
                        let seed = ShuffleSeed::derive(&assignment.task, assignment.round, &memory.id);
                        match measuring.work(params, seed) {
                            Ok(effect) => effects.push_back(effect),
                            Err(refusal) => return (withdraw(effects, &assignment, now), Err(refusal)),
                        }
                        Self::Measuring { assignment, task, encoding, measuring }.into()
                    }
                    (Purpose::Evaluate(_), None) => {
                        return (withdraw(effects, &assignment, now), Err(DeviceError::Unexpected));
                    }
                }
            }
            (Self::Measuring { assignment, task, encoding, mut measuring }, DeviceEvent::Measured(measured)) => {
                match measuring.take(measured) {
                    Ok(true) => {}
                    Ok(false) => {
                        effects.push_back(DeviceEffect::FetchModel(measuring.model(assignment.model)));
                        let measuring = Some(measuring);
                        return (Self::FetchingModel { assignment, task, encoding, measuring }.into(), Ok(()));
                    }
                    Err(refusal) => return (withdraw(effects, &assignment, now + REST), Err(refusal)),
                }
                let Some((plan, loss_bound)) = task.evaluation() else {
                    return (withdraw(effects, &assignment, now), Err(DeviceError::Unexpected));
                };
                let measures = plan.contribution(measuring.result().as_deref(), loss_bound);
                let upload = Plain.seal(encoding.encode(&Delta::new(Vec::new()), &measures));
                send(memory, effects, &assignment, &task, upload, None)
            }
            (Self::RecallingOwn { assignment, task, encoding, params }, DeviceEvent::Own(own)) => {
                let (Some(division), Some(plan)) = (task.division(), task.plan()) else {
                    return (withdraw(effects, &assignment, now), Err(DeviceError::Unexpected));
                };
                match Own::begin(division, &params, own) {
                    Ok((own, local)) => {
                        effects.push_back(train(memory, &assignment, &task, plan, Arc::new(local)));
                        Self::Training { assignment, task, encoding, own: Some(own) }.into()
                    }
                    Err(refusal) => return (withdraw(effects, &assignment, now), Err(refusal)),
                }
            }
            (Self::Training { assignment, task, encoding, own }, DeviceEvent::Trained { delta, metrics }) => {
                let (delta, own) = match own {
                    Some(own) => own.end(delta),
                    None => (delta, None),
                };
                if let Some(own) = own {
                    effects.push_back(DeviceEffect::KeepOwn { task: assignment.task, own });
                }
                let randomiser = match task.randomiser(assignment.round) {
                    Ok(randomiser) => randomiser,
                    Err(error) => return (withdraw(effects, &assignment, now), Err(DeviceError::Encoding(error))),
                };
                if let Some(randomiser) = randomiser {
                    let local = memory.local.as_mut().ok_or(DeviceError::NoLocalBudget);
                    let sealed =
                        local.and_then(|local| Ok(local.seal(&assignment, &encoding, &*randomiser, &delta)?));
                    match sealed {
                        Ok(sealed) => {
                            let (task_hash, round) = (assignment.task, assignment.round);
                            let (bytes, entry) = (sealed.bytes.clone(), sealed.entry.clone());
                            effects.push_back(DeviceEffect::Keep { task: task_hash, round, sealed: bytes, entry });
                            Self::Keeping { assignment, task, sealed }.into()
                        }
                        Err(refusal) => return (refuse(memory, effects, &assignment, now, &refusal), Err(refusal)),
                    }
                } else {
                    let within = delta.is_within(encoding.clip());
                    let kinds = task.privacy.measures();
                    let measures: Vec<f64> = kinds.iter().map(|(kind, _)| kind.of(metrics.as_ref(), within)).collect();
                    let upload = Plain.seal(encoding.encode(&delta, &measures));
                    let open_metrics = metrics.filter(|_| task.privacy.metrics_are_open());
                    send(memory, effects, &assignment, &task, upload, open_metrics)
                }
            }
            (Self::Keeping { assignment, task, sealed }, DeviceEvent::Kept { entry }) => {
                let permit = memory.local.as_mut().and_then(|local| local.permit(entry, &sealed));
                if permit.is_none() {
                    return (Self::Keeping { assignment, task, sealed }.into(), Err(DeviceError::Unexpected));
                }
                send(memory, effects, &assignment, &task, sealed.upload, None)
            }
            (Self::Recalling { assignment, task, encoding }, DeviceEvent::Recalled(bytes)) => {
                let local = memory.local.as_ref().zip(bytes);
                match local.and_then(|(local, bytes)| local.recalled(&assignment, &encoding, &bytes)) {
                    Some(upload) => send(memory, effects, &assignment, &task, upload, None),
                    // They are lost, and so is the round: it is never randomised again.
                    None => withdraw(effects, &assignment, now + REST),
                }
            }
            (
                Self::FetchingTask { assignment }
                | Self::FetchingModel { assignment, .. }
                | Self::RecallingOwn { assignment, .. }
                | Self::Training { assignment, .. }
                | Self::Measuring { assignment, .. }
                | Self::Recalling { assignment, .. },
                DeviceEvent::Failed,
            ) => withdraw(effects, &assignment, now + REST),
            (work, DeviceEvent::Tick | DeviceEvent::Failed) => work.into(),
            // A stale or repeated answer must not cost the work at hand.
            (work, _) => return (work.into(), Err(DeviceError::Unexpected)),
        };
        (phase, Ok(()))
    }
}

fn train(memory: &Memory, assignment: &Assignment, task: &Task, plan: &LocalPlan, params: Arc<Params>) -> DeviceEffect {
    let seed = ShuffleSeed::derive(&assignment.task, assignment.round, &memory.id);
    let plan = plan.at(assignment.position, assignment.mu);
    DeviceEffect::Train { params, plan, seed, measure: task.privacy.metrics.is_some() }
}

/// A device that has nothing left for a task, now or later, does not fetch or train for it again; other tasks are another matter.
fn refuse(
    memory: &mut Memory,
    effects: &mut VecDeque<DeviceEffect>,
    assignment: &Assignment,
    now: Time,
    refusal: &DeviceError,
) -> Phase {
    if refusal.is_final() {
        memory.done.insert(assignment.task);
    }
    withdraw(effects, assignment, now + REST)
}

fn send(
    memory: &mut Memory,
    effects: &mut VecDeque<DeviceEffect>,
    assignment: &Assignment,
    task: &Task,
    upload: Upload,
    open_metrics: Option<LocalMetrics>,
) -> Phase {
    if let Some(rule) = task.turn_rule() {
        // Once sent, an update may be counted whether the answer arrives or not.
        let task = assignment.task;
        let turn = rule.taken(memory.turns.get(&task).copied(), assignment.position);
        memory.turns.insert(task, turn);
        effects.push_back(DeviceEffect::Remember { task, turn });
    }
    effects.push_back(DeviceEffect::Send { round: assignment.round, upload, open_metrics });
    Phase::Sending
}

/// The device's own check of what it is asked: the grid may not let more through than the task promises.
fn check(assignment: &Assignment, task: &Task) -> Result<Encoding, DeviceError> {
    let (found, clip) = (assignment.clip.get(), task.privacy.clip.get());
    let adaptive = task.privacy.adaptive_clip.is_some();
    if !adaptive && found != clip {
        return Err(DeviceError::OtherClip { found, clip });
    }
    let encoding = task.encoding(assignment.grid, assignment.clip).map_err(DeviceError::Encoding)?;
    let randomiser = task.randomiser(assignment.round).map_err(DeviceError::Encoding)?;
    let (expected, clip) = match &randomiser {
        // What is sent reaches further than the update; how far is the central sensitivity.
        Some(randomiser) => {
            let reach = reach(&**randomiser).map_err(DeviceError::Encoding)?;
            (randomiser.sent(), reach.get())
        }
        None if task.evaluation().is_some() => (0, clip),
        None => (task.shared_layout().dimension(), clip),
    };
    let found = encoding.model_dimension();
    if expected != found {
        return Err(DeviceError::Dimension { expected, found });
    }
    // Where there is no update, the measures together are held against the clip.
    let grid = encoding.grid();
    let bound = if expected == 0 { grid.bound() as f64 * grid.step() } else { encoding.clip() };
    if !adaptive && bound > clip {
        return Err(DeviceError::GridAboveClip { bound, clip });
    }
    Ok(encoding)
}

fn check_dimension(params: &Params, task: &Task) -> Result<(), DeviceError> {
    let (expected, found) = (task.shared_layout().dimension(), params.dimension());
    if expected == found { Ok(()) } else { Err(DeviceError::Dimension { expected, found }) }
}
