//! A store for tests: it outlives a coordinator, not a process.

use std::collections::{BTreeMap, BTreeSet};

use murmur_privacy::{Digest, ledger::Entry};
use murmur_round::{
    checkpoint::{Checkpoint, Manifest, read_manifest},
    participation::{Attendance, KeptSecret},
    task::TaskHash,
};

use super::{Order, OrderState, Roll, Store, StoreError};

/// Everything in memory, open to be looked at.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    /// Every population's ledger, as the lines a file would hold.
    pub ledgers: BTreeMap<String, Vec<String>>,
    /// Models and their optimiser states.
    pub checkpoints: BTreeMap<Digest, Checkpoint>,
    /// Files that tasks start from.
    pub pretrained: BTreeMap<Digest, Vec<u8>>,
    /// Canonical forms of tasks.
    pub tasks: BTreeMap<TaskHash, Vec<u8>>,
    /// Secrets of blocks under way.
    pub secrets: BTreeMap<TaskHash, KeptSecret>,
    /// Who took part in the rounds of a task, as the lines a file would hold.
    pub attendances: BTreeMap<TaskHash, Vec<String>>,
    /// Whom tasks are for.
    pub rolls: BTreeMap<TaskHash, Roll>,
    /// What operators asked for.
    pub orders: Vec<Order>,
    /// Models whose spends were taken over.
    pub reconciled: BTreeSet<Digest>,
}

impl Store for MemoryStore {
    fn populations(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(self.ledgers.keys().cloned().collect())
    }

    fn entries(&mut self, population: &str) -> Result<Vec<Entry>, StoreError> {
        let lines = self.ledgers.get(population).map_or(&[][..], Vec::as_slice);
        Ok((0..).zip(lines).map(|(index, line)| Entry::from_line(index, line)).collect::<Result<_, _>>()?)
    }

    fn append(&mut self, population: &str, entry: &Entry) -> Result<(), StoreError> {
        let line = entry.to_line()?;
        let lines = self.ledgers.entry(population.to_owned()).or_default();
        let (length, last) = (lines.len() as u64, lines.last());
        if usize::try_from(entry.index).ok().and_then(|index| lines.get(index)) == Some(&line) {
            return Ok(());
        }
        let head = last.map_or(Ok(Digest::ZERO), |last| Entry::from_line(length - 1, last).map(|last| last.digest))?;
        if entry.index != length || entry.previous != head {
            return Err(StoreError::NotNext { population: population.to_owned(), index: entry.index });
        }
        lines.push(line);
        Ok(())
    }

    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let (expected, found) = (checkpoint.digest, Digest::of(&checkpoint.model));
        if expected != found {
            return Err(StoreError::Misnamed { expected, found });
        }
        self.checkpoints.insert(expected, checkpoint.clone());
        Ok(())
    }

    fn checkpoint(&mut self, model: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.checkpoints.get(model).cloned())
    }

    fn put_pretrained(&mut self, file: &[u8]) -> Result<Digest, StoreError> {
        let sha256 = Digest::of(file);
        self.pretrained.insert(sha256, file.to_vec());
        Ok(sha256)
    }

    fn pretrained(&mut self, sha256: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.pretrained.get(sha256).cloned())
    }

    fn put_secret(&mut self, task: &TaskHash, secret: &KeptSecret) -> Result<(), StoreError> {
        self.secrets.insert(*task, secret.clone());
        Ok(())
    }

    fn secret(&mut self, task: &TaskHash) -> Result<Option<KeptSecret>, StoreError> {
        Ok(self.secrets.get(task).cloned())
    }

    fn remove_secret(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.secrets.remove(task);
        Ok(())
    }

    fn append_attendance(&mut self, task: &TaskHash, attendance: &Attendance) -> Result<(), StoreError> {
        self.attendances.entry(*task).or_default().push(attendance.to_line()?);
        Ok(())
    }

    fn attendance(&mut self, task: &TaskHash) -> Result<Vec<Attendance>, StoreError> {
        let lines = self.attendances.get(task).map_or(&[][..], Vec::as_slice);
        Ok(lines.iter().map(|line| Attendance::from_line(line)).collect::<Result<_, _>>()?)
    }

    fn put_task(&mut self, hash: &TaskHash, json: &[u8]) -> Result<(), StoreError> {
        match self.tasks.get(hash) {
            Some(there) if there != json => Err(StoreError::OtherTask { task: *hash }),
            _ => {
                self.tasks.insert(*hash, json.to_vec());
                Ok(())
            }
        }
    }

    fn put_roll(&mut self, task: &TaskHash, roll: Roll) -> Result<(), StoreError> {
        self.rolls.insert(*task, roll);
        Ok(())
    }

    fn roll(&mut self, task: &TaskHash) -> Result<Option<Roll>, StoreError> {
        Ok(self.rolls.get(task).copied())
    }

    fn manifests(&mut self) -> Result<Vec<(Digest, Manifest)>, StoreError> {
        let manifest = |(digest, kept): (&Digest, &Checkpoint)| Some((*digest, read_manifest(&kept.model).ok()?));
        Ok(self.checkpoints.iter().filter_map(manifest).collect())
    }

    fn reconciled(&mut self) -> Result<Vec<Digest>, StoreError> {
        Ok(self.reconciled.iter().copied().collect())
    }

    fn put_reconciled(&mut self, model: &Digest) -> Result<(), StoreError> {
        self.reconciled.insert(*model);
        Ok(())
    }

    fn put_order(&mut self, order: &Order) -> Result<(), StoreError> {
        self.put_task(&order.task, &order.json)?;
        if self.orders.iter().all(|known| known.task != order.task) {
            self.orders.push(order.clone());
        }
        Ok(())
    }

    fn set_order(&mut self, task: &TaskHash, state: OrderState, reason: Option<&str>) -> Result<(), StoreError> {
        let order = self.orders.iter_mut().find(|order| order.task == *task);
        let order = order.ok_or(StoreError::NoOrder { task: *task })?;
        (order.state, order.reason) = (state, reason.map(str::to_owned));
        Ok(())
    }

    fn remove_order(&mut self, task: &TaskHash) -> Result<(), StoreError> {
        self.orders.retain(|order| order.task != *task);
        Ok(())
    }

    fn orders(&mut self) -> Result<Vec<Order>, StoreError> {
        Ok(self.orders.clone())
    }
}
