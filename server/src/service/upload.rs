//! An upload on its way in. Nothing is allocated before its declared length was compared with the grid.

use std::sync::Arc;

use murmur_privacy::{Upload, update::UploadError};
use murmur_proto::{
    WireError,
    chunk::{Assembly, ChunkError},
    upload::Header,
    v1::{self, WriteUploadRequest, write_upload_request::Part},
};
use murmur_round::coordinator::Event;
use tonic::Streaming;

use super::{Front, RequestError, Served, gate::Caller};

/// Receives one upload and checks everything that can be checked without the coordinator.
pub(super) async fn receive(
    front: &Front,
    caller: &Caller,
    mut stream: Streaming<WriteUploadRequest>,
) -> Result<(Arc<Served>, Event), RequestError> {
    let Header { device, task, round, total_length, open_metrics } = match next(&mut stream).await? {
        Some(Part::Header(header)) => header.try_into()?,
        Some(Part::Chunk(_)) | None => return Err(WireError::Missing { field: "header" }.into()),
    };
    caller.speak_for(&device)?;
    let task = front.task(task)?;
    task.expect_enrolled(Some(&device))?;
    let expected = Upload::encoded_len(&task.encoding().grid());
    if total_length != expected as u64 {
        return Err(RequestError::WrongLength { expected, found: total_length });
    }
    let mut assembly = Assembly::exact(expected);
    while let Some(part) = next(&mut stream).await? {
        assembly.add(&chunk(part)?)?;
    }
    let bytes = assembly.finish_exact()?;
    let encoding = task.encoding().clone();
    let checked = move || Upload::from_plain_bytes(&encoding, &bytes);
    let upload = tokio::task::spawn_blocking(checked).await.map_err(|_| RequestError::Stopped)??;
    Ok((task, Event::Upload { device, round, upload, open_metrics }))
}

async fn next(stream: &mut Streaming<WriteUploadRequest>) -> Result<Option<Part>, RequestError> {
    match stream.message().await? {
        Some(WriteUploadRequest { part: Some(part) }) => Ok(Some(part)),
        Some(WriteUploadRequest { part: None }) => Err(WireError::Missing { field: "part" }.into()),
        None => Ok(None),
    }
}

fn chunk(part: Part) -> Result<v1::Chunk, RequestError> {
    match part {
        Part::Chunk(chunk) => Ok(chunk),
        Part::Header(_) => Err(RequestError::SecondHeader),
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
