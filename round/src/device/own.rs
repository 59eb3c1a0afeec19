//! A device's own layers, in a round of a task that has such.

use murmur_privacy::Delta;

use super::DeviceError;
use crate::{params::Params, personal::Division};

/// A device's own layers as a round began with them.
pub(super) struct Own {
    division: Division,
    before: Params,
}

impl Own {
    /// All that the device trains: the model that it got, and its own layers.
    pub(super) fn begin(division: Division, shared: &Params, own: Params) -> Result<(Self, Params), DeviceError> {
        let mismatch = |error: crate::params::DimensionMismatch| DeviceError::Dimension {
            expected: error.expected,
            found: error.found,
        };
        let local = division.join(shared, &own).map_err(mismatch)?;
        Ok((Self { division, before: own }, local))
    }

    /// What is sent of what was trained, and the device's own layers after it. Those stay as they were where training came to something that
    /// is no number: a device would never get over it.
    pub(super) fn end(self, trained: Delta) -> (Delta, Option<Params>) {
        let Self { division, before: mut own } = self;
        let (sent, change) = trained.set_apart(division.stretches());
        if change.len() != own.dimension() {
            return (sent, None);
        }
        own.values_mut().iter_mut().zip(change).for_each(|(value, change)| *value += change);
        let learnt = own.values().iter().all(|value| value.is_finite());
        (sent, learnt.then_some(own))
    }
}
