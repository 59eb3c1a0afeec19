//! A device that speaks the wire by hand and whose update is zero, or whatever a test wants to send.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use murmur_privacy::{Digest, Grid, Upload};
use murmur_proto::{
    answer::{CheckIn, verdict},
    chunk,
    enrolment::DeviceCertificate,
    error::digest_bytes,
    transfer::{Announced, Announcement, Progress, Query},
    upload::{Header, Withdrawal},
    v1::{
        CheckInRequest, GetTaskRequest, QueryUploadRequest, ReadModelRequest, RenewCertificateRequest,
        StartUploadRequest, WriteUploadRequest, device_service_client::DeviceServiceClient, write_upload_request::Part,
    },
    version::MINOR_VERSION,
};
use murmur_round::coordinator::{Assignment, TurnedAway, Verdict};
use tokio_stream::Stream;
use tonic::{Code, Status, transport::Channel};

use crate::process::LONG;

pub(crate) struct ZeroDevice {
    pub(crate) id: String,
    client: DeviceServiceClient<Channel>,
    /// The token of every assignment, by its round; shared by all names of the device.
    tokens: Arc<Mutex<HashMap<(Digest, u32), Bytes>>>,
}

impl ZeroDevice {
    pub(crate) fn new(id: &str, port: u16) -> Self {
        Self::over(id, Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect_lazy())
    }

    pub(crate) fn over(id: &str, channel: Channel) -> Self {
        Self { id: id.to_owned(), client: DeviceServiceClient::new(channel), tokens: Arc::default() }
    }

    /// The same device under another name.
    pub(crate) fn called(&self, id: &str) -> Self {
        Self { id: id.to_owned(), client: self.client.clone(), tokens: self.tokens.clone() }
    }

    /// The same device on another connection.
    pub(crate) fn on(&self, channel: Channel) -> Self {
        Self { client: DeviceServiceClient::new(channel), id: self.id.clone(), tokens: self.tokens.clone() }
    }

    /// The same device on a new connection in clear.
    pub(crate) fn reconnected(&self, port: u16) -> Self {
        self.on(Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect_lazy())
    }

    pub(crate) async fn renew(&self, request: Vec<u8>) -> Result<DeviceCertificate, Status> {
        let request = RenewCertificateRequest { certificate_request: request.into() };
        let response = self.client.clone().renew_certificate(request).await?;
        Ok(response.into_inner().certificate.try_into().unwrap())
    }

    pub(crate) async fn check_in(&self) -> Result<CheckIn, Status> {
        self.check_in_with(MINOR_VERSION, &[]).await
    }

    /// As a device that speaks this version and trains models of these kinds.
    pub(crate) async fn check_in_with(&self, minor_version: u32, model_kinds: &[&str]) -> Result<CheckIn, Status> {
        let model_kinds = model_kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let request = CheckInRequest { device_id: self.id.clone(), minor_version, model_kinds };
        let response = self.client.clone().check_in(request).await?.into_inner();
        let token = response.assignment_token.clone();
        let answer = response.try_into().unwrap();
        if let CheckIn::Assigned(assignment) = &answer {
            self.tokens.lock().unwrap().insert((assignment.task, assignment.round), token);
        }
        Ok(answer)
    }

    /// Asks until there is work; none when the task is over.
    pub(crate) async fn work(&self) -> Option<Assignment> {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < LONG, "no work and no end");
            match self.check_in().await {
                Ok(CheckIn::Assigned(assignment)) => return Some(assignment),
                Ok(CheckIn::TurnedAway(TurnedAway::Finished)) => return None,
                Ok(CheckIn::TurnedAway(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                // It asks without pause, and is told so.
                Err(status) if status.code() == Code::ResourceExhausted => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(status) => panic!("{status}"),
            }
        }
    }

    pub(crate) fn header(&self, assignment: &Assignment) -> Header {
        Header {
            device: self.id.parse().unwrap(),
            task: assignment.task,
            round: assignment.round,
            total_length: Upload::encoded_len(&assignment.grid) as u64,
            open_metrics: None,
        }
    }

