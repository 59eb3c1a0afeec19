//! One method per call of the device service, each retried with exponential back-off and jitter.

use std::{net::IpAddr, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use murmur_privacy::{Digest, Upload};
use murmur_proto::{
    MESSAGE_LIMIT,
    answer::{self, CheckIn},
    chunk::{Assembly, cut},
    error::digest_bytes,
    upload::{Header, Withdrawal},
    v1::{self, device_service_client::DeviceServiceClient, write_upload_request::Part},
};
use murmur_round::{
    checkpoint::read_model,
    coordinator::Verdict,
    device_id::DeviceId,
    params::{Layout, Params},
    task::{Task, TaskHash},
};
use tonic::transport::{Channel, Endpoint, Uri};

use super::LinkError;

/// HTTP/2 windows: with the defaults a connection carries a third of what it could (docs/measurements.md).
const STREAM_WINDOW: u32 = 16 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
/// How much larger than its parameters a model file may be.
const HEADER_ROOM: usize = 1 << 20;

/// A connection of one device to its coordinator. Nothing is sent before the first call.
#[derive(Clone, Debug)]
pub struct Link {
    service: DeviceServiceClient<Channel>,
    device: DeviceId,
    backoff: ExponentialBuilder,
}

impl Link {
    /// A link of `device` to the coordinator at `url`, which must be `http://` on a loopback address.
    ///
    /// # Errors
    /// [`LinkError::Address`] or [`LinkError::NotLoopback`].
    pub fn new(url: &str, device: DeviceId) -> Result<Self, LinkError> {
        let wrong = || LinkError::Address { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(wrong()) };
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if host != "localhost" && !address.is_ok_and(|address| address.is_loopback()) {
            return Err(LinkError::NotLoopback { host: host.to_owned() });
        }
        let channel = Endpoint::from(uri)
            .connect_timeout(Duration::from_secs(5))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .connect_lazy();
        let service = DeviceServiceClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT);
        // 0.1 s, doubling to 5 s, ten times: about half a minute before a device gives up.
        let backoff = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .with_max_times(10);
        Ok(Self { service, device, backoff })
    }

    /// Asks for work.
    ///
    /// # Errors
    /// [`LinkError`] once retrying does not help.
    pub async fn check_in(&self) -> Result<CheckIn, LinkError> {
        self.retried(|mut service| async move {
            let request = v1::CheckInRequest { device_id: self.device.as_str().to_owned() };
            Ok(CheckIn::try_from(service.check_in(request).await?.into_inner())?)
        })
        .await
    }

    /// Gets the task of this hash and checks that it is that.
    ///
    /// # Errors
    /// [`LinkError`] once retrying does not help, or when another task came.
    pub async fn task(&self, hash: TaskHash) -> Result<Task, LinkError> {
        self.retried(|mut service| async move {
            let request = v1::GetTaskRequest { task_hash: digest_bytes(&hash) };
            let json = service.get_task(request).await?.into_inner().task_json;
            check("task", hash, Digest::of(&json))?;
            Ok(Task::from_json(&json)?)
        })
        .await
    }

    /// Reads the released model of this digest and checks that it is that.
    ///
    /// # Errors
    /// [`LinkError`] once retrying does not help, or when another file came.
    pub async fn model(&self, digest: Digest, layout: &Layout) -> Result<Params, LinkError> {
        self.retried(|mut service| async move {
            let request = v1::ReadModelRequest { model_sha256: digest_bytes(&digest) };
            let mut stream = service.read_model(request).await?.into_inner();
            let mut file = Assembly::up_to(layout.dimension() * size_of::<f32>() + HEADER_ROOM);
            while let Some(message) = stream.message().await? {
                file.add(&message.chunk.unwrap_or_default())?;
            }
            let file = file.finish();
            check("model", digest, Digest::of(&file))?;
            Ok(read_model(&file, layout.clone())?)
        })
        .await
    }

    /// Sends an update. A retry sends the same bytes again; the coordinator counts them once.
    ///
    /// # Errors
    /// [`LinkError`] once retrying does not help.
    pub async fn upload(&self, task: TaskHash, round: u32, upload: &Upload) -> Result<Verdict, LinkError> {
        let bytes = Bytes::from(upload.to_bytes());
        self.retried(|mut service| {
            let bytes = bytes.clone();
            async move {
                let header = Header { device: self.device.clone(), task, round, total_length: bytes.len() as u64 };
                let first = Part::Header(header.into());
                let parts = std::iter::once(first).chain(cut(bytes).map(Part::Chunk));
                let messages = parts.map(|part| v1::WriteUploadRequest { part: Some(part) });
                let response = service.write_upload(tokio_stream::iter(messages)).await?.into_inner();
                Ok(answer::verdict(response.verdict)?)
            }
        })
        .await
    }

    /// Tells the coordinator that nothing will come.
    ///
    /// # Errors
    /// [`LinkError`] once retrying does not help.
    pub async fn withdraw(&self, task: TaskHash, round: u32) -> Result<Verdict, LinkError> {
        self.retried(|mut service| async move {
            let withdrawal = Withdrawal { device: self.device.clone(), task, round };
            let response = service.report_outcome(v1::ReportOutcomeRequest::from(withdrawal)).await?.into_inner();
            Ok(answer::verdict(response.verdict)?)
        })
        .await
    }

    async fn retried<T, F>(&self, call: impl Fn(DeviceServiceClient<Channel>) -> F) -> Result<T, LinkError>
    where
        F: Future<Output = Result<T, LinkError>>,
    {
        (|| call(self.service.clone()))
            .retry(self.backoff)
            .sleep(tokio::time::sleep)
            .when(LinkError::is_retryable)
            .notify(|error, after| tracing::info!(%error, ?after, "trying again"))
            .await
    }
}

fn check(what: &'static str, expected: Digest, found: Digest) -> Result<(), LinkError> {
    if expected == found { Ok(()) } else { Err(LinkError::WrongDigest { what, expected, found }) }
}
