//! A server that reads the bytes of updates and drops them: what tonic and TLS can do here.

use murmur_proto::{
    MESSAGE_LIMIT,
    v1::{device_service_server::DeviceService, device_service_server::DeviceServiceServer, *},
};
use murmur_server::identity::ListenerIdentity;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Certificate, Identity, ServerTlsConfig, server::TcpIncoming},
};

struct Bare;

#[tonic::async_trait]
impl DeviceService for Bare {
    type ReadModelStream = tokio_stream::Empty<Result<ReadModelResponse, Status>>;

    async fn check_in(&self, _: Request<CheckInRequest>) -> Result<Response<CheckInResponse>, Status> {
        Ok(Response::new(CheckInResponse::default()))
    }

    async fn write_upload(
        &self,
        request: Request<Streaming<WriteUploadRequest>>,
    ) -> Result<Response<WriteUploadResponse>, Status> {
        let mut stream = request.into_inner();
        while stream.message().await?.is_some() {}
        Ok(Response::new(WriteUploadResponse { verdict: Verdict::Accepted.into() }))
    }

    async fn enroll(&self, _: Request<EnrollRequest>) -> Result<Response<EnrollResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn renew_certificate(
        &self,
        _: Request<RenewCertificateRequest>,
    ) -> Result<Response<RenewCertificateResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn get_task(&self, _: Request<GetTaskRequest>) -> Result<Response<GetTaskResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn read_model(&self, _: Request<ReadModelRequest>) -> Result<Response<Self::ReadModelStream>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn start_upload(&self, _: Request<StartUploadRequest>) -> Result<Response<StartUploadResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn query_upload(&self, _: Request<QueryUploadRequest>) -> Result<Response<QueryUploadResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn report_outcome(
        &self,
        _: Request<ReportOutcomeRequest>,
    ) -> Result<Response<ReportOutcomeResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}

/// With windows that never make a sender wait: the best that we know how to set up.
pub(crate) async fn serve(listener: TcpListener, identity: ListenerIdentity, ca: String, stop: oneshot::Receiver<()>) {
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(identity.certificate, identity.key))
        .client_ca_root(Certificate::from_pem(ca))
        .client_auth_optional(true);
    tonic::transport::Server::builder()
        .initial_stream_window_size(16 << 20)
        .initial_connection_window_size(64 << 20)
        .tls_config(tls)
        .unwrap()
        .add_service(DeviceServiceServer::new(Bare).max_decoding_message_size(MESSAGE_LIMIT))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async {
            let _ = stop.await;
        })
        .await
        .unwrap();
}
