//! What every store must do, run on each.

mod registry;

use murmur_privacy::{
    Digest, Ledger, Provenance,
    ledger::{Entry, Opening},
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    checkpoint::Checkpoint,
    participation::{Attendance, KeptSecret},
};
use tempfile::TempDir;

use super::{MemoryStore, Order, OrderState, Roll, SharedStore, SqliteStore, Store, StoreError, keep_pretrained};

/// The beginning of a ledger: an opening, a reservation and `rounds` rounds, opened and given up.
pub(super) fn chain(rounds: u32) -> Vec<Entry> {
    let delta = DeltaProbability::new(1e-5).unwrap();
    let opening = Opening::new("phones".into(), Epsilon::INFINITE, delta, Provenance::Simulated);
    let (mut ledger, first) = Ledger::open(opening).unwrap();
    ledger.persisted(0).unwrap();
    let task = Digest::of(b"task");
    let event = murmur_privacy::DpEvent::NonPrivate;
    let second = ledger.reserve(task, event, 3, 100, Epsilon::INFINITE, delta).unwrap();
    ledger.persisted(1).unwrap();
    let mut entries = vec![first, second];
    for round in 0..rounds {
        for work in [Ledger::open_round, Ledger::abandon] {
            entries.push(work(&mut ledger, task, round).unwrap());
            ledger.persisted(entries.len() as u64 - 1).unwrap();
        }
    }
    entries
}

pub(super) fn checkpoint(model: &[u8]) -> Checkpoint {
    Checkpoint { model: model.to_vec(), digest: Digest::of(model), optimizer: b"slots".to_vec() }
}

pub(super) fn attendance(position: u32, round: u32, names: &[&str]) -> Attendance {
    Attendance { position, round, devices: names.iter().map(|name| name.parse().unwrap()).collect() }
}

fn contract(store: &mut impl Store) {
    let entries = chain(2);
    assert_eq!(store.entries("phones").unwrap(), []);
    for (count, entry) in entries.iter().enumerate() {
        // Not before its turn, and not after it in another form.
        if let Some(early) = entries.get(count + 1) {
            refused(store, early);
        }
        store.append("phones", entry).unwrap();
        store.append("phones", entry).unwrap();
        assert_eq!(store.entries("phones").unwrap(), entries[..=count], "once");
    }
    refused(store, &Entry { previous: Digest::ZERO, ..entries[2].clone() });
    refused(store, &Entry { index: entries.len() as u64, ..entries[2].clone() });
    refused(store, &Entry { index: u64::MAX, ..entries[2].clone() });
    assert_eq!(store.entries("phones").unwrap(), entries);
    assert_eq!(store.entries("tablets").unwrap(), [], "ledgers are kept apart");
    let kept = checkpoint(b"model");
    assert_eq!(store.checkpoint(&kept.digest).unwrap(), None);
    store.put_checkpoint(&kept).unwrap();
    store.put_checkpoint(&kept).unwrap();
    assert_eq!(store.checkpoint(&kept.digest).unwrap(), Some(kept.clone()));
    let misnamed = Checkpoint { digest: Digest::ZERO, ..kept };
    assert!(matches!(store.put_checkpoint(&misnamed), Err(StoreError::Misnamed { .. })));
    assert_eq!(store.checkpoint(&Digest::ZERO).unwrap(), None);
    assert_eq!(store.pretrained(&Digest::of(b"start")).unwrap(), None);
    for _ in 0..2 {
        assert_eq!(store.put_pretrained(b"start").unwrap(), Digest::of(b"start"));
        assert_eq!(store.pretrained(&Digest::of(b"start")).unwrap().as_deref(), Some(&b"start"[..]));
    }
    assert_eq!(store.checkpoint(&Digest::of(b"start")).unwrap(), None, "it is no model that was released");
    let (task, other) = (Digest::of(b"task"), Digest::of(b"other"));
    assert_eq!(store.secret(&task).unwrap(), None);
    for bytes in [b"first".to_vec(), b"second".to_vec(), b"second".to_vec()] {
        store.put_secret(&task, &KeptSecret::new(bytes.clone())).unwrap();
        assert_eq!(store.secret(&task).unwrap(), Some(KeptSecret::new(bytes)), "the last one alone");
    }
    assert_eq!(store.secret(&other).unwrap(), None);
    store.put_secret(&other, &KeptSecret::new(b"kept".to_vec())).unwrap();
    store.remove_secret(&task).unwrap();
    store.remove_secret(&task).unwrap();
    assert_eq!(store.secret(&task).unwrap(), None);
    assert_eq!(store.secret(&other).unwrap(), Some(KeptSecret::new(b"kept".to_vec())));
    assert_eq!(store.attendance(&task).unwrap(), []);
    // The same position may come twice, and nobody may have been there.
    let attendances = [attendance(0, 0, &["a", "b"]), attendance(0, 1, &["b"]), attendance(1, 2, &[])];
    for (count, one) in attendances.iter().enumerate() {
        store.append_attendance(&task, one).unwrap();
        assert_eq!(store.attendance(&task).unwrap(), attendances[..=count]);
    }
    assert_eq!(store.attendance(&other).unwrap(), [], "tasks are kept apart");
    store.put_task(&Digest::of(b"{}"), b"{}").unwrap();
    store.put_task(&Digest::of(b"{}"), b"{}").unwrap();
    assert!(matches!(store.put_task(&Digest::of(b"{}"), b"{ }"), Err(StoreError::OtherTask { .. })));
    assert_eq!(store.roll(&task).unwrap(), None);
    for enrolled in [7, u64::MAX >> 1, 9] {
        let roll = Roll { enrolled, revoked: 2 };
        store.put_roll(&task, roll).unwrap();
        assert_eq!(store.roll(&task).unwrap(), Some(roll), "the last one");
    }
    assert_eq!(store.roll(&other).unwrap(), None);
    assert_eq!(store.populations().unwrap(), ["phones"]);
    orders(store);
    assert_eq!(store.manifests().unwrap(), [], "nothing here is a model");
    for digest in [Digest::of(b"model"), Digest::ZERO] {
        assert_eq!(
            store.manifest(&digest).unwrap(),
            None,
            "neither what is no model nor what is not there states anything"
        );
    }
    assert_eq!(store.reconciled().unwrap(), []);
    store.put_reconciled(&task).unwrap();
    store.put_reconciled(&task).unwrap();
    assert_eq!(store.reconciled().unwrap(), [task]);
}