    pub(crate) async fn send(&self, parts: Vec<Part>) -> Result<Verdict, Status> {
        let messages: Vec<_> = parts.into_iter().map(|part| WriteUploadRequest { part: Some(part) }).collect();
        self.stream(tokio_stream::iter(messages)).await
    }

    /// Sends whatever comes, as it comes.
    pub(crate) async fn stream(
        &self,
        messages: impl Stream<Item = WriteUploadRequest> + Send + 'static,
    ) -> Result<Verdict, Status> {
        let response = self.client.clone().write_upload(messages).await?;
        Ok(verdict(response.into_inner().verdict).unwrap())
    }

    /// The token of an assignment; something else for one that it never got.
    pub(crate) fn token(&self, task: Digest, round: u32) -> Bytes {
        let known = self.tokens.lock().unwrap().get(&(task, round)).cloned();
        known.unwrap_or_else(|| {
            Bytes::from_static(b"no token at all, but long enough to hold a signature of thirty-two bytes")
        })
    }

    pub(crate) fn announcement(&self, header: Header) -> Announcement {
        Announcement { assignment_token: self.token(header.task, header.round), header }
    }

    pub(crate) async fn start(&self, request: impl Into<StartUploadRequest>) -> Result<Announced, Status> {
        Ok(self.client.clone().start_upload(request.into()).await?.into_inner().try_into().unwrap())
    }

    pub(crate) async fn query(&self, upload_token: Bytes) -> Result<Progress, Status> {
        let query = Query { device: self.id.parse().unwrap(), upload_token };
        let response = self.client.clone().query_upload(QueryUploadRequest::from(query)).await?;
        Ok(response.into_inner().try_into().unwrap())
    }

    pub(crate) async fn upload(&self, header: Header, bytes: Bytes) -> Result<Verdict, Status> {
        match self.start(self.announcement(header)).await? {
            Announced::Answered(verdict) => Ok(verdict),
            Announced::Expected { upload_token, offset } => {
                let chunks = chunk::cut_from(bytes, offset as usize).map(Part::Chunk);
                self.send([Part::UploadToken(upload_token)].into_iter().chain(chunks).collect()).await
            }
        }
    }

    /// Answers an assignment with the zero update.
    pub(crate) async fn answer(&self, assignment: &Assignment) -> Result<Verdict, Status> {
        self.upload(self.header(assignment), zeros(&assignment.grid)).await
    }

    pub(crate) async fn withdraw(&self, assignment: &Assignment) -> Result<Verdict, Status> {
        let (device, task) = (self.id.parse().unwrap(), assignment.task);
        let withdrawal = Withdrawal { device, task, round: assignment.round };
        let response = self.client.clone().report_outcome(v1_report(withdrawal)).await?;
        Ok(verdict(response.into_inner().verdict).unwrap())
    }

    pub(crate) async fn task(&self, hash: Digest) -> Result<Bytes, Status> {
        let request = GetTaskRequest { task_hash: digest_bytes(&hash) };
        Ok(self.client.clone().get_task(request).await?.into_inner().task_json)
    }

    pub(crate) async fn model(&self, model: Digest) -> Result<Vec<u8>, Status> {
        let request = ReadModelRequest { model_sha256: digest_bytes(&model) };
        let mut stream = self.client.clone().read_model(request).await?.into_inner();
        let mut whole = chunk::Assembly::up_to(1 << 30);
        while let Some(message) = stream.message().await? {
            whole.add(&message.chunk.unwrap()).unwrap();
        }
        Ok(whole.finish())
    }
}

fn v1_report(withdrawal: Withdrawal) -> murmur_proto::v1::ReportOutcomeRequest {
    withdrawal.into()
}

pub(crate) fn zeros(grid: &Grid) -> Bytes {
    vec![0; Upload::encoded_len(grid)].into()
}
