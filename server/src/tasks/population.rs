//! The tasks of one population, which pay from one ledger: one thread has them all.

use std::sync::Weak;

use murmur_round::{
    coordinator::Event,
    task::{Task, TaskHash},
    time::Time,
};

use super::{
    Board, OrderError, TaskView,
    held::Held,
    start::{Ground, Start},
};
use crate::{
    ServerError,
    driver::{Queue, Reply, Wish},
    service::{Offered, Served},
    store::{Order, OrderState, Store},
};

/// A population's ledger, its tasks, and whoever is told of them.
pub(super) struct Population<S> {
    pub(super) ground: Ground<S>,
    pub(super) tasks: Vec<Held<S>>,
    pub(super) offered: Offered,
    pub(super) board: Board,
    pub(super) queue: Weak<Queue>,
}

impl<S: Store> Population<S> {
    /// Takes up a task of an earlier process, or one that was just ordered.
    pub(super) fn take_up(&mut self, order: Order, clock: &dyn Fn() -> Time) -> Result<(), ServerError> {
        let task = Task::from_json(&order.json)?;
        let mut held = Held::new(order, task);
        if held.order.state.is_over() {
            held.released = self.ground.released(&held.hash())?;
        } else {
            self.start(&mut held, clock)?;
        }
        self.show(&held);
        self.tasks.push(held);
        Ok(())
    }

    /// Begins a task if that is possible now.
    fn start(&mut self, held: &mut Held<S>, clock: &dyn Fn() -> Time) -> Result<(), ServerError> {
        let hash = held.hash();
        if !self.ground.is_reserved(&hash) {
            match held.order.state {
                // Nothing was spent yet, and it opens no round: it begins when it is resumed.
                OrderState::Paused => return Ok(()),
                OrderState::Cancelling => return self.end(held, OrderState::Cancelled, None),
                _ => {}
            }
            held.seen = Some(self.ground.registry.roll()?);
        }
        match self.ground.start(&held.order, &held.task)? {
            Start::Waits(reason) => {
                if held.waits_for.as_ref() != Some(&reason) {
                    tracing::warn!(task = held.task.name, "waits: {reason}");
                }
                held.waits_for = Some(reason);
                Ok(())
            }
            Start::Refused(reason) => {
                tracing::error!(task = held.task.name, "refused: {reason}");
                self.end(held, OrderState::Refused, Some(reason))
            }
            Start::Runs(mut driver, devices) => {
                held.waits_for = None;
                let wish = match held.order.state {
                    OrderState::Paused => Wish::Pause,
                    OrderState::Cancelling => Wish::Cancel,
                    _ => Wish::Resume,
                };
                driver.heed(clock, wish)?;
                if let Some(queue) = self.queue.upgrade() {
                    let (published, devices) = (driver.published().clone(), devices.into_iter().collect());
                    self.offered.add(Served::new(driver.schedule(), devices, published, queue)?);
                }
                held.driver = Some(driver);
                self.settle(held)
            }
        }
    }

    /// Keeps durably what became of a task that is over.
    fn settle(&mut self, held: &mut Held<S>) -> Result<(), ServerError> {
        let ended = held.driver.as_ref().and_then(|driver| driver.outcome()).map(OrderState::of);
        match ended {
            Some((state, reason)) if !held.order.state.is_over() => self.end(held, state, reason),
            _ => Ok(()),
        }
    }

    fn end(&mut self, held: &mut Held<S>, state: OrderState, reason: Option<String>) -> Result<(), ServerError> {
        self.ground.store.set_order(&held.hash(), state, reason.as_deref())?;
        (held.order.state, held.order.reason, held.waits_for) = (state, reason, None);
        Ok(())
    }

    /// Looks again at the tasks that wait, if the register has changed since.
    pub(super) fn look_again(&mut self, clock: &dyn Fn() -> Time) -> Result<(), ServerError> {
        let roll = self.ground.registry.roll()?;
        for place in 0..self.tasks.len() {
            if self.tasks[place].waits() && self.tasks[place].seen != Some(roll) {
                self.with(place, |population, held| population.start(held, clock))?;
            }
        }
        Ok(())
    }

    /// Does something with one of the tasks, and shows what became of it.
    fn with<T>(
        &mut self,
        place: usize,
        work: impl FnOnce(&mut Self, &mut Held<S>) -> Result<T, ServerError>,
    ) -> Result<T, ServerError> {
        let mut held = self.tasks.swap_remove(place);
        let done = work(self, &mut held);
        self.show(&held);
        self.tasks.push(held);
        let last = self.tasks.len() - 1;
        self.tasks.swap(place, last);
        done
    }

    /// Shows how a task stands, and what is left of the budget that pays for it.
    fn show(&mut self, held: &Held<S>) {
        self.board.show(held.view(&mut self.ground));
        if let Some(population) = self.ground.view() {
            self.board.show_population(population);
        }
    }

    fn place(&self, task: &TaskHash) -> Option<usize> {
        self.tasks.iter().position(|held| held.hash() == *task)
    }

