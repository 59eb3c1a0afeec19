//! The one thread that owns a driver.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use murmur_round::{coordinator::Event, time::Time};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Driver, Reply};
use crate::{ServerError, store::Store};

/// Something for the thread to do.
pub(crate) enum Command {
    /// A device's event, with the place to answer it.
    Device {
        /// What happened.
        event: Event,
        /// Where the device waits.
        reply: oneshot::Sender<Reply>,
        /// Its place in the queue.
        permit: OwnedSemaphorePermit,
    },
    /// Enough.
    Stop,
}

/// Runs until it is told to stop, nobody can ask any more, or the store fails. `finished` is told when the task ends.
pub(crate) fn run<S: Store>(
    mut driver: Driver<S>,
    queue: &Receiver<Command>,
    finished: oneshot::Sender<()>,
) -> Result<Driver<S>, ServerError> {
    let start = Instant::now();
    let clock = move || Time(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
    let mut finished = Some(finished);
    // A resumed task may have nothing left to do; no device should be needed to find that out.
    driver.handle(&clock, Event::Tick, &mut |_| {})?;
    loop {
        if driver.outcome().is_some()
            && let Some(finished) = finished.take()
        {
            // Nobody waits any more when the server is being stopped: that is fine too.
            let _ = finished.send(());
        }
        let command = match driver.next_deadline() {
            Some(deadline) => queue.recv_timeout(Duration::from_millis(clock().until(deadline).0)),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match command {
            Ok(Command::Device { event, reply, permit }) => {
                drop(permit);
                let mut reply = Some(reply);
                driver.handle(&clock, event, &mut |answer| {
                    // A device that hung up asks again.
                    let _ = reply.take().map(|reply| reply.send(answer));
                })?;
            }
            Err(RecvTimeoutError::Timeout) => driver.handle(&clock, Event::Tick, &mut |_| {})?,
            Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(driver),
        }
    }
}
