//! One store among several threads: each call has it to itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use murmur_privacy::{Digest, ledger::Entry};
use murmur_round::{
    checkpoint::{Checkpoint, Manifest},
    participation::{Attendance, KeptSecret},
    task::TaskHash,
};

use super::{Order, OrderState, Roll, Store, StoreError};

/// A handle on a store. Its contract is that of the store itself: calls take turns.
#[derive(Debug)]
pub struct SharedStore<S>(Arc<Mutex<S>>);

impl<S> Clone for SharedStore<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> From<S> for SharedStore<S> {
    fn from(store: S) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }
}

impl<S> SharedStore<S> {
    fn lock(&self) -> MutexGuard<'_, S> {
        // A call that panicked left all of what was asked for, or nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Store for SharedStore<S> {
    fn populations(&mut self) -> Result<Vec<String>, StoreError> {
        self.lock().populations()
    }

    fn entries(&mut self, population: &str) -> Result<Vec<Entry>, StoreError> {
        self.lock().entries(population)
    }

    fn append(&mut self, population: &str, entry: &Entry) -> Result<(), StoreError> {
        self.lock().append(population, entry)
    }

    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.lock().put_checkpoint(checkpoint)
    }

    fn checkpoint(&mut self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        self.lock().checkpoint(model)
    }

    fn put_pretrained(&mut self, file: &[u8]) -> Result<Digest, StoreError> {
        self.lock().put_pretrained(file)
    }

    fn pretrained(&mut self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.lock().pretrained(sha256)
    }

    fn put_secret(&mut self, task: &TaskHash, secret: &KeptSecret) -> Result<(), StoreError> {
        self.lock().put_secret(task, secret)
    }

    fn secret(&mut self, task: &TaskHash) -> Result<Option<KeptSecret>, StoreError> {
        self.lock().secret(task)
    }

    fn remove_secret(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.lock().remove_secret(task)
    }

    fn append_attendance(&mut self, task: &TaskHash, attendance: &Attendance) -> Result<(), StoreError> {
        self.lock().append_attendance(task, attendance)
    }

    fn attendance(&mut self, task: &TaskHash) -> Result<Vec<Attendance>, StoreError> {
        self.lock().attendance(task)
    }

    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError> {
        self.lock().put_task(hash, json)
    }

    fn put_roll(&mut self, task: &TaskHash, roll: Roll) -> Result<(), StoreError> {
        self.lock().put_roll(task, roll)
    }

    fn roll(&mut self, task: &TaskHash) -> Result<Option<Roll>, StoreError> {
        self.lock().roll(task)
    }

    fn manifests(&mut self) -> Result<Vec<(Digest, Manifest)>, StoreError> {
        self.lock().manifests()
    }

    fn manifest(&mut self, model: &Digest) -> Result<Option<(Manifest, u64)>, StoreError> {
        self.lock().manifest(model)
    }

    fn reconciled(&mut self) -> Result<Vec<Digest>, StoreError> {
        self.lock().reconciled()
    }

    fn put_reconciled(&mut self, model: &Digest) -> Result<(), StoreError> {
        self.lock().put_reconciled(model)
    }

    fn put_order(&mut self, order: &Order) -> Result<(), StoreError> {
        self.lock().put_order(order)
    }

    fn set_order(&mut self, task: &TaskHash, state: OrderState, reason: Option<&str>) -> Result<(), StoreError> {
        self.lock().set_order(task, state, reason)
    }

    fn remove_order(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.lock().remove_order(task)
    }

    fn orders(&mut self) -> Result<Vec<Order>, StoreError> {
        self.lock().orders()
    }
}
