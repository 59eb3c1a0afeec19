//! What a run tells people and scripts: sentences, and one JSON object.

use std::fmt::Write as _;

use murmur_privacy::Upload;
use murmur_round::{coordinator::Outcome, guarantee::Guarantee, task::Task};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{SimError, run::Finished, scenario::Scenario};

/// More users than these are in the JSON object only.
const USERS_SHOWN: usize = 20;

/// The result of a run as one JSON object. An infinite epsilon is the string `"inf"`.
///
/// # Errors
/// [`SimError::Serialise`] if a part cannot be serialised.
pub fn summary(scenario: &Scenario, finished: &Finished) -> Result<Value, SimError> {
    let last = finished.measurements.last();
    let guarantee = &finished.guarantee;
    let participation = &finished.schedule.task().participation;
    let mut summary = json!({
        "outcome": outcome_name(&finished.outcome),
        "simulated": true,
        "task": finished.schedule.hash().to_string(),
        "name": finished.schedule.task().name,
        "seed": scenario.seed,
        "rounds": finished.rounds,
        "rounds_scheduled": finished.schedule.task().rounds,
        "accuracy": last.map(|measured| measured.evaluation.accuracy),
        "loss": last.map(|measured| measured.evaluation.loss),
        "test_examples": last.map(|measured| measured.evaluation.examples),
        "epsilon": value(&guarantee.epsilon_spent)?,
        "epsilon_reserved": value(&guarantee.epsilon)?,
        "budget": value(&guarantee.budget)?,
        "delta": value(&guarantee.delta)?,
        "noise_multiplier": value(&guarantee.noise_multiplier)?,
        "sampling_rate": value(&participation.sampling_rate())?,
        "clip": scenario.task.plan().map(|_| scenario.task.privacy.clip.get()),
        "clip_now": scenario.task.plan().map(|_| finished.clip.get()),
        "metrics": value(&finished.metrics)?,
        "guarantee": value(guarantee)?,
        "local_epsilon_spent": value(&finished.local.map(|local| local.most))?,
        "devices": finished.devices,
        "parameters": finished.schedule.task().model.layout().dimension(),
        "parameters_trained": finished.schedule.task().local_layout().dimension(),
        "parameters_own": own_parameters(finished.schedule.task()),
        "upload_bytes": Upload::encoded_len(&finished.schedule.grid()),
        "model_sha256": finished.model_digest.to_string(),
        "ledger_head": finished.ledger.last().map(|entry| entry.digest.to_string()),
        "wall_seconds": finished.wall.as_secs_f64(),
        "accelerator": finished.accelerator.map(|accelerator| accelerator.to_string()),
        "phases": value(&finished.phases)?,
        "simulated_seconds": finished.simulated.map(|simulated| simulated.as_secs_f64()),
    });
    if let Some(averaged) = last.and_then(|measured| measured.averaged) {
        summary["averaged_accuracy"] = json!(averaged.accuracy);
        summary["averaged_loss"] = json!(averaged.loss);
    }
    if let Some(own) = last.and_then(|measured| measured.own) {
        summary["own_layers"] = value(&own)?;
    }
    if let Some(evaluation) = &finished.evaluation {
        summary["evaluation"] = value(evaluation)?;
    }
    if !finished.test_users.is_empty() {
        let users = finished.test_users.iter().map(|(user, evaluation)| {
            json!({ "user": user.as_str(), "accuracy": evaluation.accuracy, "test_examples": evaluation.examples })
        });
        summary["test_users"] = users.collect();
        summary["mean_user_accuracy"] = json!(mean_over_users(finished));
    }
    Ok(summary)
}

/// Every user's accuracy counts the same, however many test examples there are.
fn mean_over_users(finished: &Finished) -> f64 {
    let accuracies = finished.test_users.iter().map(|(_, evaluation)| evaluation.accuracy);
    accuracies.sum::<f64>() / finished.test_users.len() as f64
}

