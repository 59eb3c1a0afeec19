//! Who was ever enrolled, in short.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use serde::Serialize;

use super::answer::{PageError, blocking, json};
use crate::{
    seen::{InPopulation, Register, Seen},
    store::{Standing, Store},
};

#[derive(Serialize)]
struct Devices<'a> {
    populations: &'a BTreeMap<String, InPopulation>,
    newest: Vec<Device>,
}

#[derive(Serialize)]
struct Device {
    device: String,
    population: String,
    since: String,
    revoked: Option<String>,
}

impl From<&Standing> for Device {
    fn from(standing: &Standing) -> Self {
        Self {
            device: standing.enrolled.device.as_str().to_owned(),
            population: standing.enrolled.population.clone(),
            since: standing.since.to_string(),
            revoked: standing.revoked.map(|moment| moment.to_string()),
        }
    }
}

/// `GET /page/devices`.
pub(super) async fn answer<S: Store>(State(seen): State<Seen<S>>) -> Result<Response, PageError> {
    let register = blocking(move || Ok(seen.register()?)).await?;
    let Register { populations, newest } = &*register;
    json(&Devices { populations, newest: newest.iter().map(Device::from).collect() })
}
