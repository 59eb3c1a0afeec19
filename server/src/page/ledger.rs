//! A population's ledger, newest entries first, and whether its chain holds.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use murmur_privacy::{
    Digest,
    ledger::{Entry, Record},
};
use murmur_round::task::TaskHash;
use serde::Serialize;

use super::answer::{PageError, blocking, json};
use crate::{
    seen::{Checked, Seen},
    store::Store,
};

/// Entries that are shown; all of them are in the file.
const SHOWN: usize = 60;

#[derive(Serialize)]
struct Ledger {
    population: String,
    /// Entries in all.
    entries: usize,
    head: Digest,
    /// When it was replayed.
    checked: String,
    /// What is wrong with it; none if it is sound.
    broken: Option<String>,
    newest: Vec<Shown>,
}

/// An entry in short.
#[derive(Serialize)]
struct Shown {
    index: u64,
    record: &'static str,
    task: Option<TaskHash>,
    round: Option<u32>,
    /// The model that it releases.
    model: Option<Digest>,
    /// What it fixes, where that is one thing.
    detail: Option<String>,
    digest: Digest,
}

impl From<&Entry> for Shown {
    fn from(entry: &Entry) -> Self {
        let (record, task, round, detail) = match &entry.record {
            Record::Opened(opening) => {
                let detail = format!("epsilon {}, delta {:e}", opening.epsilon, opening.delta.get());
                ("opened", None, None, Some(detail))
            }
            Record::Reserved(reservation) => {
                let detail = format!("epsilon {:.4} by {}", reservation.epsilon, reservation.accountant);
                ("reserved", Some(reservation.task), None, Some(detail))
            }
            Record::RoundOpened { task, round } => ("round opened", Some(*task), Some(*round), None),
            Record::Spent { task, round, .. } => ("spent", Some(*task), Some(*round), None),
            Record::Released { task, round, .. } => ("released", Some(*task), Some(*round), None),
            Record::Forfeited { task, rounds } => ("forfeited", Some(*task), None, Some(format!("{rounds} rounds"))),
            Record::Abandoned { task, round } => ("abandoned", Some(*task), Some(*round), None),
            // Of a later version of ledgers, which this program would not have opened.
            _ => ("other", None, None, None),
        };
        let model = match &entry.record {
            Record::Released { model, .. } => Some(*model),
            _ => None,
        };
        Self { index: entry.index, record, task, round, model, detail, digest: entry.digest }
    }
}

/// `GET /page/ledger/{population}`.
pub(super) async fn answer<S: Store>(
    State(seen): State<Seen<S>>,
    Path(population): Path<String>,
) -> Result<Response, PageError> {
    let asked = population.clone();
    let checked: Arc<Checked> = blocking(move || Ok(seen.checked(&asked)?)).await?;
    json(&Ledger {
        population,
        entries: checked.entries.len(),
        head: checked.head(),
        checked: checked.at.to_string(),
        broken: checked.sound.as_ref().err().cloned(),
        newest: checked.entries.iter().rev().take(SHOWN).map(Shown::from).collect(),
    })
}
