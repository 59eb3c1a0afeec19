//! One update on its way in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use murmur_privacy::{Encoding, Incoming, Upload};
use murmur_proto::{
    CHUNK_LIMIT,
    chunk::{ChunkError, Sequence},
    transfer::{Announced, Progress},
    v1,
};
use murmur_round::{coordinator::Verdict, measure::LocalMetrics};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Duration, Instant},
};

use super::{Claims, RequestError};

/// An update that was announced, and everything about it that may still change.
pub(super) struct Entry(Mutex<Inner>);

struct Inner {
    /// Announcements so far: only the last one's token counts.
    generation: u64,
    /// When it was last heard of.
    touched: Instant,
    /// When its round's window is over.
    expires: Instant,
    length: u64,
    state: State,
}

enum State {
    Arriving {
        sequence: Sequence,
        incoming: Box<Incoming>,
        open_metrics: Option<LocalMetrics>,
        room: OwnedSemaphorePermit,
    },
    Checking,
    Answered(Verdict),
}

/// An update whose bytes are coming, held by whoever reads them. Announcing it again takes it away.
pub(in crate::service) struct Arriving {
    entry: Arc<Entry>,
    generation: u64,
    length: u64,
}

/// An update whose bytes are all there, within its bounds.
pub(in crate::service) struct Complete {
    pub(in crate::service) upload: Upload,
    pub(in crate::service) open_metrics: Option<LocalMetrics>,
    /// Given back when the update has been added, and not before.
    pub(in crate::service) room: OwnedSemaphorePermit,
    /// For what becomes of it.
    pub(in crate::service) answering: Answering,
}

impl Entry {
    pub(super) fn new(
        claims: &Claims,
        open_metrics: Option<LocalMetrics>,
        encoding: Encoding,
        room: OwnedSemaphorePermit,
    ) -> Self {
        let length = Upload::encoded_len(&encoding.grid());
        let (sequence, incoming) = (Sequence::new(length), Box::new(Incoming::new(encoding)));
        let state = State::Arriving { sequence, incoming, open_metrics, room };
        let (touched, expires) = (Instant::now(), claims.expires);
        Self(Mutex::new(Inner { generation: 0, touched, expires, length: length as u64, state }))
    }

    /// Announces it (again): where it goes on, under the token of a new generation, or its first answer.
    pub(super) fn announce(&self, token: impl FnOnce(u64) -> Bytes) -> Result<Announced, RequestError> {
        let mut inner = self.inner();
        let offset = match &inner.state {
            State::Answered(verdict) => return Ok(Announced::Answered(*verdict)),
            State::Checking => return Err(RequestError::BeingChecked),
            State::Arriving { sequence, .. } => sequence.received() as u64,
        };
        inner.generation += 1;
        inner.touched = Instant::now();
        Ok(Announced::Expected { upload_token: token(inner.generation), offset })
    }

    pub(super) fn progress(&self) -> Result<Progress, RequestError> {
        let inner = self.inner();
        Ok(match &inner.state {
            State::Arriving { sequence, .. } => Progress::Received(sequence.received() as u64),
            State::Checking => Progress::Received(inner.length),
            State::Answered(verdict) => Progress::Answered(*verdict),
        })
    }

    /// The token is the last one's.
    pub(super) fn expect(&self, generation: u64) -> Result<(), RequestError> {
        if self.inner().generation == generation { Ok(()) } else { Err(RequestError::ReplayedToken) }
    }

    pub(super) fn is_over(&self, now: Instant, patience: Duration, remembered: Duration) -> bool {
        let inner = self.inner();
        match inner.state {
            State::Arriving { .. } => inner.touched + patience <= now,
            State::Checking => false,
            State::Answered(_) => inner.expires + remembered <= now,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arriving {
    pub(super) fn new(entry: Arc<Entry>, generation: u64) -> Result<Self, RequestError> {
        let length = {
            let inner = entry.inner();
            if matches!(inner.state, State::Checking) {
                return Err(RequestError::BeingChecked);
            }
            if inner.expires <= Instant::now() {
                return Err(RequestError::AssignmentExpired);
            }
            inner.length
        };
        Ok(Self { entry, generation, length })
    }

    /// Takes a chunk, and checks what it brought. None is taken when it is refused; an update that is above its bound cannot go on.
    pub(in crate::service) fn add(&self, chunk: v1::Chunk) -> Result<(), RequestError> {
        let mut inner = self.entry.inner();
        if inner.generation != self.generation {
            return Err(RequestError::ReplayedToken);
        }
        let State::Arriving { sequence, incoming, .. } = &mut inner.state else {
            return Err(RequestError::BeingChecked);
        };
        sequence.next(&chunk)?;
        // A chunk lies in memory of the size of its message, which is kept only where the chunk fills it (but for an eighth, at most), or is the
        // last of several: room was found for a chunk beside the update, and no other one will come.
        let is_last = sequence.is_full() && self.length > CHUNK_LIMIT as u64;
        if chunk.data.len() == CHUNK_LIMIT || is_last {
            incoming.keep(chunk.data)?;
        } else {
            incoming.extend(&chunk.data)?;
        }
        inner.touched = Instant::now();
        Ok(())
    }

    /// The whole, if all of it is there; from here on nothing can be appended.
    pub(in crate::service) fn complete(self) -> Result<Complete, RequestError> {
        let mut inner = self.entry.inner();
        if inner.generation != self.generation {
            return Err(RequestError::ReplayedToken);
        }
        match &inner.state {
            State::Arriving { sequence, .. } if !sequence.is_full() => {
                let found = sequence.received() as u64;
                return Err(ChunkError::TooShort { expected: self.length, found }.into());
            }
            State::Checking | State::Answered(_) => return Err(RequestError::BeingChecked),
            State::Arriving { .. } => {}
        }
        let State::Arriving { incoming, open_metrics, room, .. } = std::mem::replace(&mut inner.state, State::Checking)
        else {
            return Err(RequestError::BeingChecked);
        };
        drop(inner);
        Ok(Complete { upload: incoming.finish()?, open_metrics, room, answering: Answering(self.entry) })
    }
}

/// The place for an update's answer.
pub(in crate::service) struct Answering(Arc<Entry>);

impl Answering {
    /// Told again to whoever asks again.
    pub(in crate::service) fn answer(self, verdict: Verdict) {
        self.0.inner().state = State::Answered(verdict);
    }
}
