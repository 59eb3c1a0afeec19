//! What is answered, in messages.

use murmur_privacy::Digest;
use murmur_proto::{
    error::{digest, digest_bytes},
    v1::{EnrolledDevice, ReleasedModel, TaskState, TaskStatus},
};

use super::AdminError;
use crate::{
    releases::Release,
    store::{OrderState, Standing as Registered},
    tasks::{Standing, TaskView},
};

pub(super) fn task_hash(bytes: &[u8]) -> Result<Digest, AdminError> {
    Ok(digest("task_hash", bytes)?)
}

pub(super) fn status(view: &TaskView) -> Result<TaskStatus, AdminError> {
    let optional = |digest: &Option<Digest>| digest.as_ref().map(digest_bytes).unwrap_or_default();
    let guarantee_json = match &view.guarantee {
        Some(guarantee) => serde_json::to_vec(guarantee).map_err(|error| AdminError::Encoding(error.to_string()))?,
        None => Vec::new(),
    };
    let evaluation_json = match &view.evaluation {
        Some(evaluation) => serde_json::to_vec(evaluation).map_err(|error| AdminError::Encoding(error.to_string()))?,
        None => Vec::new(),
    };
    Ok(TaskStatus {
        task_hash: digest_bytes(&view.task),
        name: view.name.clone(),
        population: view.population.clone(),
        created: view.created.clone(),
        state: state(view.standing).into(),
        reason: view.reason.clone().unwrap_or_default(),
        rounds: view.rounds,
        rounds_paid: view.rounds_paid,
        rounds_released: view.rounds_released,
        model_sha256: optional(&view.model),
        ledger_head: optional(&view.ledger_head),
        guarantee_json: guarantee_json.into(),
        evaluation_json: evaluation_json.into(),
    })
}

fn state(standing: Standing) -> TaskState {
    match standing {
        Standing::Waiting | Standing::Otherwise(OrderState::Active) => TaskState::Waiting,
        Standing::Running => TaskState::Running,
        Standing::Otherwise(OrderState::Paused) => TaskState::Paused,
        Standing::Otherwise(OrderState::Cancelling) => TaskState::Cancelling,
        Standing::Otherwise(OrderState::Cancelled) => TaskState::Cancelled,
        Standing::Otherwise(OrderState::Completed) => TaskState::Completed,
        Standing::Otherwise(OrderState::BudgetExhausted) => TaskState::BudgetExhausted,
        Standing::Otherwise(OrderState::Refused) => TaskState::Refused,
        Standing::Otherwise(OrderState::Failed) => TaskState::Failed,
    }
}

pub(super) fn device(standing: Registered) -> EnrolledDevice {
    EnrolledDevice {
        device_id: standing.enrolled.device.into(),
        population: standing.enrolled.population,
        enrolments: standing.enrolled.enrolment,
        since: standing.since.to_string(),
        revoked: standing.revoked.map(|moment| moment.to_string()).unwrap_or_default(),
    }
}

pub(super) fn model((population, release): (String, Release)) -> ReleasedModel {
    ReleasedModel {
        model_sha256: digest_bytes(&release.model_sha256),
        task_hash: digest_bytes(&release.task),
        population,
        round: release.round,
    }
}
