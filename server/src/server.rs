//! One task, served to devices until it ends.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use murmur_privacy::{
    Digest, NoiseRng,
    units::{DeltaProbability, Epsilon},
};
use murmur_proto::{MESSAGE_LIMIT, v1::device_service_server::DeviceServiceServer};
use murmur_round::{
    coordinator::Outcome,
    device_id::DeviceId,
    guarantee::Guarantee,
    task::{Schedule, TaskHash},
};
use tokio::{net::TcpListener, sync::oneshot};
use tonic::transport::server::TcpIncoming;

use crate::{
    ServerError,
    driver::{Driver, Queue, run},
    service::Front,
    store::Store,
};

/// HTTP/2 windows. With the default 64 KiB an upload is four times slower; memory per connection is bounded by them.
const STREAM_WINDOW: u32 = 16 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
/// Requests that one connection may have in flight.
const STREAMS: u32 = 64;
/// How long requests in flight may go on once the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A task that is ready to be served: founded or resumed, and not refused.
pub struct Server<S> {
    driver: Driver<S>,
    devices: BTreeSet<DeviceId>,
}

/// How serving ended.
#[derive(Debug)]
pub struct Ending<S> {
    /// How the task ended; none when the server was stopped before that. It can be resumed then.
    pub outcome: Option<Outcome>,
    /// Hash of the task.
    pub task: TaskHash,
    /// Rounds whose model was released, by this server or one before it.
    pub rounds_released: u32,
    /// What is promised about all of them.
    pub guarantee: Guarantee,
    /// The last released model, or the initial one.
    pub model: Digest,
    /// Digest of the ledger's last entry.
    pub ledger_head: Digest,
    /// The store, to be read or served from again.
    pub store: S,
}

impl<S: Store> Server<S> {
    /// Founds the task in `store`, or resumes it. Everything that can be refused is refused here.
    ///
    /// `budget` opens a new population; without it the population gets exactly what this task asks for.
    ///
    /// # Errors
    /// [`ServerError`]; see [`is_refusal`](ServerError::is_refusal).
    pub fn open(
        schedule: Schedule,
        devices: Vec<DeviceId>,
        budget: Option<(Epsilon, DeltaProbability)>,
        store: S,
        entropy: NoiseRng,
    ) -> Result<Self, ServerError> {
        let enrolled = devices.iter().cloned().collect();
        Ok(Self { driver: Driver::open(schedule, devices, budget, store, entropy)?, devices: enrolled })
    }

    /// What is promised at this moment.
    ///
    /// # Errors
    /// Never after a successful [`open`](Self::open).
    pub fn guarantee(&self) -> Result<Guarantee, ServerError> {
        self.driver.guarantee()
    }

    /// Serves devices on `listener` until the task ends and `linger` has passed, so that they can be told, or until
    /// `shutdown` completes.
    ///
    /// # Errors
    /// [`ServerError`] when the store or the transport fails; nothing that was in flight is released.
    pub async fn serve(
        self,
        listener: TcpListener,
        linger: Duration,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Ending<S>, ServerError> {
        let (queue, end) = Queue::new();
        let (tell_finished, finished) = oneshot::channel();
        let schedule = self.driver.schedule();
        let front = Front::new(schedule, self.devices, self.driver.published().clone(), queue.clone())?;
        let driver = self.driver;
        let way = Arc::downgrade(&queue);
        let owner =
            thread::Builder::new().name("coordinator".into()).spawn(move || run(driver, &way, &end, tell_finished))?;

        let over = async {
            // An error means that the thread is gone: there is nothing to linger for.
            if finished.await.is_ok() {
                tokio::time::sleep(linger).await;
            }
        };
        let served = transport(front, listener, async {
            tokio::select! { () = over => {}, () = shutdown => {} }
        })
        .await;
        queue.stop();
        let driver = join(owner).await?;
        served?;
        Ok(Ending {
            outcome: driver.outcome().cloned(),
            task: driver.schedule().hash(),
            rounds_released: driver.rounds_released(),
            guarantee: driver.guarantee()?,
            model: driver.published().latest().unwrap_or(Digest::ZERO),
            ledger_head: driver.ledger_head(),
            store: driver.into_store(),
        })
    }
}

/// Answers devices until `stop` completes, and a little longer those that are being answered then.
async fn transport(front: Front, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
    let service = DeviceServiceServer::new(front)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let (tell_stop, stopped) = oneshot::channel::<()>();
    let mut serving = pin!(
        tonic::transport::Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(STREAMS)
            .http2_keepalive_interval(Some(Duration::from_secs(20)))
            .add_service(service)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async {
                let _ = stopped.await;
            })
    );
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

async fn join<S: Store>(owner: JoinHandle<Result<Driver<S>, ServerError>>) -> Result<Driver<S>, ServerError> {
    let joined = tokio::task::spawn_blocking(move || owner.join()).await;
    joined.map_err(|_| ServerError::Panicked)?.map_err(|_| ServerError::Panicked)?
}
