//! One task, served to devices until it ends.

use std::{
    collections::BTreeSet,
    sync::{Arc, mpsc::Receiver},
    thread::{self, JoinHandle},
    time::Duration,
};

use murmur_privacy::{
    Digest, NoiseRng,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    coordinator::Outcome,
    device_id::DeviceId,
    evaluation::ReleasedEvaluation,
    guarantee::Guarantee,
    task::{Schedule, TaskHash},
};
use tokio::sync::oneshot;

use crate::{
    Door, ServerError,
    driver::{Command, Driver, Queue, run, run_in_place},
    failpoint::reached,
    service::{Front, Offered, Refusals, Served},
    store::Store,
};

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
    /// What the rounds of an evaluation say.
    pub evaluation: Option<ReleasedEvaluation>,
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

    /// The store, as it is before anything is served.
    #[must_use]
    pub fn into_store(self) -> S {
        self.driver.into_store()
    }

    /// Serves devices at the `door` until the task ends and `linger` has passed, so that they can be told, or until
    /// `shutdown` completes.
    ///
    /// # Errors
    /// [`ServerError`] when the store or the transport fails; nothing that was in flight is released.
    pub async fn serve(
        self,
        door: Door,
        linger: Duration,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Ending<S>, ServerError> {
        let Begun { driver, queue, end, tell_finished, finished, front } = self.begin(&door)?;
        let way = Arc::downgrade(&queue);
        let owner =
            thread::Builder::new().name("coordinator".into()).spawn(move || run(driver, &way, &end, tell_finished))?;
        reached("serve.listening");
        let served = answer(door, front, finished, linger, shutdown).await;
        reached("shutdown.door-closed");
        queue.stop();
        let driver = join(owner).await?;
        reached("shutdown.thread-joined");
        served?;
        Ending::of(driver)
    }

    /// As [`serve`](Self::serve), with the coordinator on the caller's runtime and by its clock instead of on a thread of its own. It is
    /// for simulated time, of which threads know nothing: whatever the store waits for holds up everybody else on that runtime.
    ///
    /// # Errors
    /// As for [`serve`](Self::serve).
    pub async fn serve_in_place(
        self,
        door: Door,
        linger: Duration,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Ending<S>, ServerError> {
        let Begun { driver, queue, end, tell_finished, finished, front } = self.begin(&door)?;
        let answering = async {
            let served = answer(door, front, finished, linger, shutdown).await;
            queue.stop();
            served
        };
        let (served, driver) = tokio::join!(answering, run_in_place(driver, &queue, end, tell_finished));
        let driver = driver?;
        served?;
        Ending::of(driver)
    }

    fn begin(self, door: &Door) -> Result<Begun<S>, ServerError> {
        let (queue, end) = Queue::new();
        let (tell_finished, finished) = oneshot::channel();
        let schedule = self.driver.schedule();
        let published = self.driver.published().clone();
        let served = Served::new(schedule, self.devices, published, queue.clone())?;
        let front = Front::new(door.gate.clone(), Offered::only(served), &door.limits, unseen())?;
        Ok(Begun { driver: self.driver, queue, end, tell_finished, finished, front })
    }
}

/// A server, and everything that it serves with.
struct Begun<S> {
    driver: Driver<S>,
    queue: Arc<Queue>,
    end: Receiver<Command>,
    tell_finished: oneshot::Sender<()>,
    finished: oneshot::Receiver<()>,
    front: Front,
}

impl<S: Store> Ending<S> {
    fn of(driver: Driver<S>) -> Result<Self, ServerError> {
        Ok(Self {
            outcome: driver.outcome().cloned(),
            task: driver.schedule().hash(),
            rounds_released: driver.rounds_released(),
            guarantee: driver.guarantee()?,
            evaluation: driver.evaluation().cloned(),
            model: driver.published().latest().unwrap_or(Digest::ZERO),
            ledger_head: driver.ledger_head(),
            store: driver.into_store(),
        })
    }
}

/// Answers devices until the task has been over for `linger`, or until `shutdown` completes.
async fn answer(
    door: Door,
    front: Front,
    finished: oneshot::Receiver<()>,
    linger: Duration,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let over = async {
        // An error means that the coordinator is gone: there is nothing to linger for.
        if finished.await.is_ok() {
            tokio::time::sleep(linger).await;
        }
    };
    let stop = async {
        tokio::select! { () = over => {}, () = shutdown => {} }
    };
    door.serve(front, stop).await
}

/// Lets devices enrol at the `door` until `shutdown` completes. There is no task: whoever asks for work is to come back.
///
/// # Errors
/// [`ServerError`] when the transport fails.
pub async fn serve_enrolment(door: Door, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
    let front = Front::new(door.gate.clone(), Offered::default(), &door.limits, unseen())?;
    door.serve(front, shutdown).await
}

/// No operator is answered here, and nobody sees what was refused.
fn unseen() -> Refusals {
    Refusals::new(|| true)
}

async fn join<S: Store>(owner: JoinHandle<Result<Driver<S>, ServerError>>) -> Result<Driver<S>, ServerError> {
    let joined = tokio::task::spawn_blocking(move || owner.join()).await;
    joined.map_err(|_| ServerError::Panicked)?.map_err(|_| ServerError::Panicked)?
}
