//! The report of one run.

use maud::{Markup, html};
use murmur_privacy::{Ledger, ledger::LedgerError};

use super::{
    ReportError, candidates, cohort, number,
    page::{Page, Section, facts},
    quality, signal,
    spending::Spending,
    statement::Statement,
    time,
};
use crate::folder::{Record, Summary};

/// The report of a finished run.
///
/// # Errors
/// [`ReportError`].
pub fn run(record: &Record) -> Result<String, ReportError> {
    let Record { summary, scenario, rounds, .. } = record;
    let Summary { guarantee, devices, .. } = summary;
    let statement = Statement {
        guarantee,
        devices: *devices,
        participation: &scenario.task.participation,
        released: Some(summary.rounds),
        scheduled: summary.rounds_scheduled,
    };
    let mut sections = vec![statement.section()?];
    if !rounds.is_empty() {
        match candidates::section(record)? {
            Some(candidates) => {
                sections.push(candidates);
                sections.extend(budget(record)?);
            }
            None => {
                sections.push(quality::section(record)?);
                sections.extend(budget(record)?);
                sections.push(signal::section(record)?);
            }
        }
        sections.push(cohort::section(record)?);
        sections.push(time::section(record)?);
    }
    sections.push(task(record)?);
    let mut warnings = vec![
        "SIMULATED: the noise is seeded. This run protects nobody; it shows what a deployment would promise."
            .to_owned(),
    ];
    if !guarantee.is_private() {
        warnings.push("NOT PRIVATE: the task adds no noise, epsilon is infinite.".to_owned());
    }
    let page = Page {
        title: summary.name.clone(),
        kind: "Simulated run",
        lead: lead(summary),
        warnings,
        key: key(record),
        sections,
    };
    Ok(page.html())
}

fn lead(summary: &Summary) -> String {
    let ended = match summary.outcome.as_str() {
        "completed" => "All rounds of the schedule were paid for and released",
        "budget_exhausted" => "The budget ended before the schedule did",
        "stopped_early" => "The run was ended before its schedule, as asked",
        other => other,
    };
    format!(
        "{ended}: {} of {} rounds, over {} devices.",
        summary.rounds,
        summary.rounds_scheduled,
        number::count(summary.devices)
    )
}

fn key(record: &Record) -> Vec<(&'static str, String, String)> {
    let Summary {
        guarantee, accuracy, loss, test_examples, averaged_accuracy, devices, rounds, rounds_scheduled, ..
    } = &record.summary;
    let examples = number::count(test_examples.unwrap_or_default());
    let mut key = Vec::new();
    if let Some(accuracy) = accuracy {
        let how = if record.has_own_layers() { ", by the layers that devices begin with" } else { "" };
        key.push((
            "Accuracy",
            number::percent(*accuracy),
            format!("of n = {examples} test examples outside of the population{how}"),
        ));
    }
    if let Some(averaged) = averaged_accuracy {
        key.push((
            "Accuracy, averaged",
            number::percent(*averaged),
            format!("by the average of the released models, n = {examples}"),
        ));
    }
    if let Some(own) = &record.summary.own_layers {
        key.push((
            "Accuracy, own layers",
            number::percent(own.accuracy),
            format!("of n = {} examples of {} devices' own", number::count(own.examples), number::count(own.devices)),
        ));
    }
    if let Some(loss) = loss {
        key.push(("Loss", number::short(*loss), format!("mean cross-entropy in nats, n = {examples}")));
    }
    if let Some(mean) = record.summary.mean_user_accuracy {
        let users = record.summary.test_users.len();
        key.push(("Accuracy by user", number::percent(mean), format!("mean over n = {users} users' test examples")));
    }
    let spent = number::epsilon(guarantee.epsilon_spent.get());
    key.push(match guarantee.delta {
        Some(delta) if guarantee.is_private() => {
            ("Epsilon spent", spent, format!("of a budget of {}, at delta {:e}", guarantee.budget, delta.get()))
        }
        _ => ("Epsilon spent", spent, "NOT PRIVATE".to_owned()),
    });
    key.push(("Rounds", rounds.to_string(), format!("of {rounds_scheduled} scheduled")));
    key.push(("Devices", number::count(*devices), "enrolled in the population".to_owned()));
    key
}

/// What the ledger shows of the task.
fn budget(record: &Record) -> Result<Option<Section>, ReportError> {
    let damaged = |error: LedgerError| ReportError::Serialise(error.to_string());
    let ledger = Ledger::replay(record.ledger.iter().cloned()).map_err(damaged)?;
    let account = ledger.account(&record.summary.task).map_err(damaged)?;
    let body: Markup = match Spending::of(account, None)? {
        Some(spending) => spending.markup()?,
        None => html! { p { "Nothing is accounted for: epsilon is infinite from the first round on." } },
    };
    Ok(Some(Section { id: "budget", title: "Privacy budget", body }))
}

fn task(record: &Record) -> Result<Section, ReportError> {
    let failed = |error: toml::ser::Error| ReportError::Serialise(error.to_string());
    let text = toml::to_string(&record.scenario.task).map_err(failed)?;
    let Summary {
        task,
        seed,
        parameters,
        upload_bytes,
        model_sha256,
        ledger_head,
        wall_seconds,
        simulated_seconds,
        ..
    } = &record.summary;
    let mut names = vec![
        ("Task", task.to_string()),
        ("Seed", seed.to_string()),
        ("Parameters", number::count(*parameters)),
        ("Update", format!("{} bytes on the wire", number::count(*upload_bytes))),
        ("Model", format!("sha256 {model_sha256}")),
        ("Ledger", format!("{} entries, head {ledger_head}", record.ledger.len())),
        ("Took", format!("{wall_seconds:.1} s on this machine")),
    ];
    if let Some(seconds) = simulated_seconds {
        names.push(("Virtually", format!("{:.2} h, as the scenario's devices would have taken", seconds / 3_600.0)));
    }
    let users = &record.summary.test_users;
    let body = html! {
        (facts(&names))
        @if !users.is_empty() {
            details {
                summary { "Accuracy by user (n = " (users.len()) ")" }
                div.scroll.tall tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "user" } th.number scope="col" { "accuracy" } th.number scope="col" { "test examples (n)" } } }
                        tbody { @for user in users { tr {
                            th scope="row" { (user.user) } td.number { (number::percent(user.accuracy)) } td.number { (number::count(user.test_examples)) }
                        } } }
                    }
                }
            }
        }
        details { summary { "The task, as it ran" } pre tabindex="0" { (text) } }
        p.note { "The same bits again: " code { "murmur-sim run scenario.toml --out NEW" } ", with the scenario that lies beside this file." }
    };
    Ok(Section { id: "task", title: "Task and files", body })
}
