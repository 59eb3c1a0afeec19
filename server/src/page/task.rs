//! A task's released models, and what its rounds measured within the budget.

use axum::{
    extract::{Path, State},
    response::Response,
};
use murmur_privacy::Digest;
use murmur_round::{optimizer::Averaging, task::TaskHash};
use serde::Serialize;

use super::answer::{PageError, blocking, json};
use crate::{
    releases::{Release, releases},
    seen::{Seen, SeenError},
    store::Store,
};

/// Models that are shown; all of them can be exported.
const SHOWN: usize = 20;

#[derive(Serialize)]
struct Released {
    /// Models in all.
    models: usize,
    newest: Vec<Model>,
    average: Option<Average>,
    /// What rounds measured, where that is within the budget: the oldest first.
    measured: Vec<Measured>,
}

#[derive(Serialize)]
struct Model {
    #[serde(flatten)]
    release: Release,
    /// Of its file; none if the file is gone.
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct Average {
    kind: Averaging,
    /// The last round in it.
    round: u32,
}

/// What a round says about the model that it began with. All three were noised.
#[derive(Serialize)]
struct Measured {
    round: u32,
    accuracy: f64,
    loss: f64,
    reports: f64,
}

/// `GET /page/task/{task}`.
pub(super) async fn answer<S: Store>(
    State(seen): State<Seen<S>>,
    Path(task): Path<String>,
) -> Result<Response, PageError> {
    let task = digest(&task)?;
    json(&blocking(move || released(&seen, &task)).await?)
}

/// A SHA-256 as it stands in a path.
pub(super) fn digest(text: &str) -> Result<Digest, PageError> {
    text.parse().map_err(|_| PageError::NoDigest { text: text.to_owned() })
}

fn released<S: Store>(seen: &Seen<S>, task: &TaskHash) -> Result<Released, PageError> {
    let view = seen.tasks().into_iter().find(|view| view.task == *task).ok_or(SeenError::NoTask { task: *task })?;
    let mut models = match seen.checked(&view.population) {
        Ok(checked) => releases(&checked.entries),
        Err(SeenError::NoLedger { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    models.retain(|release| release.task == *task);
    let mut measured = Vec::new();
    let mut newest = Vec::new();
    for (place, release) in models.iter().enumerate() {
        let stated = seen.stated(release)?;
        if let Some(metrics) = stated.and_then(|stated| stated.metrics) {
            let (accuracy, loss, reports) = (metrics.accuracy, metrics.loss, metrics.reports);
            measured.push(Measured { round: release.round, accuracy, loss, reports });
        }
        if models.len() - place <= SHOWN {
            newest.push(Model { release: *release, bytes: stated.map(|stated| stated.bytes) });
        }
    }
    newest.reverse();
    let average = view.average.zip(models.last()).map(|(kind, last)| Average { kind, round: last.round });
    Ok(Released { models: models.len(), newest, average, measured })
}
