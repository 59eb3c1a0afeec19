//! A device that sends bytes it did not compute.

use std::time::{Duration, Instant};

use bytes::Bytes;
use murmur_privacy::{Grid, Upload};
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
use murmur_round::{
    coordinator::{Assignment, Verdict},
    device_id::DeviceId,
    task::{Schedule, Task},
};
use tonic::{Status, transport::Channel};

use crate::house::TASK;

pub(crate) struct Device {
    pub(crate) id: DeviceId,
    client: DeviceServiceClient<Channel>,
    work: Option<(Assignment, Bytes)>,
}

impl Device {
    pub(crate) fn new(id: DeviceId, channel: Channel) -> Self {
        Self { id, client: DeviceServiceClient::new(channel), work: None }
    }

    /// Connects, and gets work from a server that has some; bytes of an update.
    pub(crate) async fn prepare(&mut self, works: bool) -> usize {
        while !self.check_in().await.unwrap() && works {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        match &self.work {
            Some((work, _)) => Upload::encoded_len(&work.grid),
            // The same as the task's other server expects.
            None => Upload::encoded_len(&grid()),
        }
    }

    /// Whether it has work.
    pub(crate) async fn check_in(&mut self) -> Result<bool, Status> {
        let request = CheckInRequest {
            device_id: self.id.as_str().to_owned(),
            minor_version: MINOR_VERSION,
            ..CheckInRequest::default()
        };
        let response = self.client.check_in(request).await?.into_inner();
        let token = response.assignment_token.clone();
        if let Ok(CheckIn::Assigned(work)) = response.try_into() {
            self.work = Some((work, token));
        }
        Ok(self.work.is_some())
    }

    pub(crate) async fn announce(&mut self) -> Result<Announced, Status> {
        let (work, assignment_token) = self.work.clone().unwrap();
        let header = Header {
            device: self.id.clone(),
            task: work.task,
            round: work.round,
            total_length: Upload::encoded_len(&work.grid) as u64,
            open_metrics: None,
        };
        let request = StartUploadRequest::from(Announcement { header, assignment_token });
        Ok(self.client.start_upload(request).await?.into_inner().try_into().unwrap())
    }

    /// Sends an update, announced or not, and hears that it is fine.
    pub(crate) async fn send(mut self, update: Bytes, announced: bool) {
        let token = loop {
            if !announced {
                break Bytes::from_static(b"nobody looks");
            }
            match self.announce().await {
                Ok(Announced::Expected { upload_token, .. }) => break upload_token,
                Ok(other) => panic!("{other:?}"),
                // As many are on their way as there is room for.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let parts = [Part::UploadToken(token)].into_iter().chain(chunk::cut(update).map(Part::Chunk));
        let answer = self.write(tokio_stream::iter(parts)).await.unwrap();
        assert_eq!(answer, Verdict::Accepted);
    }

    pub(crate) async fn write(
        &mut self,
        parts: impl tokio_stream::Stream<Item = Part> + Send + 'static,
    ) -> Result<Verdict, Status> {
        use tokio_stream::StreamExt;
        let messages = parts.map(|part| WriteUploadRequest { part: Some(part) });
        Ok(verdict(self.client.write_upload(messages).await?.into_inner().verdict).unwrap())
    }

    /// How long a check-in took.
    pub(crate) async fn timed_check_in(&mut self) -> Duration {
        let start = Instant::now();
        self.check_in().await.unwrap();
        start.elapsed()
    }
}

fn grid() -> Grid {
    let devices = (crate::CLIENTS * crate::UPDATES + 1) as u64;
    Schedule::new(Task::from_toml(TASK).unwrap(), devices).unwrap().grid()
}
