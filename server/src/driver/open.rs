//! A task's beginning, or its resumption after whatever happened to the last process.

use bytes::Bytes;
use murmur_privacy::{
    Digest, Ledger, NoiseRng,
    ledger::{Entry, Record},
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    SharedLedger,
    coordinator::{Coordinator, StartError, Stored},
    device_id::DeviceId,
    founding::found,
    pretrained::Adaptation,
    task::{Schedule, Task},
    time::Time,
};

use super::{Driver, Published, notes::Notes};
use crate::{ServerError, failpoint::reached, rollback::behind, store::Store};

impl<S: Store> Driver<S> {
    /// Brings the task to where its first or next round can run: replays the ledger, founds the task if it is new, loads
    /// the model that the ledger names last. A round that was open is abandoned; one that was paid for and not released is
    /// lost. Neither number is used again. A block of rounds goes on with its kept secret and its record of who took part; without
    /// them the rest of it is given up.
    ///
    /// `budget` opens a new population; an old one must have been opened with the same, or with none named here.
    ///
    /// # Errors
    /// [`ServerError`], notably [`is_refusal`](ServerError::is_refusal) for a task that the population cannot pay for.
    pub fn open(
        schedule: Schedule,
        devices: Vec<DeviceId>,
        budget: Option<(Epsilon, DeltaProbability)>,
        mut store: S,
        entropy: NoiseRng,
    ) -> Result<Self, ServerError> {
        let population = schedule.task().population.clone();
        if let Some(behind) = behind(&mut store, &population)? {
            return Err(behind.into());
        }
        let entries = store.entries(&population)?;
        let ledger = match entries.is_empty() {
            true => None,
            false => Some(Ledger::replay(entries).map_err(|cause| {
                let population = population.clone();
                ServerError::Ledger { population, cause }
            })?),
        };
        reached("serve.founding");
        let ledger = found(&schedule, ledger, budget, entropy.provenance(), |entry| store.append(&population, entry))?;
        reached("serve.founded");
        Self::join(schedule, devices, ledger.into(), store, entropy)
    }

    /// As [`open`](Self::open), for a task that has its reservation in a ledger which other tasks of the population share. Whatever one
    /// of their drivers takes in, it has carried out before another one takes in anything.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn join(
        schedule: Schedule,
        devices: Vec<DeviceId>,
        ledger: SharedLedger,
        mut store: S,
        entropy: NoiseRng,
    ) -> Result<Self, ServerError> {
        let population = schedule.task().population.clone();
        let rounds_released = released(&store.entries(&population)?, &schedule);
        let hash = schedule.hash();
        let account = ledger.account(&hash).map_err(|cause| ServerError::Ledger { population, cause })?;
        let reservation = account.reservation();
        if reservation.round_event != *schedule.round_event() || reservation.rounds != schedule.task().rounds {
            return Err(ServerError::OtherSchedule { task: hash });
        }
        store.put_task(&hash, &schedule.task().to_json()?)?;
        reached("serve.task-kept");
        let checkpoint = match account.model() {
            Some((_, model)) => store.checkpoint(&model)?,
            None => None,
        };
        let notes = Notes::new(&schedule);
        let pretrained = match &schedule.task().pretrained {
            Some(pretrained) => store.pretrained(&pretrained.sha256)?,
            None => None,
        };
        let offered = offered(schedule.task(), pretrained.as_deref(), &mut store)?;
        let (secret, attendance) = (store.secret(&hash)?, store.attendance(&hash)?);
        let stored = Stored { checkpoint, secret, attendance, pretrained };
        let coordinator = Coordinator::start(schedule, devices, ledger, entropy, stored)?;
        reached("serve.started");
        Ok(Self {
            coordinator,
            store,
            published: Published::with_public(offered),
            staged: None,
            rounds_released,
            evaluation: None,
            notes,
            now: Time(0),
            broken: false,
        })
    }
}

/// The files that devices fetch: because only a part of the model is released, or because candidates begin with other models. They must be
/// there for as long as the task goes on.
fn offered<S: Store>(task: &Task, file: Option<&[u8]>, store: &mut S) -> Result<Vec<(Digest, Bytes)>, ServerError> {
    let mut offered = Vec::new();
    if let Some(pretrained) = task.file_beside() {
        Adaptation::of(task, file).map_err(StartError::from)?;
        offered.extend(file.map(|file| (pretrained.sha256, Bytes::copy_from_slice(file))));
    }
    for model in task.candidate_models() {
        let file = store.pretrained(&model.sha256)?;
        model.read(&task.model, file.as_deref())?;
        offered.extend(file.map(|file| (model.sha256, Bytes::from(file))));
    }
    Ok(offered)
}

fn released(entries: &[Entry], schedule: &Schedule) -> u32 {
    let ours = |entry: &&Entry| matches!(&entry.record, Record::Released { task, .. } if *task == schedule.hash());
    u32::try_from(entries.iter().filter(ours).count()).unwrap_or(u32::MAX)
}
