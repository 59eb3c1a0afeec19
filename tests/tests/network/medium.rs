//! What outlives the server's processes, and how they die of it.

use std::sync::{Arc, Mutex, MutexGuard};

use murmur_privacy::{Digest, ledger::Entry};
use murmur_round::{
    checkpoint::{Checkpoint, Manifest},
    participation::{Attendance, KeptSecret},
    task::TaskHash,
};
use murmur_server::store::{MemoryStore, Order, OrderState, Roll, Store, StoreError};

/// A store in memory that every process of the server has in its turn, and that one of them may die at.
#[derive(Clone, Default)]
pub(crate) struct Medium(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    kept: MemoryStore,
    fuse: Option<Fuse>,
}

/// When a process dies: after so many more durable steps, before or after the next one took hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fuse {
    pub(crate) steps: u32,
    pub(crate) takes_hold: bool,
}

impl Medium {
    pub(crate) fn set_fuse(&self, fuse: Option<Fuse>) {
        self.inner().fuse = fuse;
    }

    /// As it is now.
    pub(crate) fn kept(&self) -> MemoryStore {
        self.inner().kept.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn durably<T>(&self, step: impl FnOnce(&mut MemoryStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut inner = self.inner();
        let died = || StoreError::Other("the process died".to_owned());
        match &mut inner.fuse {
            None => step(&mut inner.kept),
            Some(fuse) if fuse.steps > 0 => {
                fuse.steps -= 1;
                step(&mut inner.kept)
            }
            Some(fuse) => {
                let takes_hold = fuse.takes_hold;
                inner.fuse = None;
                if takes_hold {
                    step(&mut inner.kept)?;
                }
                Err(died())
            }
        }
    }
}

impl Store for Medium {
    fn populations(&mut self) -> Result<Vec<String>, StoreError> {
        self.inner().kept.populations()
    }

    fn entries(&mut self, population: &str) -> Result<Vec<Entry>, StoreError> {
        self.inner().kept.entries(population)
    }

    fn append(&mut self, population: &str, entry: &Entry) -> Result<(), StoreError> {
        self.durably(|kept| kept.append(population, entry))
    }

    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.durably(|kept| kept.put_checkpoint(checkpoint))
    }

    fn checkpoint(&mut self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        self.inner().kept.checkpoint(model)
    }

    fn put_pretrained(&mut self, file: &[u8]) -> Result<Digest, StoreError> {
        self.durably(|kept| kept.put_pretrained(file))
    }

    fn pretrained(&mut self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner().kept.pretrained(sha256)
    }

    fn put_secret(&mut self, task: &TaskHash, secret: &KeptSecret) -> Result<(), StoreError> {
        self.durably(|kept| kept.put_secret(task, secret))
    }

    fn secret(&mut self, task: &TaskHash) -> Result<Option<KeptSecret>, StoreError> {
        self.inner().kept.secret(task)
    }

    fn remove_secret(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.durably(|kept| kept.remove_secret(task))
    }

    fn append_attendance(&mut self, task: &TaskHash, attendance: &Attendance) -> Result<(), StoreError> {
        self.durably(|kept| kept.append_attendance(task, attendance))
    }

    fn attendance(&mut self, task: &TaskHash) -> Result<Vec<Attendance>, StoreError> {
        self.inner().kept.attendance(task)
    }

    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError> {
        self.durably(|kept| kept.put_task(hash, json))
    }

    fn put_roll(&mut self, task: &TaskHash, roll: Roll) -> Result<(), StoreError> {
        self.durably(|kept| kept.put_roll(task, roll))
    }

    fn roll(&mut self, task: &TaskHash) -> Result<Option<Roll>, StoreError> {
        self.inner().kept.roll(task)
    }

    fn manifests(&mut self) -> Result<Vec<(Digest, Manifest)>, StoreError> {
        self.inner().kept.manifests()
    }

    fn reconciled(&mut self) -> Result<Vec<Digest>, StoreError> {
        self.inner().kept.reconciled()
    }

    fn put_reconciled(&mut self, model: &Digest) -> Result<(), StoreError> {
        self.durably(|kept| kept.put_reconciled(model))
    }

    fn put_order(&mut self, order: &Order) -> Result<(), StoreError> {
        self.durably(|kept| kept.put_order(order))
    }

    fn set_order(&mut self, task: &TaskHash, state: OrderState, reason: Option<&str>) -> Result<(), StoreError> {
        self.durably(|kept| kept.set_order(task, state, reason))
    }

    fn remove_order(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.durably(|kept| kept.remove_order(task))
    }

    fn orders(&mut self) -> Result<Vec<Order>, StoreError> {
        self.inner().kept.orders()
    }
}
