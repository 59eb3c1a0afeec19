//! Full disks, damage, and folders that are somebody else's: each told apart, none of them in the way afterwards.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{open, raw};
use crate::store::{
    SqliteStore, Store, StoreError,
    contract::{chain, checkpoint},
};

#[test]
fn a_full_disk_refuses_an_entry_whole_and_takes_it_once_there_is_room() {
    let folder = TempDir::new().unwrap();
    let entries = chain(200);
    let mut store = open(folder.path());
    for entry in &entries[..10] {
        store.append("phones", entry).unwrap();
    }
    store.limit_pages(1);
    let refused = entries[10..].iter().position(|entry| match store.append("phones", entry) {
        Ok(()) => false,
        Err(StoreError::Full { path, .. }) => {
            assert!(path.ends_with("murmur.sqlite"));
            true
        }
        Err(other) => panic!("{other}"),
    });
    let held = 10 + refused.expect("the database cannot grow");
    for _ in 0..3 {
        assert!(matches!(store.append("phones", &entries[held]), Err(StoreError::Full { .. })));
        assert_eq!(store.entries("phones").unwrap(), entries[..held], "and reads what it has");
    }
    store.limit_pages(1_000_000);
    for entry in &entries[held..] {
        store.append("phones", entry).unwrap();
    }
    drop(store);
    assert_eq!(open(folder.path()).entries("phones").unwrap(), entries);
}

#[test]
fn wherever_a_crash_cuts_the_log_a_beginning_of_the_ledger_is_left_and_can_be_gone_on_from() {
    let folder = TempDir::new().unwrap();
    let entries = chain(4);
    let mut store = open(folder.path());
    for entry in &entries {
        store.append("phones", entry).unwrap();
    }
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let (database, log) = (read("murmur.sqlite"), read("murmur.sqlite-wal"));
    let mut lengths = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).step_by(1_777).chain([log.len()]) {
        let crashed = TempDir::new().unwrap();
        fs::write(crashed.path().join("murmur.sqlite"), &database).unwrap();
        fs::write(crashed.path().join("murmur.sqlite-wal"), &log[..cut]).unwrap();
        let mut store = open(crashed.path());
        let left = store.entries("phones").unwrap();
        assert_eq!(left, entries[..left.len()], "cut at {cut}");
        lengths.insert(left.len());
        for entry in &entries[left.len()..] {
            store.append("phones", entry).unwrap();
        }
        assert_eq!(store.entries("phones").unwrap(), entries);
    }
    assert_eq!(lengths.len(), entries.len() + 1, "every beginning was left by some cut: {lengths:?}");
}

#[test]
fn a_model_that_could_not_be_written_leaves_nothing_and_is_written_once_it_can_be() {
    let folder = TempDir::new().unwrap();
    let kept = checkpoint(b"model");
    let mut store = open(folder.path());
    let models = folder.path().join("models");
    fs::remove_dir(&models).unwrap();
    let error = store.put_checkpoint(&kept).unwrap_err();
    assert!(matches!(&error, StoreError::Io { path, .. } if path.starts_with(&models)), "{error}");
    fs::create_dir(&models).unwrap();
    store.put_checkpoint(&kept).unwrap();
    assert_eq!(store.checkpoint(&kept.digest).unwrap(), Some(kept));
    assert_eq!(fs::read_dir(&models).unwrap().count(), 2);
}

#[test]
fn a_damaged_entry_is_an_error_that_names_it() {
    let entries = chain(0);
    let line = entries[1].to_line().unwrap();
    for damaged in
        ["spent".to_owned(), String::new(), format!("{line}\r"), format!("{line} "), format!("{line}\n{line}")]
    {
        let folder = TempDir::new().unwrap();
        let mut store = open(folder.path());
        for entry in &entries {
            store.append("phones", entry).unwrap();
        }
        raw(folder.path()).execute("UPDATE entries SET line = ?1 WHERE position = 1", [damaged]).unwrap();
        let error = store.entries("phones").unwrap_err();
        assert!(matches!(&error, StoreError::Malformed { population, index: 1 } if population == "phones"), "{error}");
        // An entry that is missing is told as the first that is not where it belongs.
        raw(folder.path()).execute("DELETE FROM entries WHERE position = 0", []).unwrap();
        assert!(matches!(store.entries("phones"), Err(StoreError::Malformed { index: 0, .. })));
    }
}

/// What stands in the database's place, and whether the refusal is the right one.
fn refused(folder: &Path, right: fn(&StoreError) -> bool) {
    for _ in 0..2 {
        let error = SqliteStore::open(folder).unwrap_err();
        assert!(right(&error), "{error}");
    }
}

#[test]
fn what_cannot_be_gone_on_from_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("murmur.sqlite");
    fs::write(&path, "a text of some length, which is no database at all").unwrap();
    refused(folder.path(), |error| matches!(error, StoreError::Foreign { .. }));
    fs::remove_file(&path).unwrap();
    raw(folder.path()).execute_batch("CREATE TABLE theirs (x)").unwrap();
    refused(folder.path(), |error| matches!(error, StoreError::Foreign { .. }));
    fs::remove_file(&path).unwrap();
    drop(open(folder.path()));
    raw(folder.path()).pragma_update(None, "user_version", 1_000).unwrap();
    refused(folder.path(), |error| matches!(error, StoreError::Newer { found: 1_000, .. }));
}

#[test]
fn a_ledger_of_the_time_before_the_database_is_not_forgotten() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("phones")).unwrap();
    fs::write(folder.path().join("phones/ledger.jsonl"), chain(0)[0].to_line().unwrap() + "\n").unwrap();
    refused(
        folder.path(),
        |error| matches!(error, StoreError::Older { path } if path.ends_with("phones/ledger.jsonl")),
    );
    assert!(!folder.path().join("murmur.sqlite").exists());
}

#[test]
fn a_page_that_rotted_is_damage_and_not_an_empty_ledger() {
    let folder = TempDir::new().unwrap();
    let mut store = open(folder.path());
    for entry in chain(100) {
        store.append("phones", &entry).unwrap();
    }
    let path = folder.path().join("murmur.sqlite");
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    // All but the first page, which names the file.
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let entries = SqliteStore::open(folder.path()).and_then(|mut store| store.entries("phones"));
    assert!(matches!(entries, Err(StoreError::Damaged { .. })), "{entries:?}");
}
