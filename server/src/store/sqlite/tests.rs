//! What the database does beyond the contract: in which order, with which promises, and what it refuses to go on from.

mod migrations;
mod trouble;

use std::{fs, path::Path};

use murmur_privacy::Digest;
use murmur_round::participation::KeptSecret;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Reader, SqliteStore};
use crate::store::{
    Store, StoreError,
    contract::{attendance, chain, checkpoint},
};

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder).unwrap()
}

/// The database as anybody could open it.
fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join("murmur.sqlite")).unwrap()
}

#[test]
fn durable_steps_come_in_the_order_that_a_crash_needs() {
    let folder = TempDir::new().unwrap();
    let mut store = open(folder.path());
    store.append("phones", &chain(0)[0]).unwrap();
    drop(store);
    let mut store = open(folder.path());
    // What is there already is made durable before anything is built upon it.
    let steps = store.take_steps();
    assert!(steps.contains(&"sync murmur.sqlite".to_owned()), "{steps:?}");
    assert!(steps.contains(&"sync folder of murmur.sqlite".to_owned()), "{steps:?}");
    let kept = checkpoint(b"model");
    store.put_checkpoint(&kept).unwrap();
    store.append("phones", &chain(0)[1]).unwrap();
    let (model, optimizer) = (format!("{}.safetensors", kept.digest), format!("{}.optimizer.safetensors", kept.digest));
    let steps = |name: &str| {
        [
            format!("write {name}.part"),
            format!("sync {name}.part"),
            format!("rename to {name}"),
            format!("sync folder of {name}"),
        ]
    };
    assert_eq!(store.take_steps(), [&steps(&optimizer)[..], &steps(&model)[..], &["commit entry".to_owned()]].concat());
}

#[test]
fn a_commit_is_synced_before_it_returns_and_what_is_deleted_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let pragma = |name: &str| {
        store.database.read(|connection| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0))).unwrap()
    };
    let journal: String = store
        .database
        .read(|connection| connection.pragma_query_value(None, "journal_mode", |row| row.get(0)))
        .unwrap();
    assert_eq!(journal, "wal");
    // 2 is FULL: the log is synced at every commit, and not at checkpoints alone.
    assert_eq!(["synchronous", "foreign_keys", "secure_delete"].map(pragma), [2, 1, 1]);
}

#[test]
fn an_entry_of_another_process_is_synced_before_it_is_confirmed() {
    let folder = TempDir::new().unwrap();
    let mut store = open(folder.path());
    store.append("phones", &chain(0)[0]).unwrap();
    store.take_steps();
    store.append("phones", &chain(0)[0]).unwrap();
    assert_eq!(store.take_steps(), ["commit entry", "sync murmur.sqlite", "sync murmur.sqlite-wal"]);
}

#[test]
fn a_second_store_is_refused_until_the_first_is_gone_and_a_reader_is_not() {
    let folder = TempDir::new().unwrap();
    let absent = Reader::open(folder.path()).unwrap_err();
    assert!(matches!(absent, StoreError::Absent { .. }), "{absent}");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "looking leaves nothing behind");
    let mut first = open(folder.path());
    let error = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }));
    assert!(error.to_string().contains("another murmur-server"));
    let reader = Reader::open(folder.path()).unwrap();
    assert!(reader.populations().unwrap().is_empty());
    for (count, entry) in chain(1).iter().enumerate() {
        first.append("phones", entry).unwrap();
        assert_eq!(reader.entries("phones").unwrap().len(), count + 1, "at once");
    }
    assert_eq!(reader.populations().unwrap(), ["phones"]);
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
fn a_secret_is_readable_by_its_owner_alone_and_gone_from_every_file_once_it_is_removed() {
    let folder = TempDir::new().unwrap();
    let (task, other) = (Digest::of(b"task"), Digest::of(b"other"));
    let secret = b"a secret that nobody else has".to_vec();
    let found = || {
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let bytes: Vec<u8> = files.filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect();
        bytes.windows(secret.len()).filter(|window| *window == secret).count()
    };
    let mut store = open(folder.path());
    store.put_secret(&other, &KeptSecret::new(b"kept".to_vec())).unwrap();
    store.put_secret(&task, &KeptSecret::new(secret.clone())).unwrap();
    assert!(found() > 0, "the search finds it");
    #[cfg(unix)]
    for file in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()) {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        let of_the_database = file.file_name().to_string_lossy().contains("sqlite");
        assert!(!of_the_database || mode == 0o600, "{file:?}: {mode:o}");
    }
    drop(store);
    let mut store = open(folder.path());
    assert_eq!(store.secret(&task).unwrap(), Some(KeptSecret::new(secret.clone())), "after a restart");
    store.remove_secret(&task).unwrap();
    assert_eq!(found(), 0);
    assert_eq!(store.secret(&other).unwrap(), Some(KeptSecret::new(b"kept".to_vec())));
}

#[test]
fn an_attendance_is_committed_before_it_is_confirmed_and_a_damaged_or_missing_one_is_refused() {
    let folder = TempDir::new().unwrap();
    let task = Digest::of(b"task");
    let mut store = open(folder.path());
    store.take_steps();
    for (position, name) in [(0, "a"), (1, "b"), (2, "c")] {
        store.append_attendance(&task, &attendance(position, position, &[name])).unwrap();
        assert_eq!(store.take_steps(), ["commit attendance"]);
    }
    drop(store);
    let replace = |line: &str| {
        raw(folder.path()).execute("UPDATE attendances SET line = ?1 WHERE number = 1", [line]).unwrap();
        open(folder.path()).attendance(&task)
    };
    let (written, edited) = (attendance(1, 1, &["b"]).to_line().unwrap(), attendance(1, 1, &["d"]).to_line().unwrap());
    assert!(replace(&written).is_ok());
    let name_alone = written.replacen("\"b\"", "\"d\"", 1);
    assert_ne!(name_alone, edited);
    let error = replace(&name_alone).unwrap_err();
    assert!(matches!(error, StoreError::Attendance(_)), "{error}");
    // A line that was taken out leaves a hole in the numbers.
    replace(&written).unwrap();
    raw(folder.path()).execute("DELETE FROM attendances WHERE number = 1", []).unwrap();
    let error = open(folder.path()).attendance(&task).unwrap_err();
    assert!(matches!(error, StoreError::Attendance(_)), "{error}");
}
