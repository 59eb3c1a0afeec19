//! An upload on its way in. Nothing is allocated before its declared length was compared with the grid and room was found.

use murmur_privacy::{Upload, update::UploadError};
use murmur_proto::{
    WireError,
    chunk::ChunkError,
    transfer::{Announced, Announcement},
    v1::{WriteUploadRequest, write_upload_request::Part},
};
use murmur_round::{
    coordinator::{Event, Refusal, Verdict},
    device_id::DeviceId,
};
use tokio::time::Instant;
use tonic::Streaming;

use super::{
    Front, RequestError,
    gate::Caller,
    uploads::{Arriving, Complete, Key, Opened},
};
use crate::failpoint::reached;

/// A device announces an update: everything that can be known before its bytes is checked here.
pub(super) async fn start(
    front: &Front,
    caller: &Caller,
    announcement: Announcement,
) -> Result<Announced, RequestError> {
    let header = &announcement.header;
    caller.speak_for(&header.device)?;
    let task = front.task(header.task)?;
    task.expect_enrolled(Some(&header.device))?;
    let encoding = task.encoding();
    let expected = Upload::encoded_len(&encoding.grid());
    if header.total_length != expected as u64 {
        return Err(RequestError::WrongLength { expected, found: header.total_length });
    }
    let announced = front.uploads().announce(announcement, encoding).await?;
    reached("upload.announced");
    Ok(announced)
}

/// Receives what is left of an announced upload; what became of it.
pub(super) async fn receive(
    front: &Front,
    caller: &Caller,
    mut stream: Streaming<WriteUploadRequest>,
) -> Result<Verdict, RequestError> {
    let began = Instant::now();
    let uploads = front.uploads();
    let token = match next(&mut stream, uploads.patience(began, 0)).await? {
        Some(Part::UploadToken(token)) => token,
        Some(Part::Chunk(_)) | None => return Err(WireError::Missing { field: "upload_token" }.into()),
    };
    let (key, opened) = uploads.open(|device: &DeviceId| caller.speak_for(device), &token)?;
    let arriving = match opened {
        Opened::Answered(verdict) => return Ok(verdict),
        Opened::Arriving(arriving) => arriving,
    };
    match fill(front, &mut stream, &arriving, began).await {
        Ok(()) => {}
        Err(over @ (RequestError::TooSlow | RequestError::Upload(_))) => {
            // The room is for those who come on, and a device that made a mistake may send something else.
            uploads.forget(&key);
            return Err(over);
        }
        Err(error) => return Err(error),
    }
    let complete = arriving.complete().inspect_err(|error| {
        if matches!(error, RequestError::Upload(_)) {
            uploads.forget(&key);
        }
    })?;
    reached("upload.checked");
    // A task of its own: a device that hangs up now has still sent the whole, and hears the answer when it asks again.
    let front = front.clone();
    tokio::spawn(async move { finish(&front, &key, complete).await }).await.map_err(|_| RequestError::Stopped)?
}

async fn fill(
    front: &Front,
    stream: &mut Streaming<WriteUploadRequest>,
    arriving: &Arriving,
    began: Instant,
) -> Result<(), RequestError> {
    let mut received = 0;
    while let Some(part) = next(stream, front.uploads().patience(began, received)).await? {
        match part {
            Part::Chunk(chunk) => {
                received += chunk.data.len();
                arriving.add(chunk)?;
                reached("upload.chunk");
            }
            Part::UploadToken(_) => return Err(RequestError::SecondToken),
        }
    }
    Ok(())
}

/// Hands the whole to the coordinator.
async fn finish(front: &Front, key: &Key, complete: Complete) -> Result<Verdict, RequestError> {
    let Complete { upload, open_metrics, room, answering } = complete;
    let task = front.task(key.task())?;
    let (device, round) = (key.device().clone(), key.round());
    let verdict = task.verdict(Event::Upload { device, round, upload, open_metrics }).await;
    drop(room);
    match verdict.inspect_err(|_| front.uploads().forget(key))? {
        Verdict::Refused(Refusal::RoundClosed) => {
            front.uploads().forget(key);
            Err(RequestError::RoundClosed { after: task.come_back() })
        }
        verdict => {
            answering.answer(verdict);
            reached("upload.answered");
            Ok(verdict)
        }
    }
}

async fn next(stream: &mut Streaming<WriteUploadRequest>, until: Instant) -> Result<Option<Part>, RequestError> {
    match tokio::time::timeout_at(until, stream.message()).await.map_err(|_| RequestError::TooSlow)?? {
        Some(WriteUploadRequest { part: Some(part) }) => Ok(Some(part)),
        Some(WriteUploadRequest { part: None }) => Err(WireError::Missing { field: "part" }.into()),
        None => Ok(None),
    }
}

impl From<UploadError> for RequestError {
    fn from(error: UploadError) -> Self {
        Self::Upload(error)
    }
}

impl From<ChunkError> for RequestError {
    fn from(error: ChunkError) -> Self {
        Self::Chunk(error)
    }
}
