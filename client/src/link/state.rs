//! What a device keeps between its lives: who it is, and whom it trusts. One folder, one process at a time.
//!
//! - `device.json`: its name, its population, its coordinator, and how long its certificate holds;
//! - `identity.pem`: its private key and certificate, readable by its owner alone;
//! - `ca.pem`: by this it verifies its coordinator;
//! - `behind.json`: the tasks that it took part in, with their epsilons;
//! - `policy.toml`, if its owner put one there;
//! - `enrolling.pem`: a private key that is not certified yet, readable by its owner alone;
//! - `pretrained-<sha256>.safetensors`: what tasks start from that release a part of a model only;
//! - `own-<task>.safetensors`: the layers that are the device's own in tasks with `[personal]`.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use murmur_proto::enrolment::DeviceCertificate;
use murmur_round::{device_id::DeviceId, task::TaskHash};
use serde::{Deserialize, Serialize};

use super::{Address, StateError, course::Behind, key::Key, memory::own_name};

const RECORD: &str = "device.json";
const IDENTITY: &str = "identity.pem";
const CA: &str = "ca.pem";
const ENROLLING: &str = "enrolling.pem";
const BEHIND: &str = "behind.json";
const LOCK: &str = ".lock";

/// `device.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Version of the format: 1.
    version: u32,
    device: DeviceId,
    population: String,
    /// URL of the coordinator.
    server: String,
    /// Seconds since 1970.
    valid_from: u64,
    valid_until: u64,
}

/// A folder that no other process uses, with or without a device in it.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: Arc<File>,
}

/// The state of an enrolled device.
#[derive(Debug)]
pub struct State {
    folder: Folder,
    record: Record,
    server: Address,
    identity: String,
    ca: String,
}

