//! A run's beginning: before its first round, or where it was interrupted.

use murmur_privacy::{Ledger, NoiseRng, Provenance};
use murmur_round::{
    coordinator::{Coordinator, Event, Stored},
    device_id::DeviceId,
    founding,
    task::Schedule,
};

use super::{
    Measurement, Phases, Round, clock::Clock, fleet::Fleet, local::LocalBudgets, own::OwnLayers, snapshot::Snapshot,
    standing::stored, timing::Timing,
};
use crate::{SimError, population::Population, scenario::Scenario};

/// What a fleet has before its first round.
pub(super) struct Begins {
    pub(super) local: Option<LocalBudgets>,
    pub(super) own: Option<OwnLayers>,
    pub(super) pretrained: Option<Vec<u8>>,
}

/// A fleet before its first round, or as an interrupted run left it.
pub(super) struct Begun<'a> {
    pub(super) fleet: Fleet<'a>,
    pub(super) measurements: Vec<Measurement>,
    pub(super) history: Vec<Round>,
    /// That the run took before.
    pub(super) seconds: f64,
    pub(super) phases: Phases,
}

impl<'a> Begun<'a> {
    pub(super) fn of(
        scenario: &Scenario,
        population: &'a Population,
        schedule: &Schedule,
        begins: Begins,
        clock: &'a Clock,
        from: Option<Vec<u8>>,
    ) -> Result<Self, SimError> {
        let Begins { local, own, pretrained } = begins;
        let enrolled: Vec<DeviceId> =
            (0..population.devices()).map(|index| population.device(index)).collect::<Result<_, _>>()?;
        let timing = scenario.fleet.clone().map(|spec| Timing::new(spec, scenario.seed));
        let start = |ledger, entropy, stored| Coordinator::start(schedule.clone(), enrolled, ledger, entropy, stored);
        let Some(bytes) = from else {
            let budget = scenario.population.epsilon.zip(scenario.population.delta);
            let mut entries = Vec::new();
            let ledger = founding::found(schedule, None, budget, Provenance::Simulated, |entry| {
                entries.push(entry.clone());
                Ok(())
            })?;
            let coordinator =
                start(ledger, NoiseRng::seeded(scenario.seed), Stored { pretrained, ..Stored::default() })?;
            let fleet = Fleet::new(coordinator, population, timing, clock, entries, local, own);
            let (measurements, history) = (Vec::new(), Vec::new());
            return Ok(Self { fleet, measurements, history, seconds: 0.0, phases: Phases::default() });
        };
        let snapshot = Snapshot::from_bytes(scenario, &bytes)?;
        let (released, entropy) = (snapshot.released, snapshot.entropy);
        let (seconds, phases) = (snapshot.seconds, snapshot.phases);
        let opened = snapshot.open()?;
        let ledger = Ledger::replay(opened.entries.clone())?;
        let entropy = NoiseRng::seeded_at(scenario.seed, entropy);
        let mut coordinator = start(ledger, entropy, stored(opened.model.clone(), &opened.kept)?)?;
        // After the last round there is nothing to wait for.
        coordinator.handle(opened.standing.now, Event::Tick);
        let local = local.map(|local| local.restored(opened.local)).transpose()?;
        let own = own.map(|own| own.restored(opened.own)).transpose()?;
        let fleet = Fleet::new(coordinator, population, timing, clock, opened.entries, local, own);
        let fleet = fleet.standing(opened.standing, opened.kept, released, opened.model);
        Ok(Self { fleet, measurements: opened.measurements, history: opened.history, seconds, phases })
    }
}
