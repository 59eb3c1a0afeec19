//! What every store must do, run on each; and what the file store does in which order.

use std::{fs, path::Path};

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

use super::{FileStore, MemoryStore, Store, StoreError};

fn chain() -> Vec<Entry> {
    let delta = DeltaProbability::new(1e-5).unwrap();
    let opening = Opening::new("phones".into(), Epsilon::INFINITE, delta, Provenance::Simulated);
    let (mut ledger, first) = Ledger::open(opening).unwrap();
    ledger.persisted(0).unwrap();
    let task = Digest::of(b"task");
    let event = murmur_privacy::DpEvent::NonPrivate;
    let second = ledger.reserve(task, event, 3, 100, Epsilon::INFINITE, delta).unwrap();
    ledger.persisted(1).unwrap();
    let third = ledger.open_round(task, 0).unwrap();
    vec![first, second, third]
}

fn checkpoint(model: &[u8]) -> Checkpoint {
    Checkpoint { model: model.to_vec(), digest: Digest::of(model), optimizer: b"slots".to_vec() }
}

fn attendance(position: u32, names: &[&str]) -> Attendance {
    Attendance { position, devices: names.iter().map(|name| name.parse().unwrap()).collect() }
}

fn contract(store: &mut impl Store) {
    let entries = chain();
    assert_eq!(store.entries("phones").unwrap(), []);
    for (count, entry) in entries.iter().enumerate() {
        store.append("phones", entry).unwrap();
        assert_eq!(store.entries("phones").unwrap(), entries[..=count]);
    }
    assert_eq!(store.entries("tablets").unwrap(), [], "ledgers are kept apart");
    let kept = checkpoint(b"model");
    assert_eq!(store.checkpoint(&kept.digest).unwrap(), None);
    store.put_checkpoint(&kept).unwrap();
    store.put_checkpoint(&kept).unwrap();
    assert_eq!(store.checkpoint(&kept.digest).unwrap(), Some(kept.clone()));
    let misnamed = Checkpoint { digest: Digest::ZERO, ..kept };
    assert!(matches!(store.put_checkpoint(&misnamed), Err(StoreError::Misnamed { .. })));
    assert_eq!(store.checkpoint(&Digest::ZERO).unwrap(), None);
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
    let attendances = [attendance(0, &["a", "b"]), attendance(0, &["b"]), attendance(1, &[])];
    for (count, one) in attendances.iter().enumerate() {
        store.append_attendance(&task, one).unwrap();
        assert_eq!(store.attendance(&task).unwrap(), attendances[..=count]);
    }
    assert_eq!(store.attendance(&other).unwrap(), [], "tasks are kept apart");
    store.put_task(&Digest::of(b"{}"), b"{}").unwrap();
    store.put_task(&Digest::of(b"{}"), b"{}").unwrap();
}

fn open(folder: &Path) -> FileStore {
    FileStore::open(folder).unwrap()
}

#[test]
fn the_memory_store_keeps_the_contract() {
    contract(&mut MemoryStore::default());
}

#[test]
fn the_file_store_keeps_the_contract_and_survives_reopening() {
    let folder = TempDir::new().unwrap();
    contract(&mut open(folder.path()));
    let mut again = open(folder.path());
    assert_eq!(again.entries("phones").unwrap(), chain());
    assert!(again.checkpoint(&Digest::of(b"model")).unwrap().is_some());
    assert_eq!(again.attendance(&Digest::of(b"task")).unwrap().len(), 3);
    assert_eq!(fs::read(folder.path().join("tasks").join(format!("{}.json", Digest::of(b"{}")))).unwrap(), b"{}");
}

#[test]
fn durable_steps_come_in_the_order_that_a_crash_needs() {
    let folder = TempDir::new().unwrap();
    let mut store = open(folder.path());
    store.take_steps();
    let entries = chain();
    store.append("phones", &entries[0]).unwrap();
    assert_eq!(
        store.take_steps(),
        [
            "sync folder of phones",
            "sync ledger.jsonl",
            "sync folder of ledger.jsonl",
            "write ledger.jsonl",
            "sync ledger.jsonl"
        ]
    );
    store.append("phones", &entries[1]).unwrap();
    assert_eq!(store.take_steps(), ["write ledger.jsonl", "sync ledger.jsonl"]);
    let kept = checkpoint(b"model");
    store.put_checkpoint(&kept).unwrap();
    let (model, optimizer) = (format!("{}.safetensors", kept.digest), format!("{}.optimizer.safetensors", kept.digest));
    let steps = |name: &str| {
        [
            format!("write {name}.part"),
            format!("sync {name}.part"),
            format!("rename to {name}"),
            format!("sync folder of {name}"),
        ]
    };
    assert_eq!(store.take_steps(), [steps(&optimizer), steps(&model)].concat());
}