fn order(json: &[u8], budget: bool) -> Order {
    let budget = budget.then(|| (Epsilon::new(2.5).unwrap(), DeltaProbability::new(1e-5).unwrap()));
    let created = crate::moment::Moment::new(77);
    Order { task: Digest::of(json), json: json.to_vec(), created, budget, state: OrderState::Active, reason: None }
}

fn orders(store: &mut impl Store) {
    assert_eq!(store.orders().unwrap(), []);
    let mut all = [order(b"[1]", true), order(b"[0]", false)];
    for (count, one) in all.iter().enumerate() {
        store.put_order(one).unwrap();
        store.put_order(&Order { state: OrderState::Paused, ..one.clone() }).unwrap();
        assert_eq!(store.orders().unwrap(), all[..=count], "once, as it was first");
    }
    let other = Order { json: b"[ 1]".to_vec(), ..all[0].clone() };
    assert!(matches!(store.put_order(&other), Err(StoreError::OtherTask { .. })));
    let states = ["active", "paused", "cancelling", "cancelled", "completed", "budget_exhausted", "refused", "failed"];
    for word in states {
        all[1].state = OrderState::from_word(word).unwrap();
        all[1].reason = all[1].state.is_over().then(|| word.to_owned());
        store.set_order(&all[1].task, all[1].state, all[1].reason.as_deref()).unwrap();
        assert_eq!(store.orders().unwrap(), all);
    }
    let unknown = Digest::of(b"task");
    let error = store.set_order(&unknown, OrderState::Active, None).unwrap_err();
    assert!(matches!(error, StoreError::NoOrder { task } if task == unknown), "{error}");
    store.remove_order(&all[0].task).unwrap();
    store.remove_order(&all[0].task).unwrap();
    assert_eq!(store.orders().unwrap(), all[1..]);
}

fn refused(store: &mut impl Store, entry: &Entry) {
    let error = store.append("phones", entry).unwrap_err();
    assert!(matches!(error, StoreError::NotNext { index, .. } if index == entry.index), "{error}");
}

#[test]
fn the_memory_store_keeps_the_contract() {
    contract(&mut MemoryStore::default());
    contract(&mut SharedStore::from(MemoryStore::default()));
}

#[test]
fn the_sqlite_store_keeps_the_contract_and_survives_reopening() {
    let folder = TempDir::new().unwrap();
    contract(&mut SqliteStore::open(folder.path()).unwrap());
    let mut again = SqliteStore::open(folder.path()).unwrap();
    assert_eq!(again.entries("phones").unwrap(), chain(2));
    assert!(again.checkpoint(&Digest::of(b"model")).unwrap().is_some());
    assert_eq!(again.attendance(&Digest::of(b"task")).unwrap().len(), 3);
    assert_eq!(again.secret(&Digest::of(b"other")).unwrap(), Some(KeptSecret::new(b"kept".to_vec())));
    assert!(matches!(again.put_task(&Digest::of(b"{}"), b"{ }"), Err(StoreError::OtherTask { .. })));
    assert_eq!(again.roll(&Digest::of(b"task")).unwrap(), Some(Roll { enrolled: 9, revoked: 2 }));
    assert_eq!(again.orders().unwrap().len(), 1);
    assert_eq!(again.pretrained(&Digest::of(b"start")).unwrap().as_deref(), Some(&b"start"[..]));
    // Beside whoever serves, and damaged afterwards.
    let beside = keep_pretrained(folder.path(), b"beside").unwrap();
    assert_eq!(again.pretrained(&beside).unwrap().as_deref(), Some(&b"beside"[..]));
    std::fs::write(folder.path().join(format!("pretrained/{beside}.safetensors")), b"beside!").unwrap();
    assert!(matches!(again.pretrained(&beside), Err(StoreError::Misnamed { .. })));
}
