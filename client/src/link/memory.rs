//! What a device remembers of its own doing: its turns in tasks, what it spent on randomising its updates, and what it sealed.
//!
//! In the state folder of an enrolled device, beside its identity:
//! - `turns.json`: when it took part last in tasks that limit its turns;
//! - `local.jsonl`: its own ledger, only ever appended to;
//! - `sealed-<task>.bin`: the bytes of its last randomised update, until a later one takes their place;
//! - `own-<task>.safetensors`: the layers that are its own in a task with `[personal]`, as they were when it trained last. They never leave
//!   the folder. No promise rests on them: where the file is damaged or lost, the device says so and begins them anew.
//!
//! A device without a folder (a trial on this machine) remembers for as long as its process lives.

use std::{collections::BTreeMap, fs::File, io::Write as _, path::PathBuf};

use murmur_privacy::{
    NoiseRng, Provenance,
    local::ledger::{LocalEntry, LocalLedger, LocalOpening},
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    device::{Device, LocalPrivacy},
    device_id::DeviceId,
    params::Params,
    participation::Turn,
    personal::{read_own, write_own},
    task::TaskHash,
};

use super::{MemoryError, StateError, state::Folder};

const TURNS: &str = "turns.json";
const LEDGER: &str = "local.jsonl";

/// What a device may spend on randomising its own updates, in its whole life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalBudget {
    /// The privacy loss.
    pub epsilon: Epsilon,
    /// The failure probability; without one the device takes part only in what has none.
    pub delta: Option<DeltaProbability>,
}

pub(super) enum Memory {
    Process { sealed: BTreeMap<TaskHash, Vec<u8>>, own: BTreeMap<TaskHash, Params> },
    Kept { folder: Folder, turns: BTreeMap<TaskHash, Turn>, ledger: Option<File> },
}

impl Memory {
    /// The device as it was when it remembered something last. `budget` opens its own ledger where there is none yet; where there is one
    /// it must be the same.
    pub(super) fn open(
        folder: Option<Folder>,
        device: DeviceId,
        budget: Option<LocalBudget>,
    ) -> Result<(Self, Device), MemoryError> {
        let opening =
            budget.map(|LocalBudget { epsilon, delta }| LocalOpening::new(epsilon, delta, Provenance::OperatingSystem));
        let Some(folder) = folder else {
            let local = opening.map(opened).transpose()?.map(|(ledger, _)| ledger);
            return Ok((
                Self::Process { sealed: BTreeMap::new(), own: BTreeMap::new() },
                with(Device::new(device), local)?,
            ));
        };
        let turns: BTreeMap<TaskHash, Turn> = match folder.read(TURNS)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| folder.malformed(TURNS, &error))?,
            None => BTreeMap::new(),
        };
        let (ledger, file) = match (stored(&folder)?, opening) {
            (Some(ledger), asked) => {
                let found = ledger.opening();
                if asked.is_some_and(|asked| asked != *found) {
                    return Err(MemoryError::OtherBudget {
                        path: folder.path().join(LEDGER),
                        epsilon: found.epsilon,
                        delta: found.delta,
                    });
                }
                (Some(ledger), Some(folder.append_to(LEDGER)?))
            }
            (None, Some(opening)) => {
                let (ledger, entry) = opened(opening)?;
                let mut file = folder.append_to(LEDGER)?;
                append(&folder, &mut file, &entry)?;
                (Some(ledger), Some(file))
            }
            (None, None) => (None, None),
        };
        let machine = with(Device::restored(device, turns.clone()), ledger)?;
        Ok((Self::Kept { folder, turns, ledger: file }, machine))
    }

    /// Makes the device's turn durable.
    pub(super) fn remember(&mut self, task: TaskHash, turn: Turn) -> Result<(), MemoryError> {
        let Self::Kept { folder, turns, .. } = self else { return Ok(()) };
        turns.insert(task, turn);
        let text = serde_json::to_vec(turns).map_err(|error| folder.malformed(TURNS, &error))?;
        Ok(folder.replace(TURNS, &text)?)
    }

    /// Makes the sealed bytes durable, and then the entry that pays for them.
    pub(super) fn keep(&mut self, task: TaskHash, bytes: Vec<u8>, entry: &LocalEntry) -> Result<(), MemoryError> {
        match self {
            Self::Process { sealed, .. } => {
                sealed.insert(task, bytes);
                Ok(())
            }
            Self::Kept { folder, ledger, .. } => {
                folder.replace(&sealed_name(&task), &bytes)?;
                let file = ledger.as_mut().ok_or(MemoryError::NoLedger)?;
                append(folder, file, entry)
            }
        }
    }

    /// What was sealed last in this task.
    pub(super) fn recall(&self, task: &TaskHash) -> Result<Option<Vec<u8>>, MemoryError> {
        match self {
            Self::Process { sealed, .. } => Ok(sealed.get(task).cloned()),
            Self::Kept { folder, .. } => Ok(folder.read(&sealed_name(task))?),
        }
    }
}

