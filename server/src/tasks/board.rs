//! What operators see of tasks: how each of them stands, as of now.

use std::collections::BTreeMap;

use murmur_privacy::Digest;
use murmur_round::{
    guarantee::Guarantee,
    task::{Task, TaskHash},
};
use tokio::sync::watch;

use crate::store::{Order, OrderState};

/// How a task stands. Nothing in it depends on what single devices did but the rounds that were paid for.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// Hash of the task.
    pub task: TaskHash,
    /// Its name.
    pub name: String,
    /// Whose ledger pays for it.
    pub population: String,
    /// When it was created, as RFC 3339.
    pub created: String,
    /// How it stands.
    pub standing: Standing,
    /// Why it waits, or ended otherwise than it was meant to.
    pub reason: Option<String>,
    /// Rounds that were planned.
    pub rounds: u32,
    /// Rounds that were paid for, or given up.
    pub rounds_paid: u32,
    /// Rounds whose model was released.
    pub rounds_released: u32,
    /// The last released model, or the initial one; none before it runs.
    pub model: Option<Digest>,
    /// The last entry of its population's ledger; none before there is one.
    pub ledger_head: Option<Digest>,
    /// What is promised; none before the task has its reservation.
    pub guarantee: Option<Guarantee>,
}

impl TaskView {
    /// A task of which nothing is known but what was ordered.
    pub(super) fn ordered(order: &Order, task: &Task) -> Self {
        Self {
            task: order.task,
            name: task.name.clone(),
            population: task.population.clone(),
            created: order.created.to_string(),
            standing: Standing::of(order.state, false),
            reason: order.reason.clone(),
            rounds: task.rounds,
            rounds_paid: 0,
            rounds_released: 0,
            model: None,
            ledger_head: None,
            guarantee: None,
        }
    }
}

/// How a task stands at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It cannot run yet.
    Waiting,
    /// It runs.
    Running,
    /// Otherwise.
    Otherwise(OrderState),
}

impl Standing {
    /// How an order stands that has its reservation and its coordinator, or not.
    #[must_use]
    pub fn of(state: OrderState, runs: bool) -> Self {
        match (state, runs) {
            (OrderState::Active, true) => Self::Running,
            (OrderState::Active, false) => Self::Waiting,
            (other, _) => Self::Otherwise(other),
        }
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Otherwise(state) => state.word(),
        }
    }

    /// Whether nothing more happens to the task.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Otherwise(state) if state.is_over())
    }
}

/// Every task's view, and who watches them. A clone is another handle on the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Board(watch::Sender<BTreeMap<TaskHash, TaskView>>);

impl Default for Board {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Board {
    /// Shows a view in the place of the last one of its task. Whoever watches is told if it differs.
    pub(super) fn show(&self, view: TaskView) {
        self.0.send_if_modified(|views| {
            let changed = views.get(&view.task) != Some(&view);
            views.insert(view.task, view);
            changed
        });
    }

    pub(super) fn forget(&self, task: &TaskHash) {
        self.0.send_if_modified(|views| views.remove(task).is_some());
    }

    /// Every task, in the order in which they were created.
    pub(crate) fn all(&self) -> Vec<TaskView> {
        let mut all: Vec<TaskView> = self.0.borrow().values().cloned().collect();
        all.sort_by(|one, other| (&one.created, &one.name, one.task).cmp(&(&other.created, &other.name, other.task)));
        all
    }

    pub(crate) fn view(&self, task: &TaskHash) -> Option<TaskView> {
        self.0.borrow().get(task).cloned()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<BTreeMap<TaskHash, TaskView>> {
        self.0.subscribe()
    }
}
