//! Snapshots of the database: ledgers, tasks, devices, tokens and secrets. Models, keys and certificates are files that copy themselves.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::params;

use super::database::{self, Database, Migrate};
use crate::store::{
    StoreError,
    disk::{Disk, at},
};

/// Writes a snapshot of a directory's database to a new file, which only its owner can read; a server may be running.
///
/// # Errors
/// [`StoreError`], notably for a file that is there already.
pub fn backup(folder: &Path, file: &Path) -> Result<(), StoreError> {
    let mut disk = Disk::default();
    let database = Database::open(&mut disk, folder, Migrate::LockFirst)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map_err(at(file))?;
    let name = file.to_str().ok_or_else(|| StoreError::Other(format!("{}: not a name in UTF-8", file.display())))?;
    let written = database.read(|connection| connection.execute("VACUUM INTO ?1", params![name]));
    if let Err(error) = written {
        // Half a backup is none. What cannot be removed is named by the next attempt.
        let _ = fs::remove_file(file);
        return Err(error);
    }
    disk.sync_path(file)?;
    disk.sync_parent(file)
}

/// Puts a snapshot in the place of a directory's database, which no server may use meanwhile. Whether its ledgers are behind the models
/// that are there is seen when a server starts.
///
/// # Errors
/// [`StoreError`], notably [`InUse`](StoreError::InUse), and [`Damaged`](StoreError::Damaged) or [`Foreign`](StoreError::Foreign) for a
/// file that is no sound snapshot; the directory is then as it was.
pub fn restore(folder: &Path, file: &Path) -> Result<(), StoreError> {
    let mut disk = Disk::default();
    database::create_folder(&mut disk, folder)?;
    let _lock = database::lock(folder)?.ok_or_else(|| StoreError::InUse { folder: folder.to_owned() })?;
    let (path, part) = (folder.join(database::FILE), folder.join(format!("{}.part", database::FILE)));
    remove(&part)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut copy = options.open(&part).map_err(at(&part))?;
    io::copy(&mut File::open(file).map_err(at(file))?, &mut copy).map_err(at(&part))?;
    drop(copy);
    if let Err(error) = database::check(&part) {
        remove(&part)?;
        return Err(error);
    }
    disk.sync_path(&part)?;
    // A log belongs to the database beside it: never to another one.
    for suffix in ["-wal", "-shm"] {
        let mut log = path.clone().into_os_string();
        log.push(suffix);
        remove(&PathBuf::from(log))?;
    }
    fs::rename(&part, &path).map_err(at(&path))?;
    disk.sync_parent(&path)
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