impl Memory {
    /// Keeps the layers that are the device's own in this task, in the place of earlier ones: after a crash it is these or those.
    pub(super) fn keep_own(&mut self, task: TaskHash, layers: Params) -> Result<(), MemoryError> {
        match self {
            Self::Process { own, .. } => {
                own.insert(task, layers);
                Ok(())
            }
            Self::Kept { folder, .. } => {
                let name = own_name(&task);
                let file = write_own(&task, &layers).map_err(|error| folder.malformed(&name, &error))?;
                Ok(folder.replace(&name, file)?)
            }
        }
    }

    /// The layers that are the device's own in this task: as it kept them last, or `initial`.
    pub(super) fn recall_own(&self, task: &TaskHash, initial: &Params) -> Result<Params, MemoryError> {
        let kept = match self {
            Self::Process { own, .. } => own.get(task).cloned(),
            Self::Kept { folder, .. } => {
                let name = own_name(task);
                let read = |bytes: Vec<u8>| read_own(task, initial.layout().clone(), &bytes);
                folder.read(&name)?.map(read).transpose().unwrap_or_else(|error| {
                    let path = folder.path().join(&name);
                    tracing::warn!("{}: {error}; this device begins its own layers anew", path.display());
                    None
                })
            }
        };
        Ok(kept.unwrap_or_else(|| initial.clone()))
    }
}

pub(super) fn own_name(task: &TaskHash) -> String {
    format!("own-{task}.safetensors")
}

fn sealed_name(task: &TaskHash) -> String {
    format!("sealed-{task}.bin")
}

fn with(device: Device, ledger: Option<LocalLedger>) -> Result<Device, MemoryError> {
    let Some(ledger) = ledger else { return Ok(device) };
    let entropy = NoiseRng::from_operating_system()?;
    Ok(device.with_local(LocalPrivacy { ledger, entropy }))
}

fn opened(opening: LocalOpening) -> Result<(LocalLedger, LocalEntry), MemoryError> {
    let (mut ledger, entry) = LocalLedger::open(opening)?;
    ledger.persisted(entry.index)?;
    Ok((ledger, entry))
}

/// The ledger that is kept here. A last line without its newline was never acted upon: it is cut off.
fn stored(folder: &Folder) -> Result<Option<LocalLedger>, MemoryError> {
    let Some(mut bytes) = folder.read(LEDGER)? else { return Ok(None) };
    let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    if complete < bytes.len() {
        bytes.truncate(complete);
        folder.replace(LEDGER, &bytes)?;
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = str::from_utf8(&bytes).map_err(|error| folder.malformed(LEDGER, &error))?;
    let entries = text.lines().zip(0..).map(|(line, index)| LocalEntry::from_line(index, line));
    Ok(Some(LocalLedger::replay(entries.collect::<Result<Vec<_>, _>>()?)?))
}

/// One line, on the medium before anything is sent for it.
fn append(folder: &Folder, file: &mut File, entry: &LocalEntry) -> Result<(), MemoryError> {
    let line = entry.to_line()? + "\n";
    let path: PathBuf = folder.path().join(LEDGER);
    let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
    Ok(written.map_err(|cause| StateError::Io { path, cause })?)
}
