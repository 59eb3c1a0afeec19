//! The five calls, each tried patiently and each answer checked.

use std::time::Duration;

use bytes::Bytes;
use murmur_privacy::Digest;
use murmur_proto::{
    CHUNK_LIMIT, MESSAGE_LIMIT,
    answer::{self, CheckIn},
    chunk::{self, Assembly, ChunkError},
    error::digest_bytes,
    upload::{Header, Withdrawal},
    v1::{
        CheckInRequest, GetTaskRequest, ReadModelRequest, ReportOutcomeRequest, WriteUploadRequest,
        device_service_client::DeviceServiceClient, write_upload_request::Part,
    },
};
use murmur_round::{
    checkpoint::read_model, coordinator::Verdict, device_id::DeviceId, params::Params, task::Task, task::TaskHash,
};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use super::{Address, CallError, patience::patiently};

/// HTTP/2 windows for models on their way in.
const STREAM_WINDOW: u32 = 8 << 20;
/// A question and its answer, without a model or an upload.
const ANSWER: Duration = Duration::from_secs(60);

/// A connection that is made when it is needed, and made again when it broke.
pub(super) struct Calls(DeviceServiceClient<Channel>);

impl Calls {
    pub(super) fn new(server: &Address) -> Self {
        let channel = Endpoint::from(server.uri())
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW)
            .connect_lazy();
        let client = DeviceServiceClient::new(channel);
        Self(client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT))
    }

    pub(super) async fn check_in(&self, device: &DeviceId) -> Result<CheckIn, CallError> {
        patiently("check-in", || async {
            let request = brief(CheckInRequest { device_id: device.as_str().to_owned() });
            Ok(self.0.clone().check_in(request).await?.into_inner().try_into()?)
        })
        .await
    }

    /// The task of this hash; anything else is an error.
    pub(super) async fn task(&self, expected: TaskHash) -> Result<Task, CallError> {
        let json = patiently("task", || async {
            let request = brief(GetTaskRequest { task_hash: digest_bytes(&expected) });
            Ok(self.0.clone().get_task(request).await?.into_inner().task_json)
        })
        .await?;
        check("task", expected, &json)?;
        Ok(Task::from_json(&json)?)
    }

    /// The model of this digest, for this task; anything else is an error.
    pub(super) async fn model(&self, expected: Digest, task: &Task) -> Result<Params, CallError> {
        let layout = task.model.layout();
        // What a model file holds beside its parameters fits a chunk by far.
        let limit = layout.dimension() * 4 + CHUNK_LIMIT;
        let file = patiently("model", || async {
            let request = Request::new(ReadModelRequest { model_sha256: digest_bytes(&expected) });
            let mut stream = self.0.clone().read_model(request).await?.into_inner();
            let mut assembly = Assembly::up_to(limit);
            while let Some(message) = stream.message().await? {
                assembly.add(&message.chunk.ok_or(ChunkError::Missing)?)?;
            }
            Ok(assembly.finish())
        })
        .await?;
        check("model", expected, &file)?;
        Ok(read_model(&file, layout)?)
    }

    /// Sends an update. Every attempt sends the same bytes; the coordinator counts them once.
    pub(super) async fn upload(&self, header: Header, bytes: Bytes) -> Result<Verdict, CallError> {
        patiently("upload", || async {
            let parts =
                [Part::Header(header.clone().into())].into_iter().chain(chunk::cut(bytes.clone()).map(Part::Chunk));
            let messages = tokio_stream::iter(parts.map(|part| WriteUploadRequest { part: Some(part) }));
            let response = self.0.clone().write_upload(Request::new(messages)).await?.into_inner();
            Ok(answer::verdict(response.verdict)?)
        })
        .await
    }

    pub(super) async fn withdraw(&self, withdrawal: Withdrawal) -> Result<Verdict, CallError> {
        patiently("withdrawal", || async {
            let request = brief(ReportOutcomeRequest::from(withdrawal.clone()));
            let response = self.0.clone().report_outcome(request).await?.into_inner();
            Ok(answer::verdict(response.verdict)?)
        })
        .await
    }
}

/// A request whose answer is one small message.
fn brief<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER);
    request
}

fn check(what: &'static str, expected: Digest, bytes: &[u8]) -> Result<(), CallError> {
    let found = Digest::of(bytes);
    if found == expected { Ok(()) } else { Err(CallError::Digest { what, expected, found }) }
}
