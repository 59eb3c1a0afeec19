//! A device that speaks the wire by hand: it sends byte by byte, resumes, and says everything twice.

use std::time::Duration;

use bytes::Bytes;
use murmur_privacy::{Plain, Seal as _};
use murmur_proto::{
    answer::{CheckIn, verdict},
    chunk,
    transfer::{Announced, Announcement},
    upload::Header,
    v1::{
        CheckInRequest, StartUploadRequest, WriteUploadRequest, device_service_client::DeviceServiceClient,
        write_upload_request::Part,
    },
    version::MINOR_VERSION,
};
use murmur_round::coordinator::{Assignment, TurnedAway, Verdict};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::{sleep, timeout};
use tokio_stream::{StreamExt as _, iter};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    task::{name, own_delta, schedule},
    wire::connected,
    world::Heard,
};

/// How long it waits for an answer: an upload may well take longer, and goes on where it was.
const PATIENCE: Duration = Duration::from_millis(800);

struct Stubborn {
    device: usize,
    heard: Heard,
    rng: StdRng,
    client: DeviceServiceClient<Channel>,
}

/// Work, and the token to announce it with.
struct Work {
    assignment: Assignment,
    token: Bytes,
}

/// Takes part until it is told that the task is over.
pub(crate) async fn live(device: usize, seed: u64, heard: Heard) -> turmoil::Result {
    let rng = StdRng::seed_from_u64(seed ^ (device as u64) << 32);
    Stubborn { device, heard, rng, client: client() }.live().await
}

impl Stubborn {
    async fn live(mut self) -> turmoil::Result {
        loop {
            match self.ask().await {
                Ok(CheckIn::TurnedAway(TurnedAway::Finished)) => return Ok(()),
                Ok(CheckIn::TurnedAway(TurnedAway::NotEnrolled)) => return Err("an enrolled device is unknown".into()),
                Ok(_) | Err(Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::Cancelled) => {}
                Err(Code::Unknown | Code::Internal) => {}
                Err(other) => return Err(format!("{other:?} is no answer to a check-in").into()),
            }
            let pause = self.rng.random_range(20..400);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn ask(&mut self) -> Result<CheckIn, Code> {
        let request =
            CheckInRequest { device_id: name(self.device), minor_version: MINOR_VERSION, ..CheckInRequest::default() };
        let mut client = self.client.clone();
        let response = self.patiently(async move { client.check_in(request).await }).await?.into_inner();
        let token = response.assignment_token.clone();
        let answer: CheckIn = response.try_into().map_err(|_| Code::InvalidArgument)?;
        if let CheckIn::Assigned(assignment) = answer {
            self.work(&Work { assignment, token }).await;
        }
        Ok(answer)
    }

    /// Sends its update until it knows what became of it, or loses heart; then, often, sends it once more.
    async fn work(&mut self, work: &Work) {
        for _ in 0..6 {
            match self.send(work).await {
                Ok(verdict) => {
                    self.heard.tell(self.device, work.assignment.round, verdict);
                    if self.rng.random_range(0..3) == 0 {
                        return;
                    }
                }
                // The round is over for it, or was another process's.
                Err(Code::FailedPrecondition) => return,
                Err(_) => {}
            }
            let pause = self.rng.random_range(5..500);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn send(&mut self, work: &Work) -> Result<Verdict, Code> {
        let schedule = schedule();
        let encoding = schedule.encoding(work.assignment.clip);
        let bytes: Bytes = Plain.seal(encoding.encode(&own_delta(self.device), &[])).to_bytes().into();
        let Assignment { task, round, .. } = work.assignment;
        let device = name(self.device).parse().map_err(|_| Code::InvalidArgument)?;
        let header = Header { device, task, round, total_length: bytes.len() as u64, open_metrics: None };
        let announcement = StartUploadRequest::from(Announcement { assignment_token: work.token.clone(), header });
        let mut client = self.client.clone();
        let started = self.patiently(async move { client.start_upload(announcement).await }).await?.into_inner();
        let (token, offset) = match started.try_into().map_err(|_| Code::InvalidArgument)? {
            Announced::Answered(verdict) => return Ok(verdict),
            Announced::Expected { upload_token, offset } => (upload_token, offset as usize),
        };
        if offset > 0 {
            self.heard.resumed();
        }
        let length = self.rng.random_range(1..8);
        let pieces = (offset..bytes.len()).step_by(length).flat_map(move |start| {
            let end = (start + length).min(bytes.len());
            chunk::cut_from(bytes.slice(..end), start).map(Part::Chunk)
        });
        let parts = iter([Part::UploadToken(token)].into_iter().chain(pieces));
        let slowness = Duration::from_millis(self.rng.random_range(1..60));
        let messages = parts.throttle(slowness).map(|part| WriteUploadRequest { part: Some(part) });
        let mut client = self.client.clone();
        let answer = self.patiently(async move { client.write_upload(messages).await }).await?;
        verdict(answer.into_inner().verdict).map_err(|_| Code::InvalidArgument)
    }

    /// A call; whoever is not answered in time makes another connection.
    async fn patiently<T>(&mut self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Code> {
        let result = timeout(PATIENCE, call).await.map_err(|_| Code::DeadlineExceeded);
        let result = result.and_then(|answer| answer.map_err(|status| status.code()));
        if matches!(result, Err(Code::DeadlineExceeded | Code::Unavailable | Code::Unknown)) {
            self.client = client();
        }
        result
    }
}

fn client() -> DeviceServiceClient<Channel> {
    let endpoint = Endpoint::from_static("http://127.0.0.1:7878").connect_timeout(Duration::from_millis(500));
    DeviceServiceClient::new(connected(&endpoint))
}
