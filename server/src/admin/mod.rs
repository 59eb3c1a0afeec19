//! `murmur.v1.AdminService`: what operators ask for, on a listener of its own with a CA of its own.

mod answer;
mod door;
mod refusal;
mod streams;

pub use door::AdminDoor;

use murmur_privacy::units::{DeltaProbability, Epsilon};
use murmur_proto::{
    error::digest_bytes,
    v1::{
        AdminServiceGetTaskRequest, AdminServiceGetTaskResponse, AdminServiceReadModelRequest,
        AdminServiceReadModelResponse, CancelTaskRequest, CancelTaskResponse, CreateTaskRequest, CreateTaskResponse,
        GetLedgerRequest, GetLedgerResponse, ListDevicesRequest, ListDevicesResponse, ListModelsRequest,
        ListModelsResponse, ListTasksRequest, ListTasksResponse, PauseTaskRequest, PauseTaskResponse,
        ResumeTaskRequest, ResumeTaskResponse, RevokeDeviceRequest, RevokeDeviceResponse, VerifyLedgerRequest,
        VerifyLedgerResponse, WatchTaskRequest, WatchTaskResponse, admin_service_server::AdminService,
    },
};
use tonic::{Request, Response, Status};

use crate::{
    driver::Wish,
    moment::Moment,
    seen::{Seen, SeenError},
    store::Store,
};
use answer::{status, task_hash};
use refusal::AdminError;
use streams::Stream;

/// The side of the server that operators see.
pub(crate) struct Admin<S>(pub(crate) Seen<S>);

/// Durable reads and writes are nothing for the threads that everybody else's requests wait for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, Status> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| AdminError::Stopped)??)
}

#[tonic::async_trait]
impl<S: Store> AdminService for Admin<S> {
    async fn create_task(&self, request: Request<CreateTaskRequest>) -> Result<Response<CreateTaskResponse>, Status> {
        let CreateTaskRequest { task_toml, budget } = request.into_inner();
        let budget = match budget {
            None => None,
            Some(budget) => {
                let bad = |what: String| AdminError::Budget { what };
                let epsilon = Epsilon::new(budget.epsilon).map_err(|error| bad(error.to_string()))?;
                Some((epsilon, DeltaProbability::new(budget.delta).map_err(|error| bad(error.to_string()))?))
            }
        };
        let view = self.0.orders().create(&task_toml, budget).await.map_err(AdminError::from)?;
        Ok(Response::new(CreateTaskResponse { task: Some(status(&view)?) }))
    }

    async fn get_task(
        &self,
        request: Request<AdminServiceGetTaskRequest>,
    ) -> Result<Response<AdminServiceGetTaskResponse>, Status> {
        let view = self.0.orders().view(&task_hash(&request.into_inner().task_hash)?).map_err(AdminError::from)?;
        Ok(Response::new(AdminServiceGetTaskResponse { task: Some(status(&view)?) }))
    }

    async fn list_tasks(&self, _request: Request<ListTasksRequest>) -> Result<Response<ListTasksResponse>, Status> {
        let tasks = self.0.tasks().iter().map(status).collect::<Result<_, _>>()?;
        Ok(Response::new(ListTasksResponse { tasks }))
    }

    async fn pause_task(&self, request: Request<PauseTaskRequest>) -> Result<Response<PauseTaskResponse>, Status> {
        let task = task_hash(&request.into_inner().task_hash)?;
        let view = self.0.orders().change(task, Wish::Pause).await.map_err(AdminError::from)?;
        Ok(Response::new(PauseTaskResponse { task: Some(status(&view)?) }))
    }

    async fn resume_task(&self, request: Request<ResumeTaskRequest>) -> Result<Response<ResumeTaskResponse>, Status> {
        let task = task_hash(&request.into_inner().task_hash)?;
        let view = self.0.orders().change(task, Wish::Resume).await.map_err(AdminError::from)?;
        Ok(Response::new(ResumeTaskResponse { task: Some(status(&view)?) }))
    }

