//! What is downloaded: released models, averages of them, and ledgers.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};

use murmur_privacy::Digest;

use super::{
    answer::{PageError, blocking},
    task::digest,
};
use crate::{
    seen::{Seen, SeenError},
    store::Store,
};

/// `GET /page/files/model/{model}`: a released model's file, with all the model's tensors.
pub(super) async fn model<S: Store>(
    State(seen): State<Seen<S>>,
    Path(model): Path<String>,
) -> Result<Response, PageError> {
    let model = digest(&model)?;
    let file = blocking(move || Ok(seen.whole(&model)?)).await?;
    Ok(attached(&format!("{model}.safetensors"), file))
}

/// `GET /page/files/average/{task}`: the average of a task's models up to the last one.
pub(super) async fn average<S: Store>(
    State(seen): State<Seen<S>>,
    Path(task): Path<String>,
) -> Result<Response, PageError> {
    let task = digest(&task)?;
    let average = blocking(move || Ok(seen.average(&task)?)).await?;
    Ok(attached(&format!("{}.safetensors", Digest::of(&average)), average))
}

/// `GET /page/files/ledger/{population}`: as `murmur-server ledger export` prints it.
pub(super) async fn ledger<S: Store>(
    State(seen): State<Seen<S>>,
    Path(population): Path<String>,
) -> Result<Response, PageError> {
    let asked = population.clone();
    let lines = blocking(move || {
        let mut lines = String::new();
        for entry in seen.entries(&asked)? {
            lines += &entry.to_line().map_err(SeenError::from)?;
            lines.push('\n');
        }
        Ok(lines)
    })
    .await?;
    Ok(attached(&format!("{population}.jsonl"), lines.into_bytes()))
}

/// A file to be kept. Its name is of letters, digits and the few marks that populations' names have: of one that is not there is no file.
fn attached(name: &str, file: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, file).into_response()
}
