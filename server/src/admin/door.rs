//! Where operators come in: mutual TLS under the admin CA, and nothing else.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use murmur_proto::{DESCRIPTORS, MESSAGE_LIMIT, v1::admin_service_server::AdminServiceServer};
use tokio::net::TcpListener;
use tonic::{
    service::Routes,
    transport::{Certificate, Identity, ServerTlsConfig, server::TcpIncoming},
};
use tonic_health::server::HealthReporter;

use super::Admin;
use crate::{ServerError, identity::ListenerIdentity, metrics::Metrics, page, seen::Seen, store::Store};

/// How long a connection may take to be made.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Requests that one connection may have in flight.
const STREAMS: u32 = 64;

/// A listener for operators.
pub struct AdminDoor {
    listener: TcpListener,
    tls: ServerTlsConfig,
}

impl AdminDoor {
    /// A listener at which everybody shows a certificate that the admin CA made.
    #[must_use]
    pub fn new(listener: TcpListener, identity: ListenerIdentity, admin_ca: &str) -> Self {
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(identity.certificate, identity.key))
            .client_ca_root(Certificate::from_pem(admin_ca))
            .timeout(HANDSHAKE);
        Self { listener, tls }
    }

    /// Answers operators until `stop` completes: the service with reflection and health, `GET /metrics` for Prometheus, and the
    /// page.
    pub(crate) async fn serve<S: Store>(
        self,
        seen: Seen<S>,
        metrics: Metrics,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServerError> {
        let (health, health_service) = tonic_health::server::health_reporter();
        serving::<S>(&health).await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|error| ServerError::Reflection(error.to_string()))?;
        let service = AdminServiceServer::new(Admin(seen.clone()))
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let numbers =
            move || std::future::ready(([(header::CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], metrics.page()));
        let routes = Routes::new(service).add_service(health_service).add_service(reflection);
        let calls = routes.into_axum_router().layer(middleware::from_fn(calls_alone));
        let routes = Routes::from(calls.route("/metrics", get(numbers)).merge(page::routes(seen)));
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let serving = tonic::transport::Server::builder()
            .tls_config(self.tls)?
            .accept_http1(true)
            .max_concurrent_streams(STREAMS)
            .http2_keepalive_interval(Some(Duration::from_secs(20)))
            .add_routes(routes)
            .serve_with_incoming(incoming);
        // Whoever watches a task watches for ever: nobody waits for them.
        tokio::select! {
            result = serving => Ok(result?),
            () = stop => Ok(()),
        }
    }
}

/// Lets nothing through that is no gRPC. A page of somebody else in a browser that holds the operator's certificate can send whatever a
/// form can: never a call, whose type such a page may name only if this server lets it.
async fn calls_alone(request: Request, next: Next) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_grpc = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    match *request.method() {
        Method::POST if is_grpc => next.run(request).await,
        Method::POST => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "only gRPC is spoken here\n").into_response(),
        _ => (StatusCode::NOT_FOUND, "nothing is here\n").into_response(),
    }
}

async fn serving<S: Store>(health: &HealthReporter) {
    health.set_serving::<AdminServiceServer<Admin<S>>>().await;
}
