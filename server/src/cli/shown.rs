//! A task as it is printed.

use std::fmt;

use anyhow::{Context, Result};
use murmur_proto::v1::{TaskState, TaskStatus};
use murmur_round::{evaluation::ReleasedEvaluation, guarantee::Guarantee};
use serde::Serialize;

/// How a task stands, and what it promises: an epsilon is never shown without what it depends on.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    task: String,
    name: String,
    population: String,
    created: String,
    state: String,
    reason: Option<String>,
    rounds: u32,
    rounds_paid: u32,
    rounds_released: u32,
    model_sha256: Option<String>,
    ledger_head: Option<String>,
    /// None before the task has its reservation.
    guarantee: Option<Guarantee>,
    /// What an evaluation found by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<ReleasedEvaluation>,
}

impl Shown {
    pub(super) fn of(status: &TaskStatus) -> Result<Self> {
        let state = match TaskState::try_from(status.state) {
            Ok(state) => state.as_str_name().trim_start_matches("TASK_STATE_").to_lowercase(),
            // Of a later server.
            Err(_) => format!("unknown ({})", status.state),
        };
        let optional = |bytes: &[u8]| (!bytes.is_empty()).then(|| hex::encode(bytes));
        let guarantee = match status.guarantee_json.is_empty() {
            true => None,
            false => {
                Some(serde_json::from_slice(&status.guarantee_json).context("the server's guarantee makes no sense")?)
            }
        };
        let evaluation = match status.evaluation_json.is_empty() {
            true => None,
            false => Some(
                serde_json::from_slice(&status.evaluation_json).context("the server's evaluation makes no sense")?,
            ),
        };
        Ok(Self {
            task: hex::encode(&status.task_hash),
            name: status.name.clone(),
            population: status.population.clone(),
            created: status.created.clone(),
            state,
            reason: (!status.reason.is_empty()).then(|| status.reason.clone()),
            rounds: status.rounds,
            rounds_paid: status.rounds_paid,
            rounds_released: status.rounds_released,
            model_sha256: optional(&status.model_sha256),
            ledger_head: optional(&status.ledger_head),
            guarantee,
            evaluation,
        })
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let Self { task, name, population, state, rounds, rounds_paid, rounds_released, .. } = self;
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let hash = task.get(..12).unwrap_or(task);
        let spent = match &self.guarantee {
            Some(guarantee) if guarantee.is_private() => {
                format!(", epsilon {:.4} of {:.4} spent", guarantee.epsilon_spent, guarantee.epsilon)
            }
            Some(_) => ", NOT PRIVATE".to_owned(),
            None => String::new(),
        };
        format!(
            "{hash}  {name}  in {population}  {state}, {rounds_released} released, {rounds_paid} of {rounds} rounds paid for{spent}{reason}"
        )
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "task {} ({}): {}", self.name, self.task, self.state.replace('_', " "))?;
        if let Some(reason) = &self.reason {
            writeln!(f, "  reason      {reason}")?;
        }
        writeln!(f, "  population  {}", self.population)?;
        writeln!(f, "  created     {}", self.created)?;
        let Self { rounds, rounds_paid, rounds_released, .. } = self;
        writeln!(f, "  rounds      {rounds_released} released, {rounds_paid} paid for, {rounds} planned")?;
        if let Some(model) = &self.model_sha256 {
            writeln!(f, "  model       {model}")?;
        }
        if let Some(head) = &self.ledger_head {
            writeln!(f, "  ledger      {head}")?;
        }
        if let Some(evaluation) = &self.evaluation {
            writeln!(f, "{evaluation}")?;
        }
        match &self.guarantee {
            Some(guarantee) => {
                if guarantee.is_private() {
                    writeln!(f, "  spent       epsilon {:.4}", guarantee.epsilon_spent)?;
                }
                writeln!(f, "{guarantee}")
            }
            None => writeln!(f, "  promises    nothing yet: it has no reservation, and nothing was spent"),
        }
    }
}