    /// Hands a device's event, or a tick, to its task.
    pub(super) fn handle(
        &mut self,
        task: &TaskHash,
        at: Time,
        clock: &dyn Fn() -> Time,
        event: Event,
        reply: &mut dyn FnMut(Reply),
    ) -> Result<(), ServerError> {
        let Some(place) = self.place(task) else { return Ok(()) };
        let Some(driver) = &mut self.tasks[place].driver else { return Ok(()) };
        let paid = driver.ledger_head();
        driver.handle(at, clock, event, reply)?;
        // Only what is in the ledger changes what is shown, and how a task stands.
        if driver.ledger_head() != paid || driver.outcome().is_some() {
            self.with(place, |population, held| population.settle(held))?;
        }
        Ok(())
    }

    /// Ticks the tasks whose time has come.
    pub(super) fn tick(&mut self, moment: Time, clock: &dyn Fn() -> Time) -> Result<(), ServerError> {
        let due = |held: &Held<S>| {
            let deadline = held.driver.as_ref().and_then(|driver| driver.next_deadline());
            deadline.is_some_and(|deadline| deadline <= moment).then(|| held.hash())
        };
        let due: Vec<TaskHash> = self.tasks.iter().filter_map(due).collect();
        due.iter().try_for_each(|task| self.handle(task, moment, clock, Event::Tick, &mut |_| {}))
    }

    /// The earliest moment at which a task has something to do.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.tasks.iter().filter_map(|held| held.driver.as_ref()?.next_deadline()).min()
    }

    /// Whether any task waits for devices.
    pub(super) fn anybody_waits(&self) -> bool {
        self.tasks.iter().any(Held::waits)
    }

    /// Whether a round of any task is under way.
    pub(super) fn is_in_round(&self) -> bool {
        self.tasks.iter().any(|held| held.driver.as_ref().is_some_and(|driver| driver.is_in_round()))
    }

    /// For the end of the process: of every task that runs.
    pub(super) fn heed_all(&mut self, clock: &dyn Fn() -> Time, wish: Wish) -> Result<(), ServerError> {
        self.tasks.iter_mut().filter_map(|held| held.driver.as_mut()).try_for_each(|driver| driver.heed(clock, wish))
    }

    /// Takes in a new order. A task that is refused at once leaves nothing behind.
    pub(super) fn create(
        &mut self,
        order: Order,
        clock: &dyn Fn() -> Time,
    ) -> Result<Result<TaskView, OrderError>, ServerError> {
        let hash = order.task;
        if self.place(&hash).is_none() {
            self.ground.store.put_order(&order)?;
            self.take_up(order, clock)?;
            if let Some(place) = self.place(&hash)
                && self.tasks[place].order.state == OrderState::Refused
            {
                let held = self.tasks.swap_remove(place);
                self.ground.store.remove_order(&hash)?;
                self.board.forget(&hash);
                return Ok(Err(OrderError::Refused { reason: held.order.reason.unwrap_or_default() }));
            }
        }
        Ok(self.board.view(&hash).ok_or(OrderError::Unknown { task: hash }))
    }

    /// Does what an operator wants of a task, durably before it takes hold.
    pub(super) fn change(
        &mut self,
        task: TaskHash,
        wish: Wish,
        clock: &dyn Fn() -> Time,
    ) -> Result<Result<TaskView, OrderError>, ServerError> {
        let Some(place) = self.place(&task) else { return Ok(Err(OrderError::Unknown { task })) };
        let state = self.tasks[place].order.state;
        let wanted = match (state, wish) {
            (over, _) if over.is_over() => return Ok(Err(OrderError::Over { task, state })),
            (OrderState::Cancelling, Wish::Pause | Wish::Resume) => return Ok(Err(OrderError::Cancelling { task })),
            (_, Wish::Pause) => OrderState::Paused,
            (_, Wish::Resume) => OrderState::Active,
            (_, Wish::Cancel | Wish::Abandon) => OrderState::Cancelling,
        };
        self.ground.store.set_order(&task, wanted, None)?;
        self.with(place, |population, held| {
            held.order.state = wanted;
            match &mut held.driver {
                Some(driver) => driver.heed(clock, wish)?,
                None => population.start(held, clock)?,
            }
            population.settle(held)
        })?;
        Ok(self.board.view(&task).ok_or(OrderError::Unknown { task }))
    }

    /// Lets go of tasks that are over: no device has anything more to hear about them.
    pub(super) fn retire(&mut self, task: &TaskHash) {
        let Some(place) = self.place(task) else { return };
        let held = &mut self.tasks[place];
        if let Some(driver) = held.driver.take() {
            held.released = driver.rounds_released();
            self.offered.remove(task);
        }
    }

    /// Tasks that are over, and not let go yet.
    pub(super) fn over(&self) -> Vec<TaskHash> {
        let over = self.tasks.iter().filter(|held| held.driver.is_some() && held.order.state.is_over());
        over.map(Held::hash).collect()
    }
}
