//! A database of every earlier version becomes today's, with all that it held.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{chain, open, raw};
use crate::store::{
    Store, StoreError,
    sqlite::{
        Reader,
        schema::{APPLICATION, MIGRATIONS, VERSION},
    },
};

/// A database as the program of that version left it, with something in every table it knew.
fn of_version(folder: &Path, version: u32) {
    let database = raw(folder);
    for step in &MIGRATIONS[..version as usize] {
        database.execute_batch(step).unwrap();
    }
    database.pragma_update(None, "user_version", version).unwrap();
    database.pragma_update(None, "application_id", APPLICATION).unwrap();
    if version >= 1 {
        let entry = &chain(0)[0];
        database.execute_batch("INSERT INTO populations VALUES (1, 'phones')").unwrap();
        let row = (entry.digest.as_bytes(), entry.to_line().unwrap());
        database.execute("INSERT INTO entries VALUES (1, 0, ?1, ?2)", row).unwrap();
        database.execute("INSERT INTO tasks VALUES (zeroblob(32), '{}')", []).unwrap_err();
        database.execute("INSERT INTO tasks VALUES (zeroblob(32), x'7b7d')", []).unwrap();
        database.execute("INSERT INTO secrets VALUES (zeroblob(32), x'00')", []).unwrap();
    }
    if version >= 2 {
        database
            .execute_batch(
                "INSERT INTO devices VALUES (1, zeroblob(16), 1, 2, 3, 1, 4);
                 INSERT INTO tokens VALUES (zeroblob(32), 1, 1, 5, 1, zeroblob(32), 2);
                 INSERT INTO rolls VALUES (zeroblob(32), 1, 1)",
            )
            .unwrap();
    }
}

/// Every table and index, as it was written.
fn schema(database: &Connection) -> Vec<String> {
    let mut statement = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_older_version_becomes_todays_and_keeps_what_it_held() {
    let fresh = TempDir::new().unwrap();
    drop(open(fresh.path()));
    let expected = schema(&raw(fresh.path()));
    assert!(expected.len() >= 4);
    for version in 0..=VERSION {
        let folder = TempDir::new().unwrap();
        of_version(folder.path(), version);
        let mut store = open(folder.path());
        assert_eq!(schema(&raw(folder.path())), expected, "from version {version}");
        let entries = store.entries("phones").unwrap();
        assert_eq!(entries, chain(0)[..usize::from(version > 0)], "from version {version}");
        store.append("phones", &chain(0)[entries.len()]).unwrap();
        let found: u32 = raw(folder.path()).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(found, VERSION);
    }
}

#[test]
fn nobody_changes_the_tables_under_a_server_that_is_running() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    // As if the running server were of an older version.
    raw(folder.path()).pragma_update(None, "user_version", VERSION - 1).unwrap();
    let error = Reader::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    drop(store);
}
