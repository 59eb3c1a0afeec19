//! The report of a search for settings.

use maud::html;

use super::{
    ReportError, frontier, number,
    page::{Page, Section, facts},
    statement::Statement,
};
use crate::tune::{CONFIDENCE, Candidate, DataKind, Method, Tuned, recommended_task};

/// The report of a search that is over.
///
/// # Errors
/// [`ReportError`].
pub fn search(tuned: &Tuned) -> Result<String, ReportError> {
    let Candidate { point, task, guarantee, .. } = &tuned.candidates[tuned.recommended];
    let mut warnings = vec![
        "SIMULATED: the noise of these runs is seeded. They protect nobody; they show what a deployment could expect."
            .to_owned(),
    ];
    if point.scaled {
        warnings.push(format!(
            "SCALED: {} devices stood for {}, under noise scaled to them: the same signal to noise, and cohorts that stray more.",
            number::count(point.simulated_devices),
            number::count(point.deployed_devices)
        ));
    }
    if tuned.plan.data == DataKind::Private {
        warnings.push("The search looked at private data: what it cost stands under its own heading, on top of the recommended task.".to_owned());
    }
    let statement = Statement {
        guarantee,
        devices: point.deployed_devices,
        participation: &task.participation,
        released: None,
        scheduled: task.rounds,
    };
    let percent = number::percent;
    let key = vec![
        (
            "Recommended epsilon",
            point.epsilon.to_string(),
            format!("at delta {:e}, for {} devices", point.delta, number::count(point.deployed_devices)),
        ),
        (
            "Accuracy",
            percent(point.accuracy),
            format!(
                "mean of n = {} runs, each on n = {} test examples",
                point.runs.len(),
                number::count(point.examples)
            ),
        ),
        (
            "One more run",
            format!("{:.1} to {:.1} %", 100.0 * point.accuracy_low, 100.0 * point.accuracy_high),
            format!("with probability {CONFIDENCE}"),
        ),
        ("Trials", tuned.trials.len().to_string(), format!("over {} noise levels", tuned.candidates.len())),
    ];
    let page = Page {
        title: task.name.clone(),
        kind: "Search for settings",
        lead: format!("Recommended: epsilon {}, {}.", point.epsilon, tuned.why),
        warnings,
        key,
        sections: vec![curves(tuned)?, recommendation(tuned)?, statement.section()?, cost(tuned), trials(tuned)],
    };
    Ok(page.html())
}

fn curves(tuned: &Tuned) -> Result<Section, ReportError> {
    let figures = [frontier::figure(tuned).markup()?, frontier::course(tuned).markup()?];
    let body = html! {
        p { "For each noise level the settings that did best in the search were run again with seeds that it had not seen: these runs chose nothing." }
        div.figures { @for figure in &figures { (figure) } }
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    th.number scope="col" { "epsilon" } th.number scope="col" { "accuracy" } th.number scope="col" { "one more run (" (CONFIDENCE) ")" }
                    th.number scope="col" { "runs (n)" } th scope="col" { "settings" }
                } }
                tbody {
                    @for (index, candidate) in tuned.candidates.iter().enumerate() {
                        @let point = &candidate.point;
                        tr.chosen[index == tuned.recommended] {
                            td.number { (point.epsilon) } td.number { (number::percent(point.accuracy)) }
                            td.number { (number::percent(point.accuracy_low)) " to " (number::percent(point.accuracy_high)) }
                            td.number { (point.runs.len()) }
                            td { (point.settings) @if point.scaled { " (scaled noise)" } @if index == tuned.recommended { " · recommended" } }
                        }
                    }
                }
            }
        }
    };
    Ok(Section { id: "frontier", title: "Privacy and accuracy", body })
}

fn recommendation(tuned: &Tuned) -> Result<Section, ReportError> {
    let Candidate { point, .. } = &tuned.candidates[tuned.recommended];
    let text = recommended_task(tuned).map_err(|error| ReportError::Serialise(error.to_string()))?;
    let body = html! {
        p { "Epsilon " (point.epsilon) ": " (tuned.why) "." }
        (facts(&[
            ("Settings", point.settings.to_string()),
            ("Noise", format!("noise multiplier {}", number::short(point.noise_multiplier))),
            ("Task", point.task.clone()),
        ]))
        details { summary { "The task file" } pre tabindex="0" { (text) } }
        p.note { "It lies beside this file as " code { "task.toml" } "; " code { "murmur-server task create task.toml" } " takes it as it is." }
    };
    Ok(Section { id: "recommended", title: "The recommended task, and why", body })
}

fn cost(tuned: &Tuned) -> Section {
    let plan = &tuned.plan;
    let how = match plan.search.kind {
        Method::Grid => "all combinations".to_owned(),
        Method::Random => format!("{} combinations, drawn", plan.search.settings.unwrap_or_default()),
        Method::Bayesian => format!(
            "{} combinations for each noise level, {} at once, each batch chosen by what those before it came to (tree-structured Parzen estimator)",
            plan.search.settings.unwrap_or_default(),
            plan.search.batch.unwrap_or_default()
        ),
        Method::Halving => format!(
            "{} combinations for few rounds, and of those one in {} for so many times more, up to all rounds",
            plan.search.settings.unwrap_or_default(),
            plan.search.reduction.unwrap_or_default()
        ),
    };
    let mut names = vec![
        ("Method", how),
        (
            "Repeats",
            format!(
                "n = {} runs of the best settings of each noise level, of seeds that the search did not see",
                plan.search.repeats
            ),
        ),
        ("Simulations", format!("n = {} that ran", tuned.cost.simulations)),
        ("Data", tuned.cost.statement.clone()),
    ];
    if let Some((epsilon, delta)) = tuned.cost.epsilon.zip(tuned.cost.delta) {
        names.push((
            "Charged",
            format!("epsilon {} at delta {delta:e}, by basic composition", number::epsilon(epsilon)),
        ));
    }
    Section { id: "search", title: "The search, and what it cost", body: facts(&names) }
}

fn trials(tuned: &Tuned) -> Section {
    let cell = |value: Option<f64>, text: fn(f64) -> String| value.map_or_else(|| "–".to_owned(), text);
    let body = html! {
        p { "n = " (tuned.trials.len()) " trials, " (tuned.trials.iter().filter(|found| found.refused.is_some()).count()) " of which were refused. They lie beside this file in " code { "trials.csv" } "." }
        details {
            summary { "All trials" }
            div.scroll.tall tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "trial" } th scope="col" { "stage" } th scope="col" { "at" } th.number scope="col" { "seed" } th.number scope="col" { "rounds" }
                        th.number scope="col" { "accuracy" } th.number scope="col" { "loss (nats)" } th.number scope="col" { "test examples (n)" } th scope="col" { "settings" }
                    } }
                    tbody { @for found in &tuned.trials {
                        tr {
                            td { code { (found.trial) } } td { (found.about.stage) } td { (found.about.target) } td.number { (found.about.seed) } td.number { (found.rounds) }
                            td.number { (cell(found.accuracy, number::percent)) } td.number { (cell(found.loss, number::short)) } td.number { (found.examples) }
                            td { (found.about.settings) @if let Some(why) = &found.refused { " – refused: " (why) } }
                        }
                    } }
                }
            }
        }
    };
    Section { id: "trials", title: "Trials", body }
}
