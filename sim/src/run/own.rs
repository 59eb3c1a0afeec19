//! Layers that are each device's own: who has which, and how good devices are with theirs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use murmur_client::{Evaluation, Examples};
use murmur_round::{beginning::Beginning, device_id::DeviceId, params::Params};
use serde::{Deserialize, Serialize};

use crate::{SimError, population::Population};

/// How good devices are with layers of their own, each on examples of its own that it does not train on. That this can be told is a
/// simulation's privilege: in a deployment nobody sees it but they.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnQuality {
    /// Devices that have such layers, since they took part, and such examples.
    pub devices: u64,
    /// Their examples.
    pub examples: u64,
    /// Fraction of these examples that were told right.
    pub accuracy: f64,
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Mean of the devices' accuracies: every device counts the same, however many examples there are.
    pub mean_accuracy: f64,
}

/// What evaluates a released model with a device's own layers; without any, with those that devices begin with.
pub(super) type Judge<'a> = dyn FnMut(&Params, Option<&Params>, &Examples) -> Result<Evaluation, SimError> + 'a;

/// The layers of devices that took part, in memory.
pub(super) struct OwnLayers {
    initial: Arc<Params>,
    kept: BTreeMap<u64, Arc<Params>>,
}

impl OwnLayers {
    /// Nobody has any yet; none where the task gives devices none.
    pub(super) fn of(beginning: &Beginning) -> Option<Self> {
        beginning.own().map(|initial| Self { initial: Arc::new(initial.clone()), kept: BTreeMap::new() })
    }

    /// What a device begins a round with.
    pub(super) fn recall(&self, device: u64) -> Arc<Params> {
        self.kept.get(&device).unwrap_or(&self.initial).clone()
    }

    pub(super) fn keep(&mut self, device: u64, own: Params) {
        self.kept.insert(device, Arc::new(own));
    }

    /// To be written down, in the order of devices.
    pub(super) fn values(&self) -> Vec<(u64, Vec<f32>)> {
        self.kept.iter().map(|(device, own)| (*device, own.values().to_vec())).collect()
    }

    /// As they were written down.
    pub(super) fn restored(mut self, values: Vec<(u64, Vec<f32>)>) -> Result<Self, SimError> {
        for (device, values) in values {
            let own = Params::new(self.initial.layout().clone(), values);
            let own = own.map_err(|error| SimError::Snapshot { what: error.to_string() })?;
            self.keep(device, own);
        }
        Ok(self)
    }

    /// How good devices are with theirs, on top of this model; none where no device has any, or nobody has examples apart. Of a population
    /// that a program draws, so many devices are looked at, in their order, as have `most` examples.
    pub(super) fn quality(
        &self,
        shared: &Params,
        population: &Population,
        most: usize,
        judge: &mut Judge<'_>,
    ) -> Result<Option<OwnQuality>, SimError> {
        let apart = population.apart();
        let (mut devices, mut examples, mut right, mut loss, mut accuracies) = (0_u64, 0, 0.0, 0.0, 0.0);
        for (device, own) in &self.kept {
            if population.is_drawn() && examples >= most {
                break;
            }
            let Some(test) = apart.of(*device)?.filter(|test| !test.is_empty()) else { continue };
            let found = judge(shared, Some(own), &test)?;
            let count = test.len() as f64;
            right += found.accuracy * count;
            loss += found.loss * count;
            accuracies += found.accuracy;
            examples += test.len();
            devices += 1;
        }
        let count = examples as f64;
        Ok((devices > 0).then(|| OwnQuality {
            devices,
            examples: examples as u64,
            accuracy: right / count,
            loss: loss / count,
            mean_accuracy: accuracies / devices as f64,
        }))
    }

    /// The same by the devices' names.
    pub(super) fn by_name(&self, population: &Population) -> Result<HashMap<DeviceId, &Params>, SimError> {
        self.kept.iter().map(|(device, own)| Ok((population.device(*device)?, &**own))).collect()
    }
}