    async fn cancel_task(&self, request: Request<CancelTaskRequest>) -> Result<Response<CancelTaskResponse>, Status> {
        let task = task_hash(&request.into_inner().task_hash)?;
        let view = self.0.orders().change(task, Wish::Cancel).await.map_err(AdminError::from)?;
        Ok(Response::new(CancelTaskResponse { task: Some(status(&view)?) }))
    }

    type WatchTaskStream = Stream<WatchTaskResponse>;

    async fn watch_task(&self, request: Request<WatchTaskRequest>) -> Result<Response<Self::WatchTaskStream>, Status> {
        let task = task_hash(&request.into_inner().task_hash)?;
        self.0.orders().view(&task).map_err(AdminError::from)?;
        Ok(Response::new(streams::watch(self.0.watch(), task)))
    }

    type GetLedgerStream = Stream<GetLedgerResponse>;

    async fn get_ledger(&self, request: Request<GetLedgerRequest>) -> Result<Response<Self::GetLedgerStream>, Status> {
        let (seen, population) = (self.0.clone(), request.into_inner().population);
        let lines = blocking(move || {
            let lines = seen.entries(&population)?.iter().map(|entry| entry.to_line()).collect::<Result<Vec<_>, _>>();
            Ok(lines.map_err(SeenError::from)?)
        })
        .await?;
        let parts = streams::batches(lines, |lines| GetLedgerResponse { lines });
        Ok(Response::new(parts))
    }

    async fn verify_ledger(
        &self,
        request: Request<VerifyLedgerRequest>,
    ) -> Result<Response<VerifyLedgerResponse>, Status> {
        let (seen, population) = (self.0.clone(), request.into_inner().population);
        let ledger = blocking(move || Ok(seen.verified(&population)?)).await?;
        Ok(Response::new(VerifyLedgerResponse { entries: ledger.length(), head: digest_bytes(&ledger.head()) }))
    }

    async fn list_models(&self, request: Request<ListModelsRequest>) -> Result<Response<ListModelsResponse>, Status> {
        let wanted = request.into_inner().task_hash;
        let wanted = if wanted.is_empty() { None } else { Some(task_hash(&wanted)?) };
        let seen = self.0.clone();
        let models = blocking(move || Ok(seen.models(wanted.as_ref())?)).await?;
        let models = models.into_iter().map(answer::model).collect();
        Ok(Response::new(ListModelsResponse { models }))
    }

    type ReadModelStream = Stream<AdminServiceReadModelResponse>;

    async fn read_model(
        &self,
        request: Request<AdminServiceReadModelRequest>,
    ) -> Result<Response<Self::ReadModelStream>, Status> {
        let model = task_hash(&request.into_inner().model_sha256)?;
        let seen = self.0.clone();
        let file = blocking(move || Ok(seen.model(&model)?)).await?;
        Ok(Response::new(streams::file(file)))
    }

    type ListDevicesStream = Stream<ListDevicesResponse>;

    async fn list_devices(
        &self,
        request: Request<ListDevicesRequest>,
    ) -> Result<Response<Self::ListDevicesStream>, Status> {
        let (seen, population) = (self.0.clone(), request.into_inner().population);
        let devices = blocking(move || {
            let mut devices = Vec::new();
            let population = (!population.is_empty()).then_some(population.as_str());
            seen.devices(population, &mut |standing| devices.push(answer::device(standing)))?;
            Ok(devices)
        })
        .await?;
        Ok(Response::new(streams::batches(devices, |devices| ListDevicesResponse { devices })))
    }

    async fn revoke_device(
        &self,
        request: Request<RevokeDeviceRequest>,
    ) -> Result<Response<RevokeDeviceResponse>, Status> {
        let registry = self.0.orders().registry();
        let device = murmur_proto::error::device_id(&request.into_inner().device_id).map_err(AdminError::from)?;
        let revoked = blocking(move || Ok(registry.revoke(&device, Moment::now())?)).await?;
        Ok(Response::new(RevokeDeviceResponse { revoked: revoked.to_string() }))
    }
}
