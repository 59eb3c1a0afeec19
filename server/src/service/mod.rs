//! `murmur.v1.DeviceService`: what a stranger sends is checked here, before the coordinator sees it.

mod foreign;
mod front;
mod gate;
mod layer;
mod offered;
mod pace;
mod rate;
mod refusal;
mod refusals;
mod upload;
mod uploads;

pub(crate) use front::{Front, Served};
pub(crate) use gate::Gate;
pub(crate) use layer::Bounded;
pub(crate) use offered::Offered;
pub(crate) use refusal::RequestError;
pub(crate) use refusals::Refusals;

use murmur_proto::{
    WireError, chunk,
    enrolment::{self, Enrolment},
    error::{device_id, digest},
    transfer::{Announcement, Query},
    upload::Withdrawal,
    v1::{
        self, CheckInRequest, CheckInResponse, EnrollRequest, EnrollResponse, GetTaskRequest, GetTaskResponse,
        QueryUploadRequest, QueryUploadResponse, ReadModelRequest, ReadModelResponse, RenewCertificateRequest,
        RenewCertificateResponse, ReportOutcomeRequest, ReportOutcomeResponse, StartUploadRequest, StartUploadResponse,
        WriteUploadRequest, WriteUploadResponse, device_service_server::DeviceService,
    },
    version,
};
use murmur_round::coordinator::Event;
use tonic::{Request, Response, Status, Streaming};

/// Most kinds of models that a device may name, and most bytes of each name.
const MODEL_KINDS_LIMIT: usize = 64;

/// A model's chunks, cut as they are sent.
type Chunks = Box<dyn Iterator<Item = Result<ReadModelResponse, Status>> + Send>;

#[tonic::async_trait]
impl DeviceService for Front {
    type ReadModelStream = tokio_stream::Iter<Chunks>;

    async fn enroll(&self, request: Request<EnrollRequest>) -> Result<Response<EnrollResponse>, Status> {
        let enrolment: Result<Enrolment, WireError> = request.into_inner().try_into();
        let certificate = self.gate().enrol(enrolment.map_err(RequestError::from)?).await?;
        Ok(Response::new(EnrollResponse { certificate: Some(certificate.into()) }))
    }

    async fn renew_certificate(
        &self,
        request: Request<RenewCertificateRequest>,
    ) -> Result<Response<RenewCertificateResponse>, Status> {
        let caller = self.caller(&request)?;
        let request = enrolment::certificate_request(request.into_inner().certificate_request);
        let certificate = self.gate().renew(caller, request.map_err(RequestError::from)?).await?;
        Ok(Response::new(RenewCertificateResponse { certificate: Some(certificate.into()) }))
    }

    async fn check_in(&self, request: Request<CheckInRequest>) -> Result<Response<CheckInResponse>, Status> {
        let caller = self.caller(&request)?;
        let CheckInRequest { device_id: name, minor_version, model_kinds } = request.into_inner();
        let device = device_id(&name).map_err(RequestError::from)?;
        caller.speak_for(&device)?;
        version::expect_served(minor_version).map_err(RequestError::from)?;
        expect_few(&model_kinds).map_err(RequestError::from)?;
        let answer = self.check_in(device.clone(), &model_kinds).await?;
        let assignment_token = self.assignment_token(&device, &answer)?;
        Ok(Response::new(CheckInResponse { assignment_token, ..answer.into() }))
    }

    async fn get_task(&self, request: Request<GetTaskRequest>) -> Result<Response<GetTaskResponse>, Status> {
        let caller = self.caller(&request)?;
        let task = digest("task_hash", &request.into_inner().task_hash).map_err(RequestError::from)?;
        let task = self.task(task)?;
        task.expect_enrolled(caller.device())?;
        Ok(Response::new(GetTaskResponse { task_json: task.json() }))
    }

    async fn read_model(&self, request: Request<ReadModelRequest>) -> Result<Response<Self::ReadModelStream>, Status> {
        let caller = self.caller(&request)?;
        let model = digest("model_sha256", &request.into_inner().model_sha256).map_err(RequestError::from)?;
        let file = self.model(model, caller.device())?;
        let chunks: Chunks = Box::new(chunk::cut(file).map(|chunk| Ok(ReadModelResponse { chunk: Some(chunk) })));
        Ok(Response::new(tokio_stream::iter(chunks)))
    }

    async fn start_upload(
        &self,
        request: Request<StartUploadRequest>,
    ) -> Result<Response<StartUploadResponse>, Status> {
        let caller = self.caller(&request)?;
        let announcement: Result<Announcement, WireError> = request.into_inner().try_into();
        let announced = upload::start(self, &caller, announcement.map_err(RequestError::from)?).await?;
        Ok(Response::new(announced.into()))
    }

    async fn query_upload(
        &self,
        request: Request<QueryUploadRequest>,
    ) -> Result<Response<QueryUploadResponse>, Status> {
        let caller = self.caller(&request)?;
        let query: Result<Query, WireError> = request.into_inner().try_into();
        let query = query.map_err(RequestError::from)?;
        caller.speak_for(&query.device)?;
        Ok(Response::new(self.uploads().progress(&query)?.into()))
    }

    async fn write_upload(
        &self,
        request: Request<Streaming<WriteUploadRequest>>,
    ) -> Result<Response<WriteUploadResponse>, Status> {
        let caller = self.caller(&request)?;
        let verdict = v1::Verdict::from(upload::receive(self, &caller, request.into_inner()).await?);
        Ok(Response::new(WriteUploadResponse { verdict: verdict.into() }))
    }

    async fn report_outcome(
        &self,
        request: Request<ReportOutcomeRequest>,
    ) -> Result<Response<ReportOutcomeResponse>, Status> {
        let caller = self.caller(&request)?;
        let withdrawal = request.into_inner().try_into().map_err(|error: WireError| RequestError::from(error))?;
        let Withdrawal { device, task, round } = withdrawal;
        caller.speak_for(&device)?;
        let task = self.task(task)?;
        task.expect_enrolled(Some(&device))?;
        let verdict = v1::Verdict::from(task.verdict(Event::Withdraw { device, round }).await?);
        Ok(Response::new(ReportOutcomeResponse { verdict: verdict.into() }))
    }
}

/// A list takes many times the memory of its message, and is held until the coordinator has answered: only a short one is.
fn expect_few(model_kinds: &[String]) -> Result<(), WireError> {
    let largest = model_kinds.iter().map(String::len).fold(model_kinds.len(), usize::max);
    if largest <= MODEL_KINDS_LIMIT {
        return Ok(());
    }
    Err(WireError::OutOfRange { field: "model_kinds", value: largest as i128 })
}
