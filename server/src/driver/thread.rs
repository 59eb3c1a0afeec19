//! The one thread that owns a driver, and the queue before it.

use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    },
    time::{Duration, Instant},
};

use murmur_round::{coordinator::Event, task::TaskHash, time::Time};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use super::{Driver, Reply};
use crate::{ServerError, store::Store, tasks::Operation};

/// Something for the thread to do.
pub(crate) enum Command {
    /// A device's event, with the place to answer it.
    Device {
        /// When it came: a window is over for whoever comes after it, not for whoever waits in the queue.
        at: Time,
        /// To whose coordinator.
        task: TaskHash,
        /// What happened.
        event: Event,
        /// Where the device waits.
        reply: oneshot::Sender<Reply>,
        /// Its place in the queue.
        permit: OwnedSemaphorePermit,
    },
    /// An operator's request.
    Operate(Operation),
    /// End what is under way until then, give up the rest, and stop.
    Drain {
        /// The latest moment.
        until: Instant,
    },
    /// Enough.
    Stop,
}

/// Milliseconds since the server began to serve: by the machine's clock, or by that of a runtime whose time is simulated.
#[derive(Clone, Copy)]
pub(crate) struct Clock(tokio::time::Instant);

impl Clock {
    fn begin() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub(crate) fn now(self) -> Time {
        Time(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// The way to the thread, which ends with the last of its owners.
pub(crate) struct Queue {
    clock: Clock,
    commands: Mutex<Sender<Command>>,
    /// Wakes a driver that has no thread of its own.
    filled: Notify,
}

/// The thread is gone.
pub(crate) struct Gone;

impl Queue {
    /// What time it is for whoever queues.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// A queue and its end.
    pub(crate) fn new() -> (Arc<Self>, Receiver<Command>) {
        let (commands, end) = mpsc::channel();
        (Arc::new(Self { clock: Clock::begin(), commands: Mutex::new(commands), filled: Notify::new() }), end)
    }

    /// Queues a device's event. Stamped and sent under one lock: the queue's order is the stamps' order.
    pub(crate) fn put(
        &self,
        task: TaskHash,
        event: Event,
        reply: oneshot::Sender<Reply>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Gone> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.send(Command::Device { at: self.clock.now(), task, event, reply, permit }).map_err(|_| Gone)?;
        self.filled.notify_one();
        Ok(())
    }

    /// Queues an operator's request.
    pub(crate) fn operate(&self, operation: Operation) -> Result<(), Gone> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.send(Command::Operate(operation)).map_err(|_| Gone)
    }

    /// Ends the thread once no round is under way any more, at the latest then.
    pub(crate) fn drain(&self, until: Instant) {
        // It may be gone already; whoever joins it learns why.
        let _ = self.commands.lock().unwrap_or_else(PoisonError::into_inner).send(Command::Drain { until });
    }

    /// Ends the thread, once it has done what was queued before.
    pub(crate) fn stop(&self) {
        // It may be gone already; whoever joins it learns why.
        let _ = self.commands.lock().unwrap_or_else(PoisonError::into_inner).send(Command::Stop);
        self.filled.notify_one();
    }

    /// Waits for whoever has stamped an event and not queued it yet.
    pub(crate) fn let_in(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Runs until it is told to stop, nobody can ask any more, or the store fails. `finished` is told when the task ends.
pub(crate) fn run<S: Store>(
    mut driver: Driver<S>,
    queue: &Weak<Queue>,
    end: &Receiver<Command>,
    finished: oneshot::Sender<()>,
) -> Result<Driver<S>, ServerError> {
    // Weak: a server that is dropped while it serves takes the queue with it, and so ends this thread.
    let clock = queue.upgrade().map_or_else(Clock::begin, |queue| queue.clock);
    let clock = move || clock.now();
    let mut finished = Some(finished);
    // A resumed task may have nothing left to do; no device should be needed to find that out.
    driver.handle(clock(), &clock, Event::Tick, &mut |_| {})?;
    loop {
        tell_once(&driver, &mut finished);
        let mut command = match driver.next_deadline() {
            Some(deadline) => end.recv_timeout(Duration::from_millis(clock().until(deadline).0)),
            None => end.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let moment = clock();
        if matches!(command, Err(RecvTimeoutError::Timeout)) {
            // Whoever came before the window's end goes before its end.
            if let Some(queue) = queue.upgrade() {
                queue.let_in();
            }
            command = end.try_recv().or(command);
        }
        if carry_out(&mut driver, &clock, moment, command)?.is_break() {
            return Ok(driver);
        }
    }
}

/// As [`run`], on the runtime that it is awaited on and by its clock: where time is simulated, a thread would not be in it.
pub(crate) async fn run_in_place<S: Store>(
    mut driver: Driver<S>,
    queue: &Queue,
    end: Receiver<Command>,
    finished: oneshot::Sender<()>,
) -> Result<Driver<S>, ServerError> {
    let clock = queue.clock;
    let clock = move || clock.now();
    let mut finished = Some(finished);
    driver.handle(clock(), &clock, Event::Tick, &mut |_| {})?;
    loop {
        tell_once(&driver, &mut finished);
        let command = match (end.try_recv(), driver.next_deadline()) {
            (Ok(command), _) => Ok(command),
            (Err(TryRecvError::Disconnected), _) => Err(RecvTimeoutError::Disconnected),
            (Err(TryRecvError::Empty), Some(deadline)) => {
                let pause = Duration::from_millis(clock().until(deadline).0);
                match tokio::time::timeout(pause, queue.filled.notified()).await {
                    Ok(()) => continue,
                    // Whoever came before the window's end goes before its end.
                    Err(_) => end.try_recv().map_err(|_| RecvTimeoutError::Timeout),
                }
            }
            (Err(TryRecvError::Empty), None) => {
                queue.filled.notified().await;
                continue;
            }
        };
        if carry_out(&mut driver, &clock, clock(), command)?.is_break() {
            return Ok(driver);
        }
    }
}

/// Tells whoever waits for the task's end, once.
fn tell_once<S: Store>(driver: &Driver<S>, finished: &mut Option<oneshot::Sender<()>>) {
    if driver.outcome().is_some()
        && let Some(finished) = finished.take()
    {
        // Nobody waits any more when the server is being stopped: that is fine too.
        let _ = finished.send(());
    }
}

/// Carries out what came, or what it is time for, and says whether there is more to do.
fn carry_out<S: Store>(
    driver: &mut Driver<S>,
    clock: &dyn Fn() -> Time,
    moment: Time,
    command: Result<Command, RecvTimeoutError>,
) -> Result<ControlFlow<()>, ServerError> {
    match command {
        Ok(Command::Device { at, event, reply, permit, .. }) => {
            drop(permit);
            let mut reply = Some(reply);
            driver.handle(at, clock, event, &mut |answer| {
                // A device that hung up asks again.
                let _ = reply.take().map(|reply| reply.send(answer));
            })?;
        }
        Err(RecvTimeoutError::Timeout) => driver.handle(moment, clock, Event::Tick, &mut |_| {})?,
        // Nobody operates a server of one task: whoever asked is told that it stops.
        Ok(Command::Operate(_)) => {}
        Ok(Command::Stop | Command::Drain { .. }) | Err(RecvTimeoutError::Disconnected) => {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
