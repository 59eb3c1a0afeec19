//! Several runs beside one another.

use std::collections::{BTreeMap, BTreeSet};

use maud::html;
use serde_json::{Value, json};

use super::{
    ReportError,
    figure::{Figure, Table},
    number,
    page::{Page, Section},
    quality::MOST,
};
use crate::{
    chart::{Axis, Chart, Series},
    folder::{Record, Row},
};

/// What several runs came to, and in what they differ.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Each run's name and record, in the order in which they were named.
    pub runs: Vec<(String, Record)>,
    /// Keys of scenario and task in which they differ, with each run's value; `None` where a run has no such key.
    pub differences: Vec<(String, Vec<Option<String>>)>,
}

/// Compares runs.
///
/// # Errors
/// [`ReportError::Serialise`] if a scenario cannot be written down.
pub fn compare(runs: Vec<(String, Record)>) -> Result<Comparison, ReportError> {
    let flat = |record: &Record| {
        let value =
            toml::Value::try_from(&record.scenario).map_err(|error| ReportError::Serialise(error.to_string()))?;
        let mut keys = BTreeMap::new();
        flatten("", &value, &mut keys);
        Ok::<_, ReportError>(keys)
    };
    let scenarios = runs.iter().map(|(_, record)| flat(record)).collect::<Result<Vec<_>, _>>()?;
    let keys: BTreeSet<&String> = scenarios.iter().flat_map(BTreeMap::keys).collect();
    let differences = keys
        .into_iter()
        .map(|key| (key.clone(), scenarios.iter().map(|keys| keys.get(key).cloned()).collect::<Vec<_>>()))
        .filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect();
    Ok(Comparison { runs, differences })
}

/// Every leaf of a table under its whole name.
fn flatten(name: &str, value: &toml::Value, keys: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(&if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, value, keys);
            }
        }
        toml::Value::String(text) => {
            keys.insert(name.to_owned(), text.clone());
        }
        leaf => {
            keys.insert(name.to_owned(), leaf.to_string());
        }
    }
}

impl Comparison {
    /// As one JSON object.
    #[must_use]
    pub fn json(&self) -> Value {
        let runs = self.runs.iter().map(|(name, Record { summary, .. })| {
            json!({
                "run": name,
                "outcome": summary.outcome,
                "task": summary.task.to_string(),
                "seed": summary.seed,
                "rounds": summary.rounds,
                "devices": summary.devices,
                "accuracy": summary.accuracy,
                "loss": summary.loss,
                "test_examples": summary.test_examples,
                "epsilon": summary.guarantee.epsilon_spent,
                "delta": summary.guarantee.delta,
                "model_sha256": summary.model_sha256,
            })
        });
        let differences: BTreeMap<&String, &Vec<Option<String>>> =
            self.differences.iter().map(|(key, values)| (key, values)).collect();
        json!({ "simulated": true, "runs": runs.collect::<Vec<_>>(), "differences": differences })
    }

