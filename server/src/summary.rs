//! What is printed at the end.

use std::fmt;

use murmur_privacy::{
    Digest, Provenance,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{coordinator::Outcome, evaluation::ReleasedEvaluation, guarantee::Guarantee};
use murmur_server::Ending;
use serde::Serialize;

use crate::{ERROR, REFUSED};

/// What a shell calls a process that was interrupted.
const INTERRUPTED: u8 = 130;

/// The end of a task, or of this part of it.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    name: String,
    task: Digest,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    rounds_released: u32,
    /// Of the rounds paid for.
    epsilon: Epsilon,
    delta: Option<DeltaProbability>,
    model_sha256: Digest,
    ledger_head: Digest,
    simulated: bool,
    guarantee: Guarantee,
    /// What an evaluation found.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<ReleasedEvaluation>,
}

impl Summary {
    pub(crate) fn new<S>(name: &str, ending: &Ending<S>) -> Self {
        let (outcome, reason) = match &ending.outcome {
            Some(Outcome::Completed) => ("completed", None),
            Some(Outcome::BudgetExhausted) => ("budget_exhausted", None),
            Some(Outcome::StoppedEarly) => ("stopped_early", None),
            Some(Outcome::Failed(reason)) => ("failed", Some(reason.clone())),
            None => ("interrupted", None),
        };
        Self {
            name: name.to_owned(),
            task: ending.task,
            outcome,
            reason,
            rounds_released: ending.rounds_released,
            epsilon: ending.guarantee.epsilon_spent,
            delta: ending.guarantee.delta,
            model_sha256: ending.model,
            ledger_head: ending.ledger_head,
            simulated: ending.guarantee.provenance == Provenance::Simulated,
            guarantee: ending.guarantee.clone(),
            evaluation: ending.evaluation.clone(),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self.outcome {
            "completed" | "stopped_early" => 0,
            "budget_exhausted" => REFUSED,
            "interrupted" => INTERRUPTED,
            _ => ERROR,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "task {} ({}): {}", self.name, self.task, self.outcome.replace('_', " "))?;
        if let Some(reason) = &self.reason {
            writeln!(f, "  reason      {reason}")?;
        }
        writeln!(f, "  released    {} rounds", self.rounds_released)?;
        writeln!(f, "  model       {}", self.model_sha256)?;
        writeln!(f, "  ledger      {}", self.ledger_head)?;
        if let Some(evaluation) = &self.evaluation {
            writeln!(f, "{evaluation}")?;
        }
        if self.guarantee.is_private() {
            writeln!(f, "  spent       epsilon {:.4}", self.epsilon)?;
        }
        writeln!(f, "{}", self.guarantee)
    }
}
