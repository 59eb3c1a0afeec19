//! The folder of a search: each finished trial is a file of its own, which appears whole, once, and is never written again.

use std::{
    fs::{self, File, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Plan, TuneError, trial::Found};
use crate::SimError;

/// The search itself, so that nobody goes on with another one here.
const SEARCH: &str = "search.toml";

/// What was found, noise level by noise level.
pub(super) const FRONTIER: &str = "frontier.json";

/// What is looked up of a point of the frontier.
#[derive(Deserialize)]
struct Counts {
    deployed_devices: u64,
    simulated_devices: u64,
}

/// A search's folder.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// A trial that is this process's to run, until this is dropped or the process ends, however it does.
#[derive(Debug)]
pub(super) struct Claim {
    _held: File,
}

impl Store {
    /// Opens or makes the folder of a search.
    pub(super) fn open(folder: &Path, plan: &Plan) -> Result<Self, TuneError> {
        for made in [folder.to_owned(), folder.join("trials"), folder.join("claims")] {
            fs::create_dir_all(&made).map_err(SimError::file(made))?;
        }
        let store = Self { folder: folder.to_owned() };
        store.begin(plan)?;
        Ok(store)
    }

    /// The folder of a search that was begun, and the search.
    pub(super) fn find_search(folder: &Path) -> Result<(Self, Plan), TuneError> {
        let path = folder.join(SEARCH);
        if !path.is_file() {
            return Err(TuneError::NoSearch { folder: folder.to_owned() });
        }
        let text = fs::read_to_string(&path).map_err(SimError::file(&path))?;
        let plan = toml::from_str(&text);
        let plan = plan.map_err(|error| TuneError::File { path, message: error.to_string().trim().to_owned() })?;
        Ok((Self { folder: folder.to_owned() }, plan))
    }

    /// Devices of the deployed population, and those that were simulated for them, as the frontier says: to count them anew may take the data.
    pub(super) fn devices(&self) -> Result<(u64, u64), TuneError> {
        let path = self.folder.join(FRONTIER);
        if !path.is_file() {
            return Err(TuneError::Unfinished { folder: self.folder.clone() });
        }
        let bytes = fs::read(&path).map_err(SimError::file(&path))?;
        let points: Vec<Counts> = serde_json::from_slice(&bytes)
            .map_err(|error| TuneError::File { path: path.clone(), message: error.to_string() })?;
        let first = points.first().ok_or_else(|| TuneError::Unfinished { folder: self.folder.clone() })?;
        Ok((first.deployed_devices, first.simulated_devices))
    }

    fn begin(&self, plan: &Plan) -> Result<(), TuneError> {
        let (path, text) = (self.folder.join(SEARCH), plan.to_toml()?);
        if !path.exists() {
            if !self.finished()?.is_empty() {
                return Err(TuneError::OtherSearch { folder: self.folder.clone() });
            }
            self.replace(SEARCH, text.as_bytes())?;
        }
        let found = fs::read_to_string(&path).map_err(SimError::file(&path))?;
        if found == text { Ok(()) } else { Err(TuneError::OtherSearch { folder: self.folder.clone() }) }
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every trial that is over, in no order.
    pub(super) fn finished(&self) -> Result<Vec<Found>, TuneError> {
        let folder = self.folder.join("trials");
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).map_err(SimError::file(&folder))? {
            let path = entry.map_err(SimError::file(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                found.push(read(&path)?);
            }
        }
        Ok(found)
    }

    /// A trial's result, where it is over.
    pub(super) fn find(&self, id: &str) -> Result<Option<Found>, TuneError> {
        let path = self.place(id);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }

    fn place(&self, id: &str) -> PathBuf {
        self.folder.join("trials").join(format!("{id}.json"))
    }

    /// Takes a trial, unless it is over or another process runs it.
    pub(super) fn claim(&self, id: &str) -> Result<Option<Claim>, TuneError> {
        let path = self.folder.join("claims").join(id);
        let held = File::create(&path).map_err(SimError::file(&path))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(SimError::file(&path)(error).into()),
        }
        // It may have come to its end between two looks.
        Ok((!self.place(id).exists()).then_some(Claim { _held: held }))
    }

    /// Whether another process runs a trial now.
    pub(super) fn is_claimed(&self, id: &str) -> Result<bool, TuneError> {
        let path = self.folder.join("claims").join(id);
        let Ok(held) = File::open(&path) else { return Ok(false) };
        // Shared: those who only look do not take one another for somebody who works.
        match held.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(SimError::file(&path)(error).into()),
        }
    }

    /// Keeps a result: durably, whole, and never in the place of another.
    pub(super) fn keep(&self, found: &Found) -> Result<(), TuneError> {
        let path = self.place(&found.trial);
        let part = self.folder.join("trials").join(format!(".{}.{}", found.trial, std::process::id()));
        let mut bytes = serde_json::to_vec_pretty(found).map_err(|error| SimError::Serialise(error.to_string()))?;
        bytes.push(b'\n');
        write(&part, &bytes)?;
        // A second name for the same file: unlike a rename this fails where there is one already.
        let linked = fs::hard_link(&part, &path);
        fs::remove_file(&part).map_err(SimError::file(&part))?;
        linked.map_err(SimError::file(&path))?;
        let folder = self.folder.join("trials");
        File::open(&folder).and_then(|opened| opened.sync_all()).map_err(SimError::file(folder))?;
        Ok(())
    }

    /// Brings the trials of the same search from another folder here. How many were new.
    pub(super) fn merge(&self, other: &Path, plan: &Plan) -> Result<usize, TuneError> {
        if !other.join(SEARCH).exists() {
            return Err(TuneError::OtherSearch { folder: other.to_owned() });
        }
        let mut new = 0;
        for found in Self::open(other, plan)?.finished()? {
            if self.find(&found.trial)?.is_none() {
                self.keep(&found)?;
                new += 1;
            }
        }
        Ok(new)
    }

    /// Puts a whole file in the place of another.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), TuneError> {
        let (path, part) = (self.folder.join(name), self.folder.join(format!(".{name}.{}", std::process::id())));
        write(&part, bytes)?;
        fs::rename(&part, &path).map_err(SimError::file(path))?;
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SimError> {
    let written = File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(SimError::file(path))
}

fn read(path: &Path) -> Result<Found, TuneError> {
    let bytes = fs::read(path).map_err(SimError::file(path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| TuneError::Damaged { path: path.to_owned(), message: error.to_string() })
}
