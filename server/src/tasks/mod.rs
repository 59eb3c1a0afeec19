//! Tasks as operators create them: durable, several side by side, each paid for by its population's ledger.
//!
//! A population has one thread, which owns its ledger and the drivers of its tasks; what one of them takes in is carried out before
//! another takes in anything, so that entries follow one another. Nothing here touches an update.

mod board;
mod error;
mod held;
mod population;
mod start;
mod thread;
mod view;

pub(crate) use board::{Board, Views};
pub use error::OrderError;
pub(crate) use thread::Operation;
pub use view::{OpenRound, PopulationView, Standing, TaskView};

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use murmur_privacy::units::{DeltaProbability, Epsilon};
use murmur_round::task::{Task, TaskHash};
use tokio::sync::{mpsc, oneshot};

use crate::{
    ServerError,
    driver::{Queue, Wish},
    moment::Moment,
    service::Offered,
    store::{Order, OrderState, Registry, SharedStore, Store},
};
use population::Population;
use start::Ground;

/// All tasks of a server. A clone is another handle on the same ones.
pub struct Tasks<S>(Arc<Inner<S>>);

impl<S> Clone for Tasks<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<S> {
    store: SharedStore<S>,
    registry: Arc<dyn Registry>,
    offered: Offered,
    board: Board,
    /// By population; none once the server stops.
    workers: Mutex<Option<BTreeMap<String, Worker>>>,
    ended: mpsc::UnboundedSender<ServerError>,
}

/// A population's thread, and the way to it.
struct Worker {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

/// Tells when a population's thread failed: the server then ends, and what is durable is taken up by the next one.
pub struct Failure(mpsc::UnboundedReceiver<ServerError>);

impl Failure {
    /// Completes with the first failure; never, without one.
    pub(crate) async fn first(&mut self) -> ServerError {
        match self.0.recv().await {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }

    /// A failure that is there already.
    pub(crate) fn found(&mut self) -> Result<(), ServerError> {
        self.0.try_recv().map_or(Ok(()), Err)
    }
}

impl<S: Store> Tasks<S> {
    /// Takes up every task that was ever created in the store.
    ///
    /// # Errors
    /// [`ServerError`] when the store fails.
    pub fn open(store: S, registry: Arc<dyn Registry>) -> Result<(Self, Failure), ServerError> {
        let mut store = SharedStore::from(store);
        let board = Board::default();
        let mut populations: BTreeMap<String, Vec<Order>> = BTreeMap::new();
        for order in store.orders()? {
            let task = Task::from_json(&order.json)?;
            // Until its population's thread has taken it up.
            board.show(TaskView::ordered(&order, &task));
            populations.entry(task.population).or_default().push(order);
        }
        let (ended, failure) = mpsc::unbounded_channel();
        let (offered, workers) = (Offered::default(), Mutex::new(Some(BTreeMap::new())));
        let tasks = Self(Arc::new(Inner { store, registry, offered, board, workers, ended }));
        for (population, orders) in populations {
            let worker = tasks.begin(population.clone(), orders)?;
            tasks.workers().get_or_insert_default().insert(population, worker);
        }
        Ok((tasks, Failure(failure)))
    }

    /// Begins a population's thread with tasks of an earlier process.
    fn begin(&self, name: String, orders: Vec<Order>) -> Result<Worker, ServerError> {
        let (queue, end) = Queue::new();
        let (inner, way) = (&self.0, Arc::downgrade(&queue));
        let (store, registry) = (inner.store.clone(), inner.registry.clone());
        let (offered, board, ended) = (inner.offered.clone(), inner.board.clone(), inner.ended.clone());
        let work = move || {
            let run = || {
                let ground = Ground::open(name, store, registry)?;
                let population = Population { ground, tasks: Vec::new(), offered, board, queue: way };
                thread::run(population, orders, &end)
            };
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            if let Err(error) = ran.unwrap_or(Err(ServerError::Panicked)) {
                // Nobody listens any more once the server stops.
                let _ = ended.send(error);
            }
        };
        Ok(Worker { queue, thread: std::thread::Builder::new().name("population".into()).spawn(work)? })
    }

