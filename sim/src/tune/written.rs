//! What a search leaves in its folder.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Candidate, TuneError, Tuned,
    store::{FRONTIER, Store},
};
use crate::{SimError, folder::REPORT, report};

/// Writes everything: the frontier, all trials as a table, the report, and the recommended task.
pub(super) fn all(store: &Store, tuned: &Tuned) -> Result<(), TuneError> {
    frontier(store, &tuned.candidates)?;
    store.replace("trials.csv", table(tuned).as_bytes())?;
    store.replace("summary.json", format!("{}\n", summary(tuned)).as_bytes())?;
    store.replace(REPORT, report::search(tuned).map_err(SimError::from)?.as_bytes())?;
    // Last: who finds it finds the rest.
    store.replace("task.toml", recommended_task(tuned)?.as_bytes())
}

/// `frontier.json`: the points by epsilon.
pub(super) fn frontier(store: &Store, candidates: &[Candidate]) -> Result<(), TuneError> {
    let points: Vec<_> = candidates.iter().map(|candidate| &candidate.point).collect();
    let mut bytes = serde_json::to_vec_pretty(&points).map_err(|error| SimError::Serialise(error.to_string()))?;
    bytes.push(b'\n');
    store.replace(FRONTIER, &bytes)
}

/// The result as one JSON object.
#[must_use]
pub fn summary(tuned: &Tuned) -> Value {
    let chosen = &tuned.candidates[tuned.recommended];
    json!({
        "outcome": "completed",
        "simulated": true,
        "scaled": chosen.point.scaled,
        "frontier": tuned.candidates.iter().map(|candidate| &candidate.point).collect::<Vec<_>>(),
        "recommended": chosen.point,
        "why": tuned.why,
        "cost": tuned.cost,
        "confidence": super::CONFIDENCE,
        "trials": tuned.trials.len(),
        "refused": tuned.trials.iter().filter(|found| found.refused.is_some()).count(),
    })
}

/// The recommended task, with where it comes from above it: `task.toml`.
///
/// # Errors
/// [`TuneError`] if TOML cannot hold it.
pub fn recommended_task(tuned: &Tuned) -> Result<String, TuneError> {
    let Candidate { point, task, .. } = &tuned.candidates[tuned.recommended];
    let text = toml::to_string(task).map_err(|error| SimError::Serialise(error.to_string()))?;
    let scaled = if point.scaled {
        format!(
            "\n# Simulated with {} devices in the place of {}, under noise scaled to them.",
            point.simulated_devices, point.deployed_devices
        )
    } else {
        String::new()
    };
    Ok(format!(
        "# Recommended by `murmur-sim tune`: {}.\n# One more simulated run reaches {:.2} % to {:.2} % with probability {} (mean {:.2} % of {} \
         runs).{scaled}\n# The search itself: {}.\n\n{text}",
        tuned.why,
        100.0 * point.accuracy_low,
        100.0 * point.accuracy_high,
        super::CONFIDENCE,
        100.0 * point.accuracy,
        point.runs.len(),
        tuned.cost.statement,
    ))
}

/// One line for each trial.
fn table(tuned: &Tuned) -> String {
    let mut text = String::from("trial,stage,target,epsilon,scaled,seed,rounds,accuracy,loss,settings,refused\n");
    for found in &tuned.trials {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let about = &found.about;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},\"{}\",\"{}\"",
            found.trial,
            about.stage,
            about.target,
            about.epsilon,
            about.scaled,
            about.seed,
            found.rounds,
            number(found.accuracy),
            number(found.loss),
            about.settings,
            found.refused.as_deref().unwrap_or_default().replace('"', "'"),
        );
    }
    text
}
