//! Everything that changes while somebody looks, at one moment.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use murmur_round::{evaluation::ReleasedEvaluation, guarantee::Guarantee, optimizer::Averaging, task::TaskHash};
use serde::Serialize;

use super::answer::{JSON, PageError, blocking};
use crate::{
    moment::Moment,
    seen::Seen,
    store::{Roll, Store},
    tasks::{PopulationView, TaskView},
};

#[derive(Serialize)]
struct PageState {
    version: &'static str,
    /// When this process began to serve.
    since: String,
    populations: Vec<PopulationView>,
    tasks: Vec<Task>,
    refusals: Refused,
    /// Devices ever enrolled and ever revoked, of all populations.
    devices: Devices,
}

/// As operators see it by `murmur-server task show`, and the round that is open.
#[derive(Serialize)]
struct Task {
    task: TaskHash,
    name: String,
    population: String,
    created: String,
    state: &'static str,
    is_over: bool,
    reason: Option<String>,
    rounds: u32,
    rounds_paid: u32,
    rounds_released: u32,
    model_sha256: Option<String>,
    guarantee: Option<Guarantee>,
    /// Devices enrolled when it was reserved: the size of the population, never a count of a round.
    devices: Option<u64>,
    /// Whether who takes part in a round is a secret, so that no count of it is shown.
    secret_cohorts: bool,
    /// How long a round is open at most, in seconds.
    window_seconds: u32,
    average: Option<Averaging>,
    /// What an evaluation found, where that is within the budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<ReleasedEvaluation>,
    open_round: Option<Open>,
}

#[derive(Serialize)]
struct Open {
    number: u32,
    opened: String,
}

#[derive(Serialize)]
struct Refused {
    since: String,
    counts: BTreeMap<&'static str, u64>,
    /// Whether what enrolled devices are refused is not counted.
    leaves_devices_out: bool,
}

#[derive(Serialize)]
struct Devices {
    enrolled: u64,
    revoked: u64,
}

impl From<TaskView> for Task {
    fn from(view: TaskView) -> Self {
        Self {
            task: view.task,
            name: view.name,
            population: view.population,
            created: view.created,
            state: view.standing.word(),
            is_over: view.standing.is_over(),
            reason: view.reason,
            rounds: view.rounds,
            rounds_paid: view.rounds_paid,
            rounds_released: view.rounds_released,
            model_sha256: view.model.map(|model| model.to_string()),
            guarantee: view.guarantee,
            devices: view.devices,
            secret_cohorts: view.participation.is_secret(),
            window_seconds: view.participation.window_seconds(),
            average: view.average,
            evaluation: view.evaluation.filter(|evaluation| evaluation.private),
            open_round: view.open_round.map(|open| Open { number: open.number, opened: open.opened.to_string() }),
        }
    }
}

/// The state as JSON: the same text for as long as nothing changes.
pub(super) fn state<S: Store>(seen: &Seen<S>) -> Result<String, PageError> {
    let (refusals, Roll { enrolled, revoked }) = (seen.refusals(), seen.roll()?);
    let state = PageState {
        version: env!("CARGO_PKG_VERSION"),
        since: seen.since().to_string(),
        populations: seen.populations(),
        tasks: seen.tasks().into_iter().map(Task::from).collect(),
        refusals: Refused {
            since: refusals.since().to_string(),
            counts: refusals.all(),
            leaves_devices_out: refusals.leaves_devices_out(),
        },
        devices: Devices { enrolled, revoked },
    };
    Ok(serde_json::to_string(&state)?)
}

/// The state with the moment beside it, by which the page knows how far its own clock is off.
pub(super) fn told(state: &str) -> String {
    format!(r#"{{"now":"{}","state":{state}}}"#, Moment::now())
}

/// `GET /page/state`.
pub(super) async fn answer<S: Store>(State(seen): State<Seen<S>>) -> Result<Response, PageError> {
    let text = blocking(move || Ok(told(&state(&seen)?))).await?;
    Ok(([(header::CONTENT_TYPE, JSON)], text).into_response())
}