    fn workers(&self) -> MutexGuard<'_, Option<BTreeMap<String, Worker>>> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, population: &str) -> Result<Arc<Queue>, OrderError> {
        let mut workers = self.workers();
        let workers = workers.as_mut().ok_or(OrderError::Stopped)?;
        if let Some(worker) = workers.get(population) {
            return Ok(worker.queue.clone());
        }
        let worker = self.begin(population.to_owned(), Vec::new()).map_err(|error| {
            tracing::error!("no thread for population {population}: {error}");
            OrderError::Stopped
        })?;
        let queue = worker.queue.clone();
        workers.insert(population.to_owned(), worker);
        Ok(queue)
    }

    /// Creates a task, durably, and begins it as soon as its population lets it. Creating it again changes nothing.
    ///
    /// `budget` opens a new population; without it the population gets exactly what this task asks for.
    ///
    /// # Errors
    /// [`OrderError`], notably [`Refused`](OrderError::Refused); nothing is left behind then.
    pub async fn create(
        &self,
        toml: &str,
        budget: Option<(Epsilon, DeltaProbability)>,
    ) -> Result<TaskView, OrderError> {
        let task = Task::from_toml(toml)?;
        let (hash, json) = (task.hash()?, task.to_json()?);
        let created = Moment::now();
        let order = Box::new(Order { task: hash, json, created, budget, state: OrderState::Active, reason: None });
        self.ask(&task.population, |reply| Operation::Create { order, reply }).await
    }

    /// Has a task opened no rounds for now, opened rounds again, or ended after the round under way; durably.
    ///
    /// # Errors
    /// [`OrderError`]; nothing has changed then.
    pub async fn change(&self, task: TaskHash, wish: Wish) -> Result<TaskView, OrderError> {
        let population = self.view(&task)?.population;
        self.ask(&population, |reply| Operation::Change { task, wish, reply }).await
    }

    async fn ask(
        &self,
        population: &str,
        operation: impl FnOnce(oneshot::Sender<Result<TaskView, OrderError>>) -> Operation,
    ) -> Result<TaskView, OrderError> {
        let (reply, answer) = oneshot::channel();
        self.queue(population)?.operate(operation(reply)).map_err(|_| OrderError::Stopped)?;
        answer.await.map_err(|_| OrderError::Stopped)?
    }

    /// How a task stands.
    ///
    /// # Errors
    /// [`OrderError::Unknown`].
    pub fn view(&self, task: &TaskHash) -> Result<TaskView, OrderError> {
        self.0.board.view(task).ok_or(OrderError::Unknown { task: *task })
    }

    /// How every task stands, in the order in which they were created.
    #[must_use]
    pub fn all(&self) -> Vec<TaskView> {
        self.0.board.all()
    }

    pub(crate) fn board(&self) -> &Board {
        &self.0.board
    }

    pub(crate) fn store(&self) -> SharedStore<S> {
        self.0.store.clone()
    }

    pub(crate) fn registry(&self) -> Arc<dyn Registry> {
        self.0.registry.clone()
    }

    pub(crate) fn offered(&self) -> &Offered {
        &self.0.offered
    }

    /// Opens no round any more, waits for those under way to end, and gives up, in the ledger, those that do not end within `patience`.
    pub async fn stop(&self, patience: Duration) {
        let workers = self.workers().take().unwrap_or_default();
        let until = Instant::now() + patience;
        workers.values().for_each(|worker| worker.queue.drain(until));
        let join = move || workers.into_values().for_each(|worker| drop(worker.thread.join()));
        // A thread that panicked has said so.
        let _ = tokio::task::spawn_blocking(join).await;
    }
}