/// The result of a run as a person reads it.
#[must_use]
pub fn sentence(finished: &Finished) -> String {
    let mut text = String::new();
    let how = match &finished.outcome {
        Outcome::Completed => "completed".to_owned(),
        Outcome::BudgetExhausted => {
            format!(
                "stopped by the budget before round {}: the model of the last paid round is kept",
                finished.rounds + 1
            )
        }
        Outcome::StoppedEarly => "stopped early, as asked".to_owned(),
        Outcome::Failed(reason) => format!("failed: {reason}"),
    };
    let task = finished.schedule.task();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{}: {how}, {} of {} rounds, {:.1} s",
        task.name,
        finished.rounds,
        task.rounds,
        finished.wall.as_secs_f64()
    );
    if let Some(simulated) = finished.simulated {
        let minutes = simulated.as_secs() / 60;
        let _ = writeln!(
            text,
            "  virtually   {} days {} h {} min, as the scenario's devices would have taken",
            minutes / (24 * 60),
            minutes / 60 % 24,
            minutes % 60
        );
    }
    if let Some(last) = finished.measurements.last() {
        let _ = writeln!(
            text,
            "  accuracy    {:.2} % on {} test examples outside the population (loss {:.4}){}",
            100.0 * last.evaluation.accuracy,
            last.evaluation.examples,
            last.evaluation.loss,
            if task.personal.is_some() { ", with the layers that every device begins with" } else { "" }
        );
        match last.own {
            Some(own) => {
                let _ = writeln!(
                    text,
                    "  own layers  {:.2} % on {} examples apart of the {} devices that took part, each with its own (loss {:.4}, mean over devices {:.2} %)",
                    100.0 * own.accuracy,
                    own.examples,
                    own.devices,
                    own.loss,
                    100.0 * own.mean_accuracy
                );
            }
            None if task.personal.is_some() => {
                let _ = writeln!(text, "  own layers  not measured: the data do not say which test examples are whose");
            }
            None => {}
        }
    }
    if let Some(averaged) = finished.measurements.last().and_then(|last| last.averaged) {
        let (accuracy, loss) = (100.0 * averaged.accuracy, averaged.loss);
        let _ = writeln!(text, "  averaged    {accuracy:.2} % by the average of the released models (loss {loss:.4})");
    }
    if !finished.test_users.is_empty() {
        let (mean, users) = (100.0 * mean_over_users(finished), finished.test_users.len());
        let _ = writeln!(text, "  by user     {mean:.2} % on average over {users} users' test examples");
        for (user, evaluation) in finished.test_users.iter().take(USERS_SHOWN) {
            let (accuracy, examples) = (100.0 * evaluation.accuracy, evaluation.examples);
            let _ = writeln!(text, "    {user:<16} {accuracy:.2} % of {examples}");
        }
    }
    if let Some(metrics) = &finished.metrics {
        let _ = writeln!(
            text,
            "  devices     accuracy {:.2} %, loss {:.4} on their own examples, of about {:.0} reports in the last round{}",
            100.0 * metrics.accuracy,
            metrics.loss,
            metrics.reports,
            if metrics.private { ", noised" } else { ", NOT PRIVATE" }
        );
    }
    if let Some(evaluation) = &finished.evaluation {
        let _ = writeln!(text, "{evaluation}");
    }
    if finished.schedule.task().privacy.adaptive_clip.is_some() {
        let _ = writeln!(text, "  clip        {:.4} now, {} at the start", finished.clip, task.privacy.clip);
    }
    if let Some(line) = trained(task) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "  spent       epsilon {:.4}", finished.guarantee.epsilon_spent);
    if let Some(local) = &finished.local {
        let _ = writeln!(
            text,
            "  locally     {} devices spent something of their own, none of them more than local epsilon {:.4}",
            local.devices, local.most
        );
    }
    let _ = write!(text, "{}\n  model       sha256 {}", finished.guarantee, finished.model_digest);
    text
}

/// How much of the model is trained, where that is not all of it.
#[must_use]
pub fn trained(task: &Task) -> Option<String> {
    let (travels, all) = (task.shared_layout().dimension(), task.model.layout().dimension());
    let own = own_parameters(task)
        .map(|own| format!("; {own} more are each device's own, and stay there"))
        .unwrap_or_default();
    task.is_partial()
        .then(|| format!("  trained     {travels} parameters, which is what travels, of a model of {all}{own}"))
}

/// Parameters that each device keeps for itself, where the task has such.
#[must_use]
pub fn own_parameters(task: &Task) -> Option<usize> {
    task.division().map(|division| division.own_layout().dimension())
}

/// What is promised before anything runs.
#[must_use]
pub fn promise(guarantee: &Guarantee, devices: u64) -> String {
    format!("guarantee for {devices} devices:\n{guarantee}")
}

/// One word for an outcome.
#[must_use]
pub fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::BudgetExhausted => "budget_exhausted",
        Outcome::StoppedEarly => "stopped_early",
        Outcome::Failed(_) => "failed",
    }
}

fn value(part: &impl Serialize) -> Result<Value, SimError> {
    serde_json::to_value(part).map_err(|error| SimError::Serialise(error.to_string()))
}
