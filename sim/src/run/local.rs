//! The own budgets of virtual devices, for tasks whose devices randomise their updates.

use std::collections::{BTreeMap, HashMap};

use murmur_privacy::{
    Digest, NoiseRng, Provenance,
    local::ledger::{LocalEntry, LocalLedger, LocalOpening},
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
    /// The entries of each device's ledger.
    entries: BTreeMap<u64, Vec<LocalEntry>>,
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
        Ok(Some(Self { opening, seed: scenario.seed, ledgers: HashMap::new(), entries: BTreeMap::new() }))
    }

    /// Hands a device its budget for one round. Its randomness depends on who it is and on all that it sent before, and not on
    /// which thread works for it when.
    pub(super) fn take(&mut self, device: u64) -> Result<LocalPrivacy, SimError> {
        let ledger = match self.ledgers.remove(&device) {
            Some(ledger) => ledger,
            None => {
                let (mut ledger, opened) = LocalLedger::open(self.opening.clone())?;
                ledger.persisted(opened.index)?;
                self.entries.insert(device, vec![opened]);
                ledger
            }
        };
        let label = [b"local randomness".as_slice(), &self.seed.to_le_bytes(), &device.to_le_bytes()].concat();
        let digest = Digest::of(&[&label, ledger.head().as_bytes().as_slice()].concat());
        let (seed, _) = digest.as_bytes().split_first_chunk().unwrap_or((&[0; 8], &[]));
        Ok(LocalPrivacy { ledger, entropy: NoiseRng::seeded(u64::from_le_bytes(*seed)) })
    }

    /// Takes the budget back, with what was charged to it.
    pub(super) fn put(&mut self, device: u64, local: LocalPrivacy, charged: Option<LocalEntry>) {
        self.ledgers.insert(device, local.ledger);
        self.entries.entry(device).or_default().extend(charged);
    }

    /// The same where the device worked on another rank, whose charge is taken up under all the rules, as when a ledger is read again.
    pub(super) fn follow(
        &mut self,
        device: u64,
        local: LocalPrivacy,
        charged: Option<LocalEntry>,
    ) -> Result<(), SimError> {
        let entries = self.entries.entry(device).or_default();
        let ledger = if charged.is_some() {
            entries.extend(charged);
            LocalLedger::replay(entries.iter().cloned())?
        } else {
            local.ledger
        };
        self.ledgers.insert(device, ledger);
        Ok(())
    }

    /// All entries, device by device.
    pub(super) fn lines(&self) -> Result<Vec<(u64, Vec<String>)>, SimError> {
        let lines = |(device, entries): (&u64, &Vec<LocalEntry>)| {
            Ok((*device, entries.iter().map(LocalEntry::to_line).collect::<Result<_, _>>()?))
        };
        self.entries.iter().map(lines).collect()
    }

    /// The budgets that these entries lead to.
    pub(super) fn restored(mut self, kept: Vec<(u64, Vec<String>)>) -> Result<Self, SimError> {
        for (device, lines) in kept {
            let entries = lines.iter().zip(0..).map(|(line, index)| LocalEntry::from_line(index, line));
            let entries: Vec<LocalEntry> = entries.collect::<Result<_, _>>()?;
            self.ledgers.insert(device, LocalLedger::replay(entries.clone())?);
            self.entries.insert(device, entries);
        }
        Ok(self)
    }

    /// What was spent so far.
    pub(super) fn spending(&self) -> LocalSpending {
        let spent = self.ledgers.values().map(|ledger| ledger.spent().0).filter(|spent| *spent > Epsilon::ZERO);
        let (devices, most) =
            spent.fold((0, Epsilon::ZERO), |(count, most), spent| (count + 1, if spent > most { spent } else { most }));
        LocalSpending { devices, most }
    }
}
