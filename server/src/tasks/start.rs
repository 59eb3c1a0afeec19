//! How a task begins, or goes on: for whom it is, what it may spend, and why it waits.

use std::sync::Arc;

use murmur_privacy::{
    Digest, Ledger, NoiseRng, Provenance,
    ledger::{Entry, Record},
};
use murmur_round::{
    SharedLedger,
    device_id::DeviceId,
    founding::{self, FoundingError},
    pretrained::Adaptation,
    task::{Schedule, Task, TaskHash},
};

use super::PopulationView;
use crate::{
    ServerError,
    driver::Driver,
    rollback::{Behind, behind},
    store::{Order, Registry, Roll, SharedStore, Store, StoreError},
};

/// What became of an attempt.
pub(super) enum Start<S> {
    /// It has its reservation.
    Runs(Box<Driver<SharedStore<S>>>, Vec<DeviceId>),
    /// With other devices enrolled it may run; or, once it has its reservation, with what it lacks brought back.
    Waits(String),
    /// It will never run. Nothing was spent.
    Refused(String),
}

/// Whatever a population's tasks have in common.
pub(super) struct Ground<S> {
    pub(super) population: String,
    pub(super) store: SharedStore<S>,
    pub(super) registry: Arc<dyn Registry>,
    /// Set where no round may be opened before an operator has reconciled the ledger.
    pub(super) behind: Option<Behind>,
    /// None until the first task begins.
    pub(super) ledger: Option<SharedLedger>,
}

impl<S: Store> Ground<S> {
    /// Replays the population's ledger, if it has one.
    pub(super) fn open(
        population: String,
        mut store: SharedStore<S>,
        registry: Arc<dyn Registry>,
    ) -> Result<Self, ServerError> {
        let behind = behind(&mut store, &population)?;
        if let Some(behind) = &behind {
            tracing::error!("{behind}");
        }
        let entries = store.entries(&population)?;
        let ledger = match entries.is_empty() {
            true => None,
            false => Some(Ledger::replay(entries).map_err(|cause| {
                let population = population.clone();
                ServerError::Ledger { population, cause }
            })?),
        };
        Ok(Self { population, store, registry, behind, ledger: ledger.map(SharedLedger::from) })
    }

    /// What became of the budget; none before there is a ledger.
    pub(super) fn view(&self) -> Option<PopulationView> {
        let behind = self.behind.as_ref().map(ToString::to_string);
        self.ledger.as_ref().map(|ledger| PopulationView::of(&ledger.lock(), behind))
    }

    /// Whether the task may spend already.
    pub(super) fn is_reserved(&self, task: &TaskHash) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.account(task).is_ok())
    }

    /// Rounds of the task that were released.
    pub(super) fn released(&mut self, task: &TaskHash) -> Result<u32, ServerError> {
        let ours = |entry: &Entry| matches!(&entry.record, Record::Released { task: of, .. } if of == task);
        let entries = self.store.entries(&self.population)?;
        Ok(u32::try_from(entries.into_iter().filter(ours).count()).unwrap_or(u32::MAX))
    }

    /// Begins the task for everybody who is enrolled and not revoked now, or goes on with it for those that it began for.
    pub(super) fn start(&mut self, order: &Order, task: &Task) -> Result<Start<S>, ServerError> {
        if let Some(behind) = &self.behind {
            return Ok(Start::Waits(behind.to_string()));
        }
        let hash = order.task;
        let reserved = self.is_reserved(&hash);
        if !reserved && let Err(refusal) = self.check_files(task)? {
            return Ok(Start::Refused(refusal));
        }
        let roll = match (reserved, self.store.roll(&hash)?) {
            (true, Some(roll)) => roll,
            (true, None) => return Ok(Start::Waits(ServerError::NoRoll { task: hash }.to_string())),
            (false, _) => self.registry.roll()?,
        };
        let devices = self.registry.members(&self.population, roll)?;
        let schedule = match Schedule::new(task.clone(), devices.len() as u64) {
            Ok(schedule) => schedule,
            Err(error) if reserved || error.passes_with_enrolment() => return Ok(Start::Waits(error.to_string())),
            Err(error) => return Ok(Start::Refused(error.to_string())),
        };
        if !reserved && let Err(refusal) = self.reserve(order, &schedule, roll)? {
            return Ok(Start::Refused(refusal));
        }
        let Some(ledger) = self.ledger.clone() else {
            return Ok(Start::Waits("its population has no ledger".to_owned()));
        };
        let entropy = NoiseRng::from_operating_system()?;
        match Driver::join(schedule, devices.clone(), ledger, self.store.clone(), entropy) {
            Ok(driver) => Ok(Start::Runs(Box::new(driver), devices)),
            Err(error @ ServerError::Store(_)) => Err(error),
            // A model that is not there, or what else may be brought back: other tasks go on meanwhile.
            Err(error) => Ok(Start::Waits(error.to_string())),
        }
    }

    /// Whether the files that the task names are here and fit it; in words why not.
    fn check_files(&mut self, task: &Task) -> Result<Result<(), String>, ServerError> {
        if let Some(pretrained) = &task.pretrained {
            let file = match self.file(&pretrained.sha256)? {
                Ok(file) => file,
                Err(damaged) => return Ok(Err(damaged)),
            };
            if let Err(error) = Adaptation::of(task, file.as_deref()) {
                return Ok(Err(error.to_string()));
            }
        }
        for model in task.candidate_models() {
            let file = match self.file(&model.sha256)? {
                Ok(file) => file,
                Err(damaged) => return Ok(Err(damaged)),
            };
            if let Err(error) = model.read(&task.model, file.as_deref()) {
                return Ok(Err(error.to_string()));
            }
        }
        Ok(Ok(()))
    }

    /// A file that operators brought, if it is here; in words what is wrong with it.
    fn file(&mut self, sha256: &Digest) -> Result<Result<Option<Vec<u8>>, String>, ServerError> {
        match self.store.pretrained(sha256) {
            Err(damaged @ StoreError::Misnamed { .. }) => Ok(Err(damaged.to_string())),
            file => Ok(Ok(file?)),
        }
    }

    /// Sets aside what the task may spend; in words why not. The roll is durable before the reservation is.
    fn reserve(&mut self, order: &Order, schedule: &Schedule, roll: Roll) -> Result<Result<(), String>, ServerError> {
        self.store.put_roll(&order.task, roll)?;
        let (mut store, population) = (self.store.clone(), &self.population);
        let persist = |entry: &Entry| store.append(population, entry);
        let founded: Result<(), FoundingError<StoreError>> = match &self.ledger {
            Some(ledger) => founding::reserve(schedule, &mut ledger.lock(), order.budget, persist),
            None => founding::found(schedule, None, order.budget, Provenance::OperatingSystem, persist)
                .map(|ledger| self.ledger = Some(ledger.into())),
        };
        match founded {
            Ok(()) => Ok(Ok(())),
            // What is on the medium is unknown: only another process can tell.
            Err(FoundingError::Persist(error)) => Err(error.into()),
            Err(refusal) => Ok(Err(refusal.to_string())),
        }
    }
}
