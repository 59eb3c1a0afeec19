//! One task in the hands of its population.

use murmur_round::{
    guarantee::Guarantee,
    task::{Task, TaskHash},
};

use super::{OpenRound, Standing, TaskView, start::Ground};
use crate::{
    driver::Driver,
    moment::Moment,
    store::{Order, OrderState, Roll, SharedStore, Store},
};

/// A task, and its driver once it has its reservation.
pub(super) struct Held<S> {
    pub(super) order: Order,
    pub(super) task: Task,
    pub(super) driver: Option<Box<Driver<SharedStore<S>>>>,
    /// Why it waits.
    pub(super) waits_for: Option<String>,
    /// Rounds that earlier processes, or a driver that is gone, released.
    pub(super) released: u32,
    /// Who was enrolled when it was last seen to wait.
    pub(super) seen: Option<Roll>,
}

impl<S: Store> Held<S> {
    pub(super) fn new(order: Order, task: Task) -> Self {
        Self { order, task, driver: None, waits_for: None, released: 0, seen: None }
    }

    pub(super) fn hash(&self) -> TaskHash {
        self.order.task
    }

    /// Whether it could begin, if enough devices were enrolled.
    pub(super) fn waits(&self) -> bool {
        self.driver.is_none() && self.order.state == OrderState::Active
    }

    pub(super) fn view(&self, ground: &mut Ground<S>) -> TaskView {
        let Order { task, state, .. } = &self.order;
        let account = ground.ledger.as_ref().and_then(|ledger| ledger.account(task).ok());
        let model = account.as_ref().and_then(|account| account.model()).map(|(_, model)| model);
        let (guarantee, evaluation, released) = match &self.driver {
            Some(driver) => (driver.guarantee().ok(), driver.evaluation().cloned(), driver.rounds_released()),
            // It ran in an earlier process: the last model's manifest says what it promised, and what it found.
            None => {
                let stated = model.and_then(|model| ground.store.manifest(&model).ok().flatten());
                let stated = stated.map(|(manifest, _)| (manifest.guarantee, manifest.evaluation));
                let (guarantee, evaluation) = stated.unzip();
                (guarantee, evaluation.flatten(), self.released)
            }
        };
        let guarantee = guarantee.map(|guarantee| match &account {
            Some(account) => Guarantee { epsilon_spent: account.epsilon_spent(), ..guarantee },
            None => guarantee,
        });
        let open_round = account.as_ref().and_then(|account| account.open_round());
        TaskView {
            standing: Standing::of(*state, self.driver.is_some()),
            reason: self.order.reason.clone().or_else(|| self.waits_for.clone()),
            rounds_paid: account.as_ref().map_or(0, |account| account.rounds_spent()),
            rounds_released: released,
            model: self.driver.as_ref().map_or(model, |driver| driver.published().latest()),
            ledger_head: ground.ledger.as_ref().map(murmur_round::SharedLedger::head),
            guarantee,
            evaluation,
            devices: account.as_ref().map(|account| account.reservation().devices),
            open_round: open_round.map(|number| OpenRound { number, opened: Moment::now() }),
            ..TaskView::ordered(&self.order, &self.task)
        }
    }
}