#[test]
fn a_torn_last_line_is_cut_off_before_anything_is_appended() {
    let folder = TempDir::new().unwrap();
    let entries = chain();
    let lines: Vec<String> = entries.iter().map(|entry| entry.to_line().unwrap() + "\n").collect();
    let path = folder.path().join("phones/ledger.jsonl");
    // Wherever in the third line the crash came, two entries are there and the third can follow.
    for torn in [0, 1, lines[2].len() / 2, lines[2].len() - 1] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, lines[..2].concat() + &lines[2][..torn]).unwrap();
        let mut store = open(folder.path());
        assert_eq!(store.entries("phones").unwrap(), entries[..2]);
        store.append("phones", &entries[2]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), lines.concat());
    }
}

#[test]
fn a_malformed_complete_line_is_an_error_that_names_it() {
    let folder = TempDir::new().unwrap();
    let line = chain()[0].to_line().unwrap();
    fs::create_dir_all(folder.path().join("phones")).unwrap();
    let second = chain()[1].to_line().unwrap();
    for damaged in [
        format!("{line}\nspent\n"),
        format!("{line}\n\n"),
        format!("{line}\n\u{0}\n{line}"),
        format!("{line}\n{second}\r\n"),
        format!("{line}\n{second} \n"),
    ] {
        fs::write(folder.path().join("phones/ledger.jsonl"), damaged).unwrap();
        let error = open(folder.path()).entries("phones").unwrap_err();
        assert!(matches!(error, StoreError::Malformed { line: 2, .. }), "{error}");
        assert!(error.to_string().contains("phones/ledger.jsonl:2"));
    }
}

#[test]
fn a_second_store_is_refused_until_the_first_is_gone() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path());
    let error = FileStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }));
    assert!(error.to_string().contains("another murmur-server"));
    drop(first);
    open(folder.path());
}

#[test]
fn a_half_written_model_is_no_model_and_an_edited_one_is_not_overwritten() {
    let folder = TempDir::new().unwrap();
    let kept = checkpoint(b"model");
    let mut store = open(folder.path());
    let path = store.model_path(&kept.digest);
    fs::write(path.with_added_extension("part"), b"mo").unwrap();
    assert_eq!(store.checkpoint(&kept.digest).unwrap(), None);
    store.put_checkpoint(&kept).unwrap();
    fs::write(&path, b"edited").unwrap();
    assert!(matches!(store.put_checkpoint(&kept), Err(StoreError::Conflict { .. })));
}

#[test]
fn a_secret_is_durable_before_it_is_used_readable_by_its_owner_alone_and_removed_for_good() {
    let folder = TempDir::new().unwrap();
    let task = Digest::of(b"task");
    let (name, path) = (format!("{task}.secret"), folder.path().join("tasks").join(format!("{task}.secret")));
    let mut store = open(folder.path());
    // A crash, or somebody else, left a file that everybody can read.
    fs::write(path.with_added_extension("part"), b"old").unwrap();
    store.take_steps();
    store.put_secret(&task, &KeptSecret::new(b"kept".to_vec())).unwrap();
    let steps = store.take_steps();
    let order = [
        format!("write {name}.part"),
        format!("sync {name}.part"),
        format!("rename to {name}"),
        format!("sync folder of {name}"),
    ];
    assert_eq!(steps[steps.len() - 4..], order);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    drop(store);
    let mut store = open(folder.path());
    assert_eq!(store.secret(&task).unwrap(), Some(KeptSecret::new(b"kept".to_vec())), "after a restart");
    store.take_steps();
    store.remove_secret(&task).unwrap();
    assert_eq!(store.take_steps(), [format!("remove {name}"), format!("sync folder of {name}")]);
    assert!(!path.exists() && !path.with_added_extension("part").exists());
}

#[test]
fn an_attendance_is_durable_when_it_is_appended_readable_by_its_owner_alone_and_torn_or_damaged_like_a_ledger() {
    let folder = TempDir::new().unwrap();
    let task = Digest::of(b"task");
    let path = folder.path().join("tasks").join(format!("{task}.attendance.jsonl"));
    let mut store = open(folder.path());
    // Somebody left a file that everybody can read.
    fs::write(&path, b"").unwrap();
    store.append_attendance(&task, &attendance(0, &["a"])).unwrap();
    store.take_steps();
    store.append_attendance(&task, &attendance(1, &["b"])).unwrap();
    let name = format!("{task}.attendance.jsonl");
    assert_eq!(store.take_steps(), [format!("write {name}"), format!("sync {name}")]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    drop(store);
    let whole = fs::read_to_string(&path).unwrap();
    for torn in [1, 20, whole.len() / 2 - 1] {
        fs::write(&path, &whole[..whole.len() - torn]).unwrap();
        let mut store = open(folder.path());
        assert_eq!(store.attendance(&task).unwrap(), [attendance(0, &["a"])], "the last line was never confirmed");
        store.append_attendance(&task, &attendance(1, &["b"])).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    }
    fs::write(&path, whole.replacen("\"a\"", "\"c\"", 1)).unwrap();
    let error = open(folder.path()).attendance(&task).unwrap_err();
    assert!(matches!(error, StoreError::Malformed { line: 1, .. }), "{error}");
}
