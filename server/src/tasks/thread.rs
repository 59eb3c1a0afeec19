//! The thread of a population.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use murmur_round::task::TaskHash;
use tokio::sync::oneshot;

use super::{OrderError, TaskView, population::Population};
use crate::{
    ServerError,
    driver::{Command, Wish},
    store::{Order, Store},
};

/// How often tasks that wait look at who is enrolled.
const LOOK: Duration = Duration::from_secs(1);
/// How long a task that is over goes on answering devices that were late.
const LINGER: Duration = Duration::from_secs(60);

/// An operator's request, with the place to answer it.
pub(crate) enum Operation {
    /// A new task.
    Create { order: Box<Order>, reply: oneshot::Sender<Result<TaskView, OrderError>> },
    /// Something about a task that is there.
    Change { task: TaskHash, wish: Wish, reply: oneshot::Sender<Result<TaskView, OrderError>> },
}

/// Takes up a population's tasks and has them go on, until it is told to stop or the store fails.
pub(super) fn run<S: Store>(
    mut population: Population<S>,
    orders: Vec<Order>,
    end: &Receiver<Command>,
) -> Result<(), ServerError> {
    let Some(queue) = population.queue.upgrade() else { return Ok(()) };
    let clock = queue.clock();
    // Weak from here on: a server that is dropped takes the queue with it, and so ends this thread.
    drop(queue);
    let clock = move || clock.now();
    for order in orders {
        population.take_up(order, &clock)?;
    }
    let mut retiring: BTreeMap<TaskHash, Instant> = BTreeMap::new();
    let mut draining: Option<Instant> = None;
    let mut look = Instant::now() + LOOK;
    loop {
        let mut command = end.recv_timeout(pause(&population, clock().0, draining, look));
        let moment = clock();
        if matches!(command, Err(RecvTimeoutError::Timeout)) {
            // Whoever came before a window's end goes before its end.
            if let Some(queue) = population.queue.upgrade() {
                queue.let_in();
            }
            command = end.try_recv().or(command);
        }
        match command {
            Ok(Command::Device { at, task, event, reply, permit }) => {
                drop(permit);
                // Everything that came before this one was handed in: whose time came before it is over.
                population.tick(at, &clock)?;
                let mut reply = Some(reply);
                population.handle(&task, at, &clock, event, &mut |answer| {
                    // A device that hung up asks again.
                    let _ = reply.take().map(|reply| reply.send(answer));
                })?;
            }
            // An operator who hung up looks again.
            Ok(Command::Operate(Operation::Create { order, reply })) => {
                let _ = reply.send(population.create(*order, &clock)?);
            }
            Ok(Command::Operate(Operation::Change { task, wish, reply })) => {
                let _ = reply.send(population.change(task, wish, &clock)?);
            }
            Ok(Command::Drain { until }) => {
                population.heed_all(&clock, Wish::Pause)?;
                draining = Some(until);
            }
            Err(RecvTimeoutError::Timeout) => population.tick(moment, &clock)?,
            Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        let now = Instant::now();
        if let Some(until) = draining
            && (!population.is_in_round() || now >= until)
        {
            return population.heed_all(&clock, Wish::Abandon);
        }
        if now >= look && draining.is_none() && population.anybody_waits() {
            look = now + LOOK;
            population.look_again(&clock)?;
        }
        for task in population.over() {
            if *retiring.entry(task).or_insert(now + LINGER) <= now {
                population.retire(&task);
            }
        }
    }
}

/// How long the thread may sleep.
fn pause<S: Store>(population: &Population<S>, now: u64, draining: Option<Instant>, look: Instant) -> Duration {
    let due = population.next_deadline().map(|deadline| Duration::from_millis(deadline.0.saturating_sub(now)));
    let until = |moment: Instant| moment.saturating_duration_since(Instant::now());
    let wakes = [due, draining.map(until), population.anybody_waits().then(|| until(look))];
    wakes.into_iter().flatten().min().unwrap_or(LINGER)
}
