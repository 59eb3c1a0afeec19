//! The outcome of a selection, fixed when a round opens.

use std::collections::BTreeSet;

use murmur_privacy::noise::Secret;

use super::{Participation, allocation::assigned_rounds, coin::Coin};
use crate::device_id::DeviceId;

/// Who may take part in one round.
#[derive(Debug)]
pub enum Selection {
    /// Exactly these devices, whether they are present or not.
    Chosen(BTreeSet<DeviceId>),
    /// Whoever checks in first, up to this many.
    FirstComers(usize),
}

impl Participation {
    /// Selects the cohort of one round from the whole enrolled population, or where turns are limited from those of it whose turn it may
    /// be. `secret` is fresh for the round or, under random
    /// allocation, for the block of which this is the round at `place` (from 0); it is the coordinator's alone.
    #[must_use]
    pub fn select(&self, secret: &Secret, place: u32, enrolled: &[DeviceId]) -> Selection {
        let coin = Coin::new(secret);
        match *self {
            Self::Poisson { rate, .. } => {
                Selection::Chosen(enrolled.iter().filter(|device| coin.includes(device, rate)).cloned().collect())
            }
            Self::Allocation { rounds_per_device, .. } => {
                let rounds = self.block_rounds().get();
                let here = |device: &&DeviceId| {
                    assigned_rounds(&mut coin.stream(device), rounds, rounds_per_device).contains(&place)
                };
                Selection::Chosen(enrolled.iter().filter(here).cloned().collect())
            }
            Self::Fixed { cohort, .. } => {
                let mut ranked: Vec<(u64, &DeviceId)> =
                    enrolled.iter().map(|device| (coin.value(device), device)).collect();
                ranked.sort_unstable();
                Selection::Chosen(ranked.into_iter().take(cohort as usize).map(|(_, device)| device.clone()).collect())
            }
            Self::CheckIn { cohort, .. } => Selection::FirstComers((cohort as usize).min(enrolled.len())),
        }
    }
}

#[cfg(test)]
mod tests;