    /// As a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let width = self.runs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(3);
        let mut text = format!(
            "{:<width$} {:>10} {:>8} {:>10} {:>10} {:>9} {:>7} {:>6}\n",
            "run", "accuracy", "loss", "epsilon", "delta", "test (n)", "rounds", "seed"
        );
        for (name, Record { summary, .. }) in &self.runs {
            let [accuracy, loss, epsilon, delta] = cells(summary);
            text.push_str(&format!(
                "{name:<width$} {accuracy:>10} {loss:>8} {epsilon:>10} {delta:>10} {:>9} {:>7} {:>6}\n",
                summary.test_examples.unwrap_or_default(),
                summary.rounds,
                summary.seed
            ));
        }
        if self.differences.is_empty() {
            text.push_str("they differ in nothing that was written down\n");
        } else {
            text.push_str("they differ in\n");
        }
        for (key, values) in &self.differences {
            let values: Vec<&str> = values.iter().map(|value| value.as_deref().unwrap_or("–")).collect();
            text.push_str(&format!("  {key:<32} {}\n", values.join(" | ")));
        }
        text.push_str("SIMULATED: the noise of these runs is seeded, and protects nobody");
        text
    }

    /// As a report.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn html(&self) -> Result<String, ReportError> {
        let open = self.runs.iter().filter(|(_, record)| !record.summary.guarantee.is_private()).count();
        let mut warnings = vec!["SIMULATED: the noise of these runs is seeded. They protect nobody.".to_owned()];
        if open > 0 {
            warnings.push(format!("NOT PRIVATE: {open} of these runs added no noise, their epsilon is infinite."));
        }
        let page = Page {
            title: format!("{} runs", self.runs.len()),
            kind: "Comparison",
            lead: self.runs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
            warnings,
            key: Vec::new(),
            sections: vec![self.results(), self.curves()?, self.differing()],
        };
        Ok(page.html())
    }

    fn results(&self) -> Section {
        let body = html! {
            div.scroll tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "run" } th.number scope="col" { "accuracy" } th.number scope="col" { "loss (nats)" } th.number scope="col" { "test examples (n)" }
                        th.number scope="col" { "epsilon spent" } th.number scope="col" { "delta" } th.number scope="col" { "rounds" } th.number scope="col" { "devices" }
                        th.number scope="col" { "seed" }
                    } }
                    tbody { @for (name, Record { summary, .. }) in &self.runs {
                        @let [accuracy, loss, epsilon, delta] = cells(summary);
                        tr {
                            th scope="row" { (name) } td.number { (accuracy) } td.number { (loss) } td.number { (number::count(summary.test_examples.unwrap_or_default())) }
                            td.number { (epsilon) } td.number { (delta) } td.number { (summary.rounds) } td.number { (number::count(summary.devices)) }
                            td.number { (summary.seed) }
                        }
                    } }
                }
            }
            p.note { "Each row is n = 1 run: how far runs of other seeds spread is not told here (" code { "murmur-sim tune" } " repeats runs)." }
        };
        Section { id: "results", title: "What they came to", body }
    }

    fn curves(&self) -> Result<Section, ReportError> {
        let spent = |row: &Row| Some(row.epsilon).filter(|epsilon| epsilon.is_finite());
        let round = |row: &Row| Some(f64::from(row.round));
        let figures = [
            self.figure("Accuracy by round", ("round", round), ("accuracy (%)", |row| row.accuracy)),
            self.figure(
                "Accuracy by what was spent",
                ("epsilon spent (nats)", spent),
                ("accuracy (%)", |row| row.accuracy),
            ),
            self.figure("Loss by round", ("round", round), ("mean cross-entropy (nats)", |row| row.loss)),
            self.figure("Epsilon spent by round", ("round", round), ("epsilon spent (nats)", spent)),
        ];
        let drawn = figures.iter().flatten().map(Figure::markup).collect::<Result<Vec<_>, _>>()?;
        let body = html! { div.figures { @for figure in &drawn { (figure) } } };
        Ok(Section { id: "curves", title: "By round, and by what was spent", body })
    }

    /// One line for each run; nothing where no run has such points.
    fn figure(&self, title: &str, (across, x): (&str, Quantity), (up, y): (&str, Quantity)) -> Option<Figure> {
        let mut table = Table::new(["run", across, up]);
        let mut series = Vec::new();
        for (name, record) in &self.runs {
            let points: Vec<(f64, f64)> = record.rounds.iter().filter_map(|row| Some((x(row)?, y(row)?))).collect();
            let points: Vec<(f64, f64)> = number::thinned(&points, MOST).into_iter().copied().collect();
            let percent = up.contains('%');
            table.rows.extend(points.iter().map(|(x, y)| {
                vec![name.clone(), number::short(*x), if percent { number::percent(*y) } else { number::short(*y) }]
            }));
            series.push(Series::line(name, points));
        }
        let all: Vec<(f64, f64)> = series.iter().flat_map(|series| series.points.clone()).collect();
        if all.is_empty() {
            return None;
        }
        let examples: BTreeSet<u64> = self.runs.iter().filter_map(|(_, record)| record.summary.test_examples).collect();
        let examples: Vec<String> = examples.into_iter().map(number::count).collect();
        let xs = Axis::linear(across, all.iter().map(|point| point.0));
        let ys = Axis::linear(up, all.iter().map(|point| point.1));
        Some(Figure {
            title: title.to_owned(),
            caption: format!(
                "n = {} runs; each model on n = {} test examples.",
                self.runs.len(),
                examples.join(" or ")
            ),
            chart: Chart {
                x: if across == "round" { xs.whole() } else { xs },
                y: if up.contains('%') { ys.percent() } else { ys },
                series,
                caption: None,
            },
            table,
        })
    }

    fn differing(&self) -> Section {
        let body = html! {
            @if self.differences.is_empty() { p { "In nothing that was written down: scenario, task and seed are the same." } }
            @else {
                div.scroll tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "key" } @for (name, _) in &self.runs { th scope="col" { (name) } } } }
                        tbody { @for (key, values) in &self.differences {
                            tr { th scope="row" { code { (key) } } @for value in values { td { (value.as_deref().unwrap_or("–")) } } }
                        } }
                    }
                }
            }
        };
        Section { id: "differences", title: "In what they differ", body }
    }
}

type Quantity = fn(&Row) -> Option<f64>;

/// Accuracy, loss, epsilon and delta.
fn cells(summary: &crate::folder::Summary) -> [String; 4] {
    let none = || "–".to_owned();
    [
        summary.accuracy.map_or_else(none, number::percent),
        summary.loss.map_or_else(none, number::short),
        number::epsilon(summary.guarantee.epsilon_spent.get()),
        summary.guarantee.delta.map_or_else(none, |delta| format!("{:e}", delta.get())),
    ]
}
