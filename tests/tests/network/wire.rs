//! The simulated network under the real transports of both sides.

use std::io;

use hyper_util::rt::TokioIo;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Uri};
use turmoil::net::{TcpListener, TcpStream};

pub(crate) const SERVER: &str = "server";
const PORT: u16 = 7878;

/// Connections to this host, as they come.
pub(crate) async fn connections() -> io::Result<ReceiverStream<io::Result<TcpStream>>> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let (put, connections) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let accepted = listener.accept().await.map(|(stream, _)| stream);
            if put.send(accepted).await.is_err() {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(connections))
}

/// A channel to the server, connected when it is needed and again when it broke.
pub(crate) fn connected(endpoint: &Endpoint) -> Channel {
    endpoint.connect_with_connector_lazy(tower::service_fn(|_: Uri| async {
        Ok::<_, io::Error>(TokioIo::new(TcpStream::connect((SERVER, PORT)).await?))
    }))
}
