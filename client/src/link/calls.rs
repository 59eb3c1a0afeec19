//! The calls, each tried patiently and each answer checked.

use std::time::Duration;

use bytes::Bytes;
use murmur_privacy::Digest;
use murmur_proto::{
    CHUNK_LIMIT, MESSAGE_LIMIT,
    answer::{self, CheckIn},
    chunk::{self, Assembly, ChunkError},
    enrolment::{DeviceCertificate, Enrolment},
    error::digest_bytes,
    transfer::{self, Announced, Announcement},
    upload::Withdrawal,
    v1::{
        CheckInRequest, EnrollRequest, GetTaskRequest, ReadModelRequest, RenewCertificateRequest, ReportOutcomeRequest,
        StartUploadRequest, WriteUploadRequest, device_service_client::DeviceServiceClient, write_upload_request::Part,
    },
    version::MINOR_VERSION,
};
use murmur_round::{
    checkpoint::read_model,
    coordinator::{Refusal, Verdict},
    device_id::DeviceId,
    params::Params,
    task::Task,
    task::TaskHash,
};
use tonic::{
    Request,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::{Address, CallError, access::Connect, patience::patiently};

/// HTTP/2 windows for models on their way in.
const STREAM_WINDOW: u32 = 8 << 20;
/// A question and its answer, without a model or an upload.
const ANSWER: Duration = Duration::from_secs(60);
/// A connection, and the handshake on it.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection that is made when it is needed, and made again when it broke.
pub(super) struct Calls(DeviceServiceClient<Channel>);

impl Calls {
    /// In clear, on this machine.
    pub(super) fn in_clear(server: &Address, connect: &Connect) -> Self {
        Self::over(connect.to(&endpoint(server)))
    }

    /// To a coordinator that must prove who it is, from a stranger.
    pub(super) fn verifying(server: &Address, ca: &str) -> Result<Self, CallError> {
        Ok(Self::over(endpoint(server).tls_config(trusting(ca))?.connect_lazy()))
    }

    /// To a coordinator that must prove who it is, from a device that does so too.
    pub(super) fn certified(server: &Address, ca: &str, identity: &str, connect: &Connect) -> Result<Self, CallError> {
        let tls = trusting(ca).identity(Identity::from_pem(identity, identity));
        Ok(Self::over(connect.to(&endpoint(server).tls_config(tls)?)))
    }

    fn over(channel: Channel) -> Self {
        let client = DeviceServiceClient::new(channel);
        Self(client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT))
    }

    pub(super) async fn enrol(&self, enrolment: Enrolment) -> Result<DeviceCertificate, CallError> {
        patiently("enrolment", || async {
            let request = brief(EnrollRequest::from(enrolment.clone()));
            Ok(self.0.clone().enroll(request).await?.into_inner().certificate.try_into()?)
        })
        .await
    }

    /// Another certificate for the device. Tried once: there is time for it at the next occasion.
    pub(super) async fn renew(&self, certificate_request: Bytes) -> Result<DeviceCertificate, CallError> {
        let request = brief(RenewCertificateRequest { certificate_request });
        Ok(self.0.clone().renew_certificate(request).await?.into_inner().certificate.try_into()?)
    }

    /// The answer, and with an assignment the token that its update is announced with.
    pub(super) async fn check_in(
        &self,
        device: &DeviceId,
        model_kinds: &[&str],
    ) -> Result<(CheckIn, Bytes), CallError> {
        patiently("check-in", || async {
            let request = brief(CheckInRequest {
                device_id: device.as_str().to_owned(),
                minor_version: MINOR_VERSION,
                model_kinds: model_kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            });
            let response = self.0.clone().check_in(request).await?.into_inner();
            let token = response.assignment_token.clone();
            Ok(match response.try_into()? {
                CheckIn::Assigned(work) => (CheckIn::Assigned(work), transfer::token("assignment_token", token)?),
                away @ CheckIn::TurnedAway(_) => (away, Bytes::new()),
            })
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
        let layout = task.shared_layout();
        // What a model file holds beside its parameters fits a chunk by far.
        let file = self.file("model", expected, layout.dimension() * 4 + CHUNK_LIMIT).await?;
        Ok(read_model(&file, layout)?)
    }

    /// The file of this digest, of at most `limit` bytes: a released model, or what a task starts from; anything else is an error.
    pub(super) async fn file(&self, what: &'static str, expected: Digest, limit: usize) -> Result<Vec<u8>, CallError> {
        let file = patiently(what, || async {
            let request = Request::new(ReadModelRequest { model_sha256: digest_bytes(&expected) });
            let mut stream = self.0.clone().read_model(request).await?.into_inner();
            let mut assembly = Assembly::up_to(limit);
            while let Some(message) = stream.message().await? {
                assembly.add(&message.chunk.ok_or(ChunkError::Missing)?)?;
            }
            Ok(assembly.finish())
        })
        .await?;
        check(what, expected, &file)?;
        Ok(file)
    }

    /// Sends an update. Every attempt announces it again and goes on where the one before it ended; the coordinator counts it
    /// once, and tells whoever asks again what became of it.
    pub(super) async fn upload(&self, announcement: Announcement, bytes: Bytes) -> Result<Verdict, CallError> {
        let sent = patiently("upload", || self.attempt(&announcement, &bytes)).await;
        // A round that is over for this device ended without it, however the coordinator says so.
        sent.or_else(|error| error.is_late().then_some(Verdict::Refused(Refusal::RoundClosed)).ok_or(error))
    }

    async fn attempt(&self, announcement: &Announcement, bytes: &Bytes) -> Result<Verdict, CallError> {
        let request = brief(StartUploadRequest::from(announcement.clone()));
        let announced = self.0.clone().start_upload(request).await?.into_inner().try_into()?;
        let (token, offset) = match announced {
            Announced::Answered(verdict) => return Ok(verdict),
            Announced::Expected { upload_token, offset } => (upload_token, offset),
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let chunks = chunk::cut_from(bytes.clone(), offset).map(Part::Chunk);
        let parts = [Part::UploadToken(token)].into_iter().chain(chunks);
        let messages = tokio_stream::iter(parts.map(|part| WriteUploadRequest { part: Some(part) }));
        let response = self.0.clone().write_upload(Request::new(messages)).await?.into_inner();
        Ok(answer::verdict(response.verdict)?)
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

fn endpoint(server: &Address) -> Endpoint {
    Endpoint::from(server.uri())
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW)
}

/// Trusting this authority, and no other.
fn trusting(ca: &str) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)).timeout(CONNECT)
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
