//! Where devices come in: a listener, and how whoever connects proves who it is.

use std::{io, pin::pin, time::Duration};

use murmur_proto::{DEVICE_MESSAGE_LIMIT, MESSAGE_LIMIT, v1::device_service_server::DeviceServiceServer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::oneshot,
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::{
    Certificate, Identity, ServerTlsConfig,
    server::{Connected, TcpIncoming},
};

use crate::{
    ServerError,
    connection::{Connection, Connections},
    identity::{ListenerIdentity, Registrar},
    limits::Limits,
    service::{Bounded, Front, Gate},
};

/// How long requests in flight may go on once the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// Where devices connect.
pub struct Door {
    entrance: Entrance,
    pub(crate) gate: Gate,
    tls: Option<ServerTlsConfig>,
    pub(crate) limits: Limits,
}

enum Entrance {
    Listener(TcpListener),
    Connections(Connections),
}

impl Door {
    /// A listener with TLS. Whoever connects may show a certificate that the registrar made, or none; another one ends
    /// the connection. Without one nothing but enrolling is answered.
    #[must_use]
    pub fn certified(listener: TcpListener, identity: ListenerIdentity, registrar: Registrar) -> Self {
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(identity.certificate, identity.key))
            .client_ca_root(Certificate::from_pem(registrar.device_ca()))
            .client_auth_optional(true);
        let entrance = Entrance::Listener(listener);
        Self { entrance, gate: Gate::Certified(registrar), tls: Some(tls), limits: Limits::default() }
    }

    /// A listener without TLS on this machine, for trials: whoever connects is believed whoever it says it is.
    ///
    /// # Errors
    /// [`ServerError::NotLoopback`] when other machines could reach it.
    pub fn insecure_loopback(listener: TcpListener) -> Result<Self, ServerError> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            return Err(ServerError::NotLoopback { address });
        }
        let entrance = Entrance::Listener(listener);
        Ok(Self { entrance, gate: Gate::Believing, tls: None, limits: Limits::default() })
    }

    /// Connections that come in some other way than over a socket of this machine, without TLS: a simulated network, or a pipe within one
    /// process. Whoever connects is believed whoever it says it is, and whoever calls this answers for who can connect.
    #[must_use]
    pub fn insecure_connections<C>(connections: impl Stream<Item = io::Result<C>> + Send + 'static) -> Self
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connections: Connections = Box::pin(connections.map(|accepted| accepted.map(Connection::new)));
        let entrance = Entrance::Connections(connections);
        Self { entrance, gate: Gate::Believing, tls: None, limits: Limits::default() }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Where it is reached, as a URL; the host is as it listens.
    ///
    /// # Errors
    /// Those of the operating system; [`Unsupported`](io::ErrorKind::Unsupported) where no socket listens.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        match &self.entrance {
            Entrance::Listener(listener) => Ok(format!("{scheme}://{}", listener.local_addr()?)),
            Entrance::Connections(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Answers devices until `stop` completes, and a little longer those that are being answered then.
    pub(crate) async fn serve(self, front: Front, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self { entrance, tls, limits, .. } = self;
        match entrance {
            Entrance::Listener(listener) => {
                serve_over(TcpIncoming::from(listener).with_nodelay(Some(true)), tls, &limits, front, stop).await
            }
            Entrance::Connections(connections) => serve_over(connections, tls, &limits, front, stop).await,
        }
    }
}

async fn serve_over<I, C>(
    incoming: I,
    tls: Option<ServerTlsConfig>,
    limits: &Limits,
    front: Front,
    stop: impl Future<Output = ()>,
) -> Result<(), ServerError>
where
    I: Stream<Item = io::Result<C>>,
    C: AsyncRead + AsyncWrite + Connected + Send + Unpin + 'static,
{
    let refusals = front.refusals().clone();
    let service = DeviceServiceServer::new(front)
        .max_decoding_message_size(DEVICE_MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let Limits { call, .. } = *limits;
    let mut builder = bounded(limits);
    if let Some(tls) = tls {
        builder = builder.tls_config(tls.timeout(limits.handshake))?;
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<DeviceServiceServer<Front>>().await;
    let mut builder = builder.layer(tower::layer::layer_fn(move |inner| Bounded::new(inner, call, refusals.clone())));
    let (tell_stop, stopped) = oneshot::channel::<()>();
    let mut serving =
        pin!(builder.add_service(service).add_service(health_service).serve_with_incoming_shutdown(incoming, async {
            let _ = stopped.await;
        }));
    tokio::select! {
        result = &mut serving => return Ok(result?),
        () = stop => {}
    }
    let _ = tell_stop.send(());
    match tokio::time::timeout(GRACE, serving).await {
        Ok(result) => Ok(result?),
        Err(_) => Ok(()),
    }
}
/// A transport that gives nobody more than the limits say: HTTP/2 by itself bounds little of it.
fn bounded(limits: &Limits) -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_concurrent_streams(limits.streams)
        .http2_max_header_list_size(limits.header_bytes)
        .http2_max_pending_accept_reset_streams(Some(limits.pending_resets))
        .http2_max_local_error_reset_streams(Some(limits.pending_resets))
        .http2_keepalive_interval(Some(limits.keepalive))
        .http2_keepalive_timeout(Some(limits.keepalive))
        .max_connection_age(limits.connection_age)
        .max_connection_age_grace(limits.connection_grace)
}
