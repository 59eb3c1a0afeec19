//! What comes of a device's work, whether it was done here or on another rank.

use std::collections::BTreeMap;

use murmur_privacy::{Upload, local::ledger::LocalEntry};
use murmur_round::{
    coordinator::Verdict,
    device::{Device, DeviceError, DeviceEvent},
    device_id::DeviceId,
    measure::LocalMetrics,
    params::{DimensionMismatch, Params},
    participation::Turn,
    task::TaskHash,
    time::Time,
};
use serde::{Deserialize, Serialize};

use super::{flights::Place, workers::Job};
use crate::SimError;

/// A device that has something to say.
pub(super) struct Answer {
    pub(super) index: u64,
    /// What it worked for.
    pub(super) task: TaskHash,
    pub(super) device: Worked,
    pub(super) round: u32,
    /// Absent when the device withdraws.
    pub(super) upload: Option<Upload>,
    /// Whether the thread that made it has added it up already; what is here then stands for it.
    pub(super) added: bool,
    /// What it measured, in clear, where the task asks for that.
    pub(super) open_metrics: Option<LocalMetrics>,
    /// What it charged to its own ledger, where it randomised its update.
    pub(super) charged: Option<LocalEntry>,
    /// Its own layers as they are now, where they moved.
    pub(super) own: Option<Params>,
}

/// A device after its work.
pub(super) enum Worked {
    /// It was done here.
    Here(Device),
    /// It was done on another rank: the device before it, and what that rank says of it.
    Elsewhere(Device, Left),
}

/// How a device was left by its work.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Left {
    turns: BTreeMap<TaskHash, Turn>,
    /// It comes no more.
    over: bool,
    /// When it asks for work again, in milliseconds; absent while it waits for an answer.
    wake: Option<u64>,
}

impl Worked {
    pub(super) fn id(&self) -> &DeviceId {
        match self {
            Self::Here(device) | Self::Elsewhere(device, _) => device.id(),
        }
    }

    /// The coordinator answered what it sent.
    pub(super) fn answered(&mut self, now: Time, verdict: Verdict) -> Result<(), DeviceError> {
        match self {
            Self::Here(device) => device.handle(now, DeviceEvent::Answered(verdict)),
            Self::Elsewhere(_, left) => {
                // As a device is that was answered: idle from then on, whatever the answer.
                left.wake = Some(now.0);
                Ok(())
            }
        }
    }

    /// Whether the device comes no more: it was told so, or its own budget is used up.
    pub(super) fn is_over(&self, task: &TaskHash) -> bool {
        match self {
            Self::Here(device) => device.is_finished() || device.is_done_with(task),
            Self::Elsewhere(_, left) => left.over,
        }
    }

    /// When it asks for work again; `None` while it waits for an answer.
    pub(super) fn wake(&self) -> Option<Time> {
        match self {
            Self::Here(device) => device.next_deadline(),
            Self::Elsewhere(_, left) => left.wake.map(Time),
        }
    }

    pub(super) fn turns(&self) -> &BTreeMap<TaskHash, Turn> {
        match self {
            Self::Here(device) => device.turns(),
            Self::Elsewhere(_, left) => &left.turns,
        }
    }
}

/// What all ranks hear of a device's work: everything but what it sends, which stays where it was made until sums are added up.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    /// In milliseconds.
    arrival: u64,
    device: u64,
    round: u32,
    sent: bool,
    /// Loss and accuracy in clear, where the task asks for that.
    open_metrics: Option<(f64, f64)>,
    /// Index and line of what it charged to its own ledger.
    charged: Option<(u64, String)>,
    own: Option<Vec<f32>>,
    left: Left,
}

impl Told {
    /// What is to be said of an answer.
    pub(super) fn of(place: Place, answer: &Answer) -> Result<Self, SimError> {
        let Answer { task, device, round, upload, open_metrics, charged, own, .. } = answer;
        let (over, wake) = (device.is_over(task), device.wake().map(|wake| wake.0));
        let line = |entry: &LocalEntry| Ok::<_, SimError>((entry.index, entry.to_line()?));
        Ok(Self {
            arrival: place.arrival.0,
            device: place.device,
            round: *round,
            sent: upload.is_some(),
            open_metrics: open_metrics.map(|metrics| (metrics.loss, metrics.accuracy)),
            charged: charged.as_ref().map(line).transpose()?,
            own: own.as_ref().map(|own| own.values().to_vec()),
            left: Left { turns: device.turns().clone(), over, wake },
        })
    }

    /// Whose answer it is, and when it arrives.
    pub(super) fn place(&self) -> Place {
        Place { arrival: Time(self.arrival), device: self.device }
    }

    /// The answer to work that was given to another rank.
    pub(super) fn answer(self, job: Job) -> Result<Answer, SimError> {
        let Self { device: index, round, sent, open_metrics, charged, own, left, .. } = self;
        let charged = charged.map(|(index, line)| LocalEntry::from_line(index, &line)).transpose()?;
        let layout = job.own.as_ref().map(|own| own.layout().clone());
        let failed = |error: DimensionMismatch| SimError::Failed(error.to_string());
        let own = layout.zip(own).map(|(layout, own)| Params::new(layout, own).map_err(failed));
        Ok(Answer {
            index,
            task: job.assignment.task,
            device: Worked::Elsewhere(job.device, left),
            round,
            upload: sent.then(|| Upload::made_elsewhere(job.assignment.grid)),
            added: false,
            open_metrics: open_metrics.map(|(loss, accuracy)| LocalMetrics { loss, accuracy }),
            charged,
            own: own.transpose()?,
        })
    }
}
