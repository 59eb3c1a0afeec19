//! What operators asked for, and what became of it.

use std::fmt;

use murmur_privacy::units::{DeltaProbability, Epsilon};
use murmur_round::{coordinator::Outcome, task::TaskHash};

use crate::moment::Moment;

/// A task that an operator asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Hash of the task.
    pub task: TaskHash,
    /// The task in its canonical form.
    pub json: Vec<u8>,
    /// When it was asked for.
    pub created: Moment,
    /// What a new population is opened with; without it, with what its first task asks for.
    pub budget: Option<(Epsilon, DeltaProbability)>,
    /// How it stands.
    pub state: OrderState,
    /// Why it ended otherwise than it was meant to.
    pub reason: Option<String>,
}

/// How a task stands, as far as that must outlive a process. Whether one that is active runs, or waits for devices, does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// It runs, or waits until it can.
    Active,
    /// It opens no round until an operator resumes it.
    Paused,
    /// It ends after the round under way.
    Cancelling,
    /// An operator ended it.
    Cancelled,
    /// All its rounds were paid for.
    Completed,
    /// The next round would have passed its reservation.
    BudgetExhausted,
    /// The population could not pay for it, or it fits no population.
    Refused,
    /// Its coordinator could not go on.
    Failed,
}

/// Every state with the word for it.
const WORDS: [(OrderState, &str); 8] = [
    (OrderState::Active, "active"),
    (OrderState::Paused, "paused"),
    (OrderState::Cancelling, "cancelling"),
    (OrderState::Cancelled, "cancelled"),
    (OrderState::Completed, "completed"),
    (OrderState::BudgetExhausted, "budget_exhausted"),
    (OrderState::Refused, "refused"),
    (OrderState::Failed, "failed"),
];

impl OrderState {
    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Active | Self::Paused | Self::Cancelling)
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// The state that a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(state, _)| *state)
    }

    /// What a task's end makes of it, and why.
    #[must_use]
    pub fn of(outcome: &Outcome) -> (Self, Option<String>) {
        match outcome {
            Outcome::Completed => (Self::Completed, None),
            Outcome::BudgetExhausted => (Self::BudgetExhausted, None),
            Outcome::StoppedEarly => (Self::Cancelled, None),
            Outcome::Failed(reason) => (Self::Failed, Some(reason.clone())),
        }
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
