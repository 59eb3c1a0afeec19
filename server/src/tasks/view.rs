//! What operators see of tasks and of the budgets that pay for them.

use murmur_privacy::{
    Digest, Ledger, Provenance, Relation,
    ledger::Unit,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    evaluation::ReleasedEvaluation,
    guarantee::Guarantee,
    optimizer::Averaging,
    participation::Participation,
    task::{Task, TaskHash},
};
use serde::Serialize;

use crate::{
    moment::Moment,
    store::{Order, OrderState},
};

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
    /// Who takes part in its rounds.
    pub participation: Participation,
    /// Which average of released models is offered beside the last one.
    pub average: Option<Averaging>,
    /// What the released rounds of an evaluation say by now.
    pub evaluation: Option<ReleasedEvaluation>,
    /// Enrolled devices that it was reserved for; none before that. The size of the population, never a count of a round.
    pub devices: Option<u64>,
    /// The round that is open.
    pub open_round: Option<OpenRound>,
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
            participation: task.participation,
            average: task.server().and_then(|server| server.average),
            evaluation: None,
            devices: None,
            open_round: None,
        }
    }
}

/// A round that collects updates. How many came, or are to come, stands nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRound {
    /// Its number, as in the ledger.
    pub number: u32,
    /// When this process saw it opened.
    pub opened: Moment,
}

/// What a population may spend, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PopulationView {
    /// Its name.
    pub population: String,
    /// What one neighbouring world differs in.
    pub unit: Unit,
    /// Which worlds are compared.
    pub relation: Relation,
    /// Lifetime budget.
    pub epsilon: Epsilon,
    /// Lifetime failure probability.
    pub delta: DeltaProbability,
    /// Epsilon of the rounds that were paid for.
    pub spent: Epsilon,
    /// Epsilon set aside by tasks; what they spent is part of it.
    pub reserved: Epsilon,
    /// Delta set aside by tasks.
    pub reserved_delta: f64,
    /// Epsilon left for further tasks.
    pub left: Epsilon,
    /// Delta left for further tasks.
    pub left_delta: f64,
    /// Whether the noise was seeded, so that nobody is protected.
    pub simulated: bool,
    /// Entries of its ledger.
    pub entries: u64,
    /// The last of them.
    pub head: Digest,
    /// Why no round is opened before an operator has reconciled the ledger.
    pub behind: Option<String>,
}

impl PopulationView {
    pub(super) fn of(ledger: &Ledger, behind: Option<String>) -> Self {
        let opening = ledger.opening();
        let ((reserved, reserved_delta), (left, left_delta)) = (ledger.reserved(), ledger.remaining());
        Self {
            population: opening.population.clone(),
            unit: opening.unit,
            relation: opening.relation,
            epsilon: opening.epsilon,
            delta: opening.delta,
            spent: ledger.spent(),
            reserved,
            reserved_delta,
            left,
            left_delta,
            simulated: opening.provenance == Provenance::Simulated,
            entries: ledger.length(),
            head: ledger.head(),
            behind,
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
