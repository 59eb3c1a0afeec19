//! Updates on their way in: announced, resumed, complete, answered. Each is held once, packed, and within the bytes that all
//! of them may take together.

mod entry;
mod token;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use murmur_privacy::{Encoding, Upload};
use murmur_proto::{
    CHUNK_LIMIT,
    transfer::{Announced, Announcement, Progress, Query},
    upload::Header,
};
use murmur_round::{
    coordinator::{Assignment, Verdict},
    device_id::DeviceId,
    task::TaskHash,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Duration, Instant},
};

pub(super) use entry::{Arriving, Complete};

use super::RequestError;
use crate::limits::Limits;
use entry::Entry;
use token::{Claims, Kind, Signer};

/// Room is counted in pieces of this many bytes.
const PIECE: usize = 1 << 10;
/// What an upload takes beside its bytes: its place in the table and the buffers of its stream.
const BESIDE: usize = 16 << 10;
/// How often whoever waits for room looks for uploads that nobody goes on with.
const SWEEP: Duration = Duration::from_millis(500);
/// How long an answer is remembered after its round's window: a device that did not hear it asks again by then.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The natural key: whoever sends twice counts once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    task: TaskHash,
    round: u32,
    device: DeviceId,
}

/// All updates on their way in.
pub(super) struct Uploads {
    signer: Signer,
    limits: Limits,
    room: Arc<Semaphore>,
    pieces: usize,
    table: Mutex<HashMap<Key, Arc<Entry>>>,
}

/// What the bytes after a token are to become.
pub(super) enum Opened {
    /// More bytes are expected.
    Arriving(Arriving),
    /// None: it came before.
    Answered(Verdict),
}

impl Uploads {
    pub(super) fn new(limits: Limits) -> Result<Self, getrandom::Error> {
        let pieces = (limits.upload_bytes / PIECE).min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(pieces));
        Ok(Self { signer: Signer::new()?, limits, room, pieces, table: Mutex::default() })
    }

    /// What a device shows when it announces its update for this assignment: it holds for a window, and so at least until the
    /// round closes.
    pub(super) fn assignment_token(&self, device: &DeviceId, assignment: &Assignment, window: Duration) -> Bytes {
        let (task, round, device) = (assignment.task, assignment.round, device.clone());
        let expires = Instant::now() + window;
        self.signer.sign(Kind::Assignment, &Claims { task, round, device, generation: 0, expires })
    }

    /// Takes an announcement whose header fits the task. It waits for room, so that what is held stays within its bound.
    pub(super) async fn announce(
        &self,
        announcement: Announcement,
        encoding: &Encoding,
    ) -> Result<Announced, RequestError> {
        let Announcement { header, assignment_token } = announcement;
        let claims = self.signer.open(Kind::Assignment, &assignment_token)?;
        let key = expect_own(&claims, &header)?;
        if let Some(entry) = self.entry(&key) {
            return self.again(&entry, claims);
        }
        if claims.expires <= Instant::now() {
            return Err(RequestError::AssignmentExpired);
        }
        let room = self.wait_for_room(Upload::encoded_len(&encoding.grid())).await?;
        // Whoever announced the same while this one waited has the place; this one's room is given back.
        let fresh = Entry::new(&claims, header.open_metrics, encoding.clone(), room);
        let entry = self.table().entry(key).or_insert_with(|| Arc::new(fresh)).clone();
        self.again(&entry, claims)
    }

    /// How far an update has come.
    pub(super) fn progress(&self, query: &Query) -> Result<Progress, RequestError> {
        let claims = self.signer.open(Kind::Upload, &query.upload_token)?;
        let entry = self.claimed(&query.device, &claims)?;
        entry.progress()
    }

    /// Takes up an announced update where it is to go on.
    pub(super) fn open(
        &self,
        speak_for: impl FnOnce(&DeviceId) -> Result<(), RequestError>,
        token: &[u8],
    ) -> Result<(Key, Opened), RequestError> {
        let claims = self.signer.open(Kind::Upload, token)?;
        speak_for(&claims.device)?;
        let entry = self.claimed(&claims.device, &claims)?;
        let opened = match entry.progress()? {
            Progress::Answered(verdict) => Opened::Answered(verdict),
            Progress::Received(_) => Opened::Arriving(Arriving::new(entry, claims.generation)?),
        };
        Ok((Key { task: claims.task, round: claims.round, device: claims.device }, opened))
    }

    /// Forgets an update that came to nothing; its room is given back.
    pub(super) fn forget(&self, key: &Key) {
        self.table().remove(key);
    }

    /// How long the next chunk of an upload that began at `began` and has brought `received` bytes since may take.
    pub(super) fn patience(&self, began: Instant, received: usize) -> Instant {
        let due = (received + CHUNK_LIMIT) as f64 / f64::from(self.limits.upload_rate.get());
        began + self.limits.upload_patience + Duration::from_secs_f64(due)
    }

    fn again(&self, entry: &Entry, claims: Claims) -> Result<Announced, RequestError> {
        entry.announce(|generation| self.signer.sign(Kind::Upload, &Claims { generation, ..claims }))
    }

    fn claimed(&self, device: &DeviceId, claims: &Claims) -> Result<Arc<Entry>, RequestError> {
        if *device != claims.device {
            return Err(RequestError::OthersToken);
        }
        let key = Key { task: claims.task, round: claims.round, device: claims.device.clone() };
        let entry = self.entry(&key).ok_or(RequestError::NoSuchUpload)?;
        entry.expect(claims.generation)?;
        Ok(entry)
    }

    async fn wait_for_room(&self, length: usize) -> Result<OwnedSemaphorePermit, RequestError> {
        let pieces = (length + length.min(CHUNK_LIMIT) + BESIDE).div_ceil(PIECE);
        // One that could never be let in would wait in vain; the largest is let in alone.
        let pieces = u32::try_from(pieces.min(self.pieces)).unwrap_or(u32::MAX);
        let deadline = Instant::now() + self.limits.upload_wait;
        let mut waiting = std::pin::pin!(self.room.clone().acquire_many_owned(pieces));
        loop {
            let until = (Instant::now() + SWEEP).min(deadline);
            match tokio::time::timeout_at(until, &mut waiting).await {
                Ok(room) => return room.map_err(|_| RequestError::Stopped),
                Err(_) if Instant::now() >= deadline => return Err(RequestError::NoRoom),
                Err(_) => self.sweep(),
            }
        }
    }

    /// Lets go of what nobody goes on with, and of answers that nobody will ask for any more.
    fn sweep(&self) {
        let now = Instant::now();
        let patience = self.patience(now, 0).duration_since(now);
        self.table().retain(|_, entry| !entry.is_over(now, patience, REMEMBERED));
    }

    fn entry(&self, key: &Key) -> Option<Arc<Entry>> {
        self.table().get(key).cloned()
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Key, Arc<Entry>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    pub(super) fn task(&self) -> TaskHash {
        self.task
    }

    pub(super) fn round(&self) -> u32 {
        self.round
    }

    pub(super) fn device(&self) -> &DeviceId {
        &self.device
    }
}

/// The assignment is this device's, to this round of this task.
fn expect_own(claims: &Claims, header: &Header) -> Result<Key, RequestError> {
    if claims.device != header.device {
        return Err(RequestError::OthersToken);
    }
    if claims.task != header.task {
        return Err(RequestError::WrongTask { found: header.task });
    }
    if claims.round != header.round {
        return Err(RequestError::WrongRound { assigned: claims.round, found: header.round });
    }
    Ok(Key { task: header.task, round: header.round, device: header.device.clone() })
}