impl Folder {
    /// Takes the folder, which must be there.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let lock_path = path.join(LOCK);
        let lock = File::options().write(true).create(true).truncate(false).open(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: Arc::new(lock) }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(at(&lock_path)(error)),
        }
    }

    /// Takes the folder, making it when it is not there.
    pub(super) fn create(path: &Path) -> Result<Self, StateError> {
        fs::create_dir_all(path).map_err(at(path))?;
        Self::open(path)
    }

    /// The device that is enrolled here.
    pub(super) fn device(&self) -> Result<Option<DeviceId>, StateError> {
        Ok(self.record()?.map(|record| record.device))
    }

    fn record(&self) -> Result<Option<Record>, StateError> {
        let path = self.path.join(RECORD);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let record: Record = serde_json::from_slice(&bytes)
            .map_err(|error| StateError::Malformed { path: path.clone(), what: error.to_string() })?;
        if record.version != 1 {
            return Err(StateError::Malformed { path, what: format!("version {} is not known here", record.version) });
        }
        Ok(Some(record))
    }

    /// The key of an enrolment that was begun, or a new one. It is durable before anybody hears of it: whoever lost the
    /// answer asks again with the same key, and gets the same name.
    pub(super) fn enrolling_key(&self) -> Result<Key, StateError> {
        let path = self.path.join(ENROLLING);
        // One that was certified already was left behind by a crash.
        let certified = read_text(&self.path.join(IDENTITY))?.unwrap_or_default();
        if let Some(pem) = read_text(&path)?.filter(|pem| !certified.contains(pem.trim())) {
            return Key::from_pem(pem).map_err(|what| StateError::Malformed { path, what });
        }
        let key = Key::generate().map_err(|what| StateError::Key { what })?;
        self.replace(ENROLLING, key.pem())?;
        Ok(key)
    }

    /// Keeps what an enrolment gave, its record last: where that is, everything is.
    pub(super) fn enrolled(
        self,
        server: &Address,
        ca: String,
        key: &Key,
        certificate: &DeviceCertificate,
    ) -> Result<State, StateError> {
        let identity = key.with_chain(&certificate.chain);
        self.replace(CA, &ca)?;
        self.replace(IDENTITY, &identity)?;
        let record = Record {
            version: 1,
            device: certificate.device.clone(),
            population: certificate.population.clone(),
            server: server.to_text(),
            valid_from: certificate.valid_from,
            valid_until: certificate.valid_until,
        };
        self.put_record(&record)?;
        self.remove(ENROLLING)?;
        Ok(State { folder: self, record, server: server.clone(), identity, ca })
    }

    fn put_record(&self, record: &Record) -> Result<(), StateError> {
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| StateError::Malformed { path: self.path.join(RECORD), what: error.to_string() })?;
        self.replace(RECORD, text + "\n")
    }

    /// Puts a whole file in the place of another: after a crash it is the old one or the new one. Only its owner reads it.
    pub(super) fn replace(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<(), StateError> {
        let (path, part) = (self.path.join(name), self.path.join(format!("{name}.part")));
        self.remove(&format!("{name}.part"))?;
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part).map_err(at(&part))?;
        file.write_all(contents.as_ref()).and_then(|()| file.sync_all()).map_err(at(&part))?;
        fs::rename(&part, &path).map_err(at(&path))?;
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(at(&self.path))
    }

    /// A file's contents, if it is there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        read(&self.path.join(name))
    }

    /// Opens a file to append to, making it when it is not there; its name is then durable. Only its owner reads it.
    pub(super) fn append_to(&self, name: &str) -> Result<File, StateError> {
        let path = self.path.join(name);
        let mut options = File::options();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(at(&path))?;
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(at(&self.path))?;
        Ok(file)
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of it holds something else.
    pub(super) fn malformed(&self, name: &str, what: &dyn std::fmt::Display) -> StateError {
        StateError::Malformed { path: self.path.join(name), what: what.to_string() }
    }

    /// Removes a file; none being there is fine.
    pub(super) fn remove(&self, name: &str) -> Result<(), StateError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl State {
    /// The state of the device that is enrolled in this folder.
    ///
    /// # Errors
    /// [`StateError`], notably [`NotEnrolled`](StateError::NotEnrolled) and [`InUse`](StateError::InUse).
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let not_enrolled = || StateError::NotEnrolled { folder: path.to_owned() };
        if !path.join(RECORD).exists() {
            return Err(not_enrolled());
        }
        let folder = Folder::open(path)?;
        let record = folder.record()?.ok_or_else(not_enrolled)?;
        let malformed =
            |error: super::AddressError| StateError::Malformed { path: path.join(RECORD), what: error.to_string() };
        let server = record.server.parse().map_err(malformed)?;
        let text = |name| read_text(&path.join(name))?.ok_or_else(not_enrolled);
        let (identity, ca) = (text(IDENTITY)?, text(CA)?);
        Ok(Self { folder, record, server, identity, ca })
    }

    /// The device's name.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        &self.record.device
    }

    /// Its population.
    #[must_use]
    pub fn population(&self) -> &str {
        &self.record.population
    }

    /// Its coordinator.
    #[must_use]
    pub fn server(&self) -> &Address {
        &self.server
    }

    /// From now on the coordinator is reached there, in this process.
    ///
    /// # Errors
    /// [`StateError::NotSecure`].
    pub fn set_server(&mut self, server: Address) -> Result<(), StateError> {
        if !server.is_secure() {
            return Err(StateError::NotSecure);
        }
        self.server = server;
        Ok(())
    }

    /// The folder that it lies in. It is this process's for as long as one of them lives.
    pub(super) fn folder(&self) -> Folder {
        self.folder.clone()
    }

    /// Where its owner may have put a policy.
    #[must_use]
    pub fn policy_path(&self) -> PathBuf {
        self.folder.path.join("policy.toml")
    }

    /// The layers that are the device's own in this task, as a file; none before it trained any. With a released model they make the
    /// device's model: [`with_own`](murmur_round::personal::with_own). They are made of its owner's data, and are for its owner alone.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn own_layers(&self, task: &TaskHash) -> Result<Option<Vec<u8>>, StateError> {
        self.folder.read(&own_name(task))
    }

    pub(super) fn behind(&self) -> Result<Behind, StateError> {
        let path = self.folder.path.join(BEHIND);
        let Some(bytes) = read(&path)? else { return Ok(Behind::default()) };
        serde_json::from_slice(&bytes).map_err(|error| StateError::Malformed { path, what: error.to_string() })
    }

    pub(super) fn keep_behind(&self, behind: &Behind) -> Result<(), StateError> {
        let text = serde_json::to_string_pretty(behind)
            .map_err(|error| StateError::Malformed { path: self.folder.path.join(BEHIND), what: error.to_string() })?;
        self.folder.replace(BEHIND, &(text + "\n"))
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    pub(super) fn ca(&self) -> &str {
        &self.ca
    }

    pub(super) fn valid_until(&self) -> SystemTime {
        UNIX_EPOCH + std::time::Duration::from_secs(self.record.valid_until)
    }

    /// Whether less than a third of the certificate's life is left.
    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        let Record { valid_from, valid_until, .. } = self.record;
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        valid_until.saturating_sub(now) < valid_until.saturating_sub(valid_from) / 3
    }

    /// Whether the certificate has ceased to hold.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        now > self.valid_until()
    }

    /// The private key.
    pub(super) fn key(&self) -> Result<Key, StateError> {
        let path = self.folder.path.join(IDENTITY);
        Key::from_pem(self.identity.clone()).map_err(|what| StateError::Malformed { path, what })
    }

    /// Keeps a newer certificate for the same key.
    pub(super) fn renewed(&mut self, key: &Key, certificate: &DeviceCertificate) -> Result<(), StateError> {
        let identity = key.with_chain(&certificate.chain);
        self.folder.replace(IDENTITY, &identity)?;
        self.identity = identity;
        self.record.valid_from = certificate.valid_from;
        self.record.valid_until = certificate.valid_until;
        self.folder.put_record(&self.record)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

pub(super) fn read_text(path: &Path) -> Result<Option<String>, StateError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let malformed = |_| StateError::Malformed { path: path.to_owned(), what: "not a text".to_owned() };
    Ok(Some(String::from_utf8(bytes).map_err(malformed)?))
}

/// Names the file in an error.
fn at(path: &Path) -> impl FnOnce(io::Error) -> StateError + use<> {
    let path = path.to_owned();
    |cause| StateError::Io { path, cause }
}
