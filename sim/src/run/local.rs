//! The own budgets of virtual devices, for tasks whose devices randomise their updates.

use std::collections::HashMap;

use murmur_privacy::{
    Digest, NoiseRng, Provenance,
    local::ledger::{LocalLedger, LocalOpening},
    units::Epsilon,
};
use murmur_round::device::LocalPrivacy;

use crate::{SimError, scenario::Scenario};

/// What virtual devices spent on randomising their own updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalSpending {
    /// Devices that spent anything.
    pub devices: u64,
    /// The most that one of them spent.
    pub most: Epsilon,
}

/// Every virtual device's own ledger, opened when it is first needed. "Durable" is memory here.
#[derive(Debug)]
pub(super) struct LocalBudgets {
    opening: LocalOpening,
    seed: u64,
    ledgers: HashMap<u64, LocalLedger>,
}

impl LocalBudgets {
    /// The budgets of a scenario; none where devices send what they trained.
    pub(super) fn of(scenario: &Scenario) -> Result<Option<Self>, SimError> {
        if scenario.task.privacy.local.is_none() {
            return Ok(None);
        }
        let population = &scenario.population;
        let epsilon = population.local_epsilon.ok_or(SimError::NoLocalBudget)?;
        let opening = LocalOpening::new(epsilon, population.local_delta, Provenance::Simulated);
        Ok(Some(Self { opening, seed: scenario.seed, ledgers: HashMap::new() }))
    }

    /// Hands a device its budget for one round. Its randomness depends on who it is and on all that it sent before, and not on
    /// which thread works for it when.
    pub(super) fn take(&mut self, device: u64) -> Result<LocalPrivacy, SimError> {
        let ledger = match self.ledgers.remove(&device) {
            Some(ledger) => ledger,
            None => {
                let (mut ledger, opened) = LocalLedger::open(self.opening.clone())?;
                ledger.persisted(opened.index)?;
                ledger
            }
        };
        let label = [b"local randomness".as_slice(), &self.seed.to_le_bytes(), &device.to_le_bytes()].concat();
        let digest = Digest::of(&[&label, ledger.head().as_bytes().as_slice()].concat());
        let (seed, _) = digest.as_bytes().split_first_chunk().unwrap_or((&[0; 8], &[]));
        Ok(LocalPrivacy { ledger, entropy: NoiseRng::seeded(u64::from_le_bytes(*seed)) })
    }

    /// Takes the budget back.
    pub(super) fn put(&mut self, device: u64, local: LocalPrivacy) {
        self.ledgers.insert(device, local.ledger);
    }

    /// What was spent so far.
    pub(super) fn spending(&self) -> LocalSpending {
        let spent = self.ledgers.values().map(|ledger| ledger.spent().0).filter(|spent| *spent > Epsilon::ZERO);
        let (devices, most) =
            spent.fold((0, Epsilon::ZERO), |(count, most), spent| (count + 1, if spent > most { spent } else { most }));
        LocalSpending { devices, most }
    }
}
