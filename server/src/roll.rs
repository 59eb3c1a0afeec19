//! Whom a task is for.

use murmur_privacy::ledger::Record;
use murmur_round::{device_id::DeviceId, task::Task};

use crate::{
    ServerError,
    store::{Registry, Store},
};

/// The devices that a task is for: those enrolled in its population, and not revoked, when it was started first. Its delta,
/// its noise and its denominators hold for them. Whoever is enrolled later is for later tasks; whoever is revoked later is
/// absent, and counts as zero.
///
/// Until the ledger holds the task's reservation, the roll is called anew each time.
///
/// # Errors
/// [`ServerError::NoRoll`] for a task that was started for a list of devices; [`ServerError::Store`]; [`ServerError::Task`].
pub fn call_roll<S: Store>(store: &mut S, registry: &dyn Registry, task: &Task) -> Result<Vec<DeviceId>, ServerError> {
    let (hash, population) = (task.hash()?, &task.population);
    let entries = store.entries(population)?;
    let reserved = entries.iter().any(|entry| matches!(&entry.record, Record::Reserved(of) if of.task == hash));
    let roll = if reserved {
        store.roll(&hash)?.ok_or(ServerError::NoRoll { task: hash })?
    } else {
        let roll = registry.roll()?;
        store.put_roll(&hash, roll)?;
        roll
    };
    Ok(registry.members(population, roll)?)
}

#[cfg(test)]
mod tests;
