//! The device of one task: the coordinator's mirror image, a state machine without clock, sockets or training.
//!
//! Drive it with [`handle`](Device::handle), then carry out what [`poll_effect`](Device::poll_effect) yields.

mod event;
mod local;
mod measuring;
mod own;
mod phase;
mod work;

pub use event::{DeviceEffect, DeviceError, DeviceEvent};
pub use local::LocalPrivacy;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{device_id::DeviceId, participation::Turn, task::TaskHash, time::Time};
use phase::Phase;

/// One device taking part in whatever task its coordinator runs.
pub struct Device {
    memory: Memory,
    phase: Phase,
    effects: VecDeque<DeviceEffect>,
}

/// What a device knows of itself, whatever it is at.
struct Memory {
    id: DeviceId,
    /// Its turns in tasks that limit them.
    turns: BTreeMap<TaskHash, Turn>,
    /// Its own budget, if it has one.
    local: Option<LocalPrivacy>,
    /// Tasks for which that budget has nothing left.
    done: BTreeSet<TaskHash>,
}

impl Device {
    /// A device that has not checked in yet.
    #[must_use]
    pub fn new(id: DeviceId) -> Self {
        Self::restored(id, BTreeMap::new())
    }

    /// A device that remembers its turns: what every [`DeviceEffect::Remember`] said last.
    #[must_use]
    pub fn restored(id: DeviceId, turns: BTreeMap<TaskHash, Turn>) -> Self {
        let memory = Memory { id, turns, local: None, done: BTreeSet::new() };
        Self { memory, phase: Phase::Idle { wake: Time(0) }, effects: VecDeque::new() }
    }

    /// The same with a budget of its own, for tasks whose devices randomise their updates.
    #[must_use]
    pub fn with_local(mut self, local: LocalPrivacy) -> Self {
        self.memory.local = Some(local);
        self
    }

    /// Gives the device's own budget back to whoever keeps it.
    #[must_use]
    pub fn into_local(self) -> Option<LocalPrivacy> {
        self.memory.local
    }

    /// Its turns in tasks that limit them.
    #[must_use]
    pub fn turns(&self) -> &BTreeMap<TaskHash, Turn> {
        &self.memory.turns
    }

    /// Its enrolled name.
    #[must_use]
    pub fn id(&self) -> &DeviceId {
        &self.memory.id
    }

    /// Takes in one event. `now` never goes back.
    ///
    /// # Errors
    /// [`DeviceError`] when the coordinator asks for something this device refuses: the device is then idle again and tells
    /// the coordinator that it withdraws. What [is final](DeviceError::is_final) it says once for a task, and withdraws in silence after that. [`DeviceError::Unexpected`] changes nothing: what the device was at goes on.
    pub fn handle(&mut self, now: Time, event: DeviceEvent) -> Result<(), DeviceError> {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle { wake: now });
        let (phase, result) = phase.handle(&mut self.memory, &mut self.effects, now, event);
        self.phase = phase;
        result
    }

    /// The next thing to be done outside; `None` when the device waits.
    pub fn poll_effect(&mut self) -> Option<DeviceEffect> {
        self.effects.pop_front()
    }

    /// When to hand in [`DeviceEvent::Tick`], if at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        match &self.phase {
            Phase::Idle { wake } => Some(*wake),
            _ => None,
        }
    }

    /// Whether it refuses every further round of the task: its own budget has nothing left for one.
    #[must_use]
    pub fn is_done_with(&self, task: &TaskHash) -> bool {
        self.memory.done.contains(task)
    }

    /// Whether the coordinator said that there is nothing more to do.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }
}
