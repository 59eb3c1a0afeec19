//! `murmur.v1.DeviceService`: what a stranger sends is checked here, before the coordinator sees it.

mod front;
mod refusal;
mod upload;

pub(crate) use front::Front;
pub(crate) use refusal::RequestError;

use murmur_proto::{
    WireError, chunk,
    error::{device_id, digest},
    upload::Withdrawal,
    v1::{
        self, CheckInRequest, CheckInResponse, GetTaskRequest, GetTaskResponse, ReadModelRequest, ReadModelResponse,
        ReportOutcomeRequest, ReportOutcomeResponse, WriteUploadRequest, WriteUploadResponse,
        device_service_server::DeviceService,
    },
};
use murmur_round::coordinator::Event;
use tonic::{Request, Response, Status, Streaming};

/// A model's chunks, cut as they are sent.
type Chunks = Box<dyn Iterator<Item = Result<ReadModelResponse, Status>> + Send>;

#[tonic::async_trait]
impl DeviceService for Front {
    type ReadModelStream = tokio_stream::Iter<Chunks>;

    async fn check_in(&self, request: Request<CheckInRequest>) -> Result<Response<CheckInResponse>, Status> {
        let device = device_id(&request.into_inner().device_id).map_err(RequestError::from)?;
        let answer = self.check_in(device).await?;
        Ok(Response::new(answer.into()))
    }

    async fn get_task(&self, request: Request<GetTaskRequest>) -> Result<Response<GetTaskResponse>, Status> {
        let task = digest("task_hash", &request.into_inner().task_hash).map_err(RequestError::from)?;
        self.expect_task(task)?;
        Ok(Response::new(GetTaskResponse { task_json: self.task_json() }))
    }

    async fn read_model(&self, request: Request<ReadModelRequest>) -> Result<Response<Self::ReadModelStream>, Status> {
        let model = digest("model_sha256", &request.into_inner().model_sha256).map_err(RequestError::from)?;
        let file = self.model(model)?;
        let chunks: Chunks = Box::new(chunk::cut(file).map(|chunk| Ok(ReadModelResponse { chunk: Some(chunk) })));
        Ok(Response::new(tokio_stream::iter(chunks)))
    }

    async fn write_upload(
        &self,
        request: Request<Streaming<WriteUploadRequest>>,
    ) -> Result<Response<WriteUploadResponse>, Status> {
        let event = upload::receive(self, request.into_inner()).await?;
        let verdict = v1::Verdict::from(self.verdict(event).await?);
        Ok(Response::new(WriteUploadResponse { verdict: verdict.into() }))
    }

    async fn report_outcome(
        &self,
        request: Request<ReportOutcomeRequest>,
    ) -> Result<Response<ReportOutcomeResponse>, Status> {
        let withdrawal = request.into_inner().try_into().map_err(|error: WireError| RequestError::from(error))?;
        let Withdrawal { device, task, round } = withdrawal;
        self.expect_part(&device, task)?;
        let verdict = v1::Verdict::from(self.verdict(Event::Withdraw { device, round }).await?);
        Ok(Response::new(ReportOutcomeResponse { verdict: verdict.into() }))
    }
}
