//! What an evaluation found of its candidates.

use maud::html;
use murmur_round::evaluation::{CandidateMetrics, ReleasedEvaluation};

use super::{
    ReportError,
    figure::{Figure, Table},
    number,
    page::Section,
    quality::MOST,
};
use crate::{
    chart::{Axis, Chart, Series},
    folder::{CandidateRow, Record},
};

/// None where the task trains, or no round was released.
pub(super) fn section(record: &Record) -> Result<Option<Section>, ReportError> {
    let Some(evaluation) = &record.summary.evaluation else { return Ok(None) };
    let figures = [accuracy(record, evaluation).markup()?, loss(record, evaluation).markup()?];
    let body = html! {
        p {
            "Each device measured every candidate on examples of its own that the candidate did not train on, and sent those measures alone. What a \
             candidate trained stayed on the device, and the model is as it was. "
            @if evaluation.private { "What is shown is noised within the budget." } @else { "What is shown is NOT PRIVATE: nothing was noised." }
        }
        (table(evaluation).markup())
        p.note {
            "The standard deviation is of the noise alone, to first order. Which devices took part, and which of their examples were held out, is chance \
             as well; it is the same for all candidates of a round, so that they differ by less than each of them varies."
        }
        div.figures { @for figure in &figures { (figure) } }
    };
    Ok(Some(Section { id: "candidates", title: "Candidates", body }))
}

fn table(evaluation: &ReleasedEvaluation) -> Table {
    let mut table = Table::new([
        "candidate",
        "accuracy",
        "noise (sd, points)",
        "loss",
        "noise (sd)",
        "rounds (n)",
        "reports (about)",
    ]);
    let cell =
        |value: Option<f64>, unit: f64| value.map_or_else(|| "–".to_owned(), |value| number::short(unit * value));
    table.rows = evaluation
        .candidates
        .iter()
        .map(|CandidateMetrics { name, accuracy, loss, accuracy_deviation, loss_deviation, .. }| {
            vec![
                name.clone(),
                number::percent(*accuracy),
                cell(*accuracy_deviation, 100.0),
                number::short(*loss),
                cell(*loss_deviation, 1.0),
                evaluation.rounds.to_string(),
                format!("{:.0}", evaluation.reports),
            ]
        })
        .collect();
    table
}

/// A number of a line, and the deviation of its noise.
type Value = fn(&CandidateRow) -> (f64, Option<f64>);

fn accuracy(record: &Record, evaluation: &ReleasedEvaluation) -> Figure {
    let value: Value = |row| (row.accuracy, row.accuracy_deviation);
    figure(record, evaluation, ["Accuracy by candidate", "accuracy (%)"], true, value)
}

fn loss(record: &Record, evaluation: &ReleasedEvaluation) -> Figure {
    let value: Value = |row| (row.loss, row.loss_deviation);
    figure(record, evaluation, ["Loss by candidate", "mean cross-entropy (nats)"], false, value)
}

fn figure(
    record: &Record,
    evaluation: &ReleasedEvaluation,
    [title, label]: [&str; 2],
    percent: bool,
    value: Value,
) -> Figure {
    let rounds: Vec<u32> = record.rounds.iter().map(|row| row.round).collect();
    let shown = number::thinned(&rounds, MOST);
    let of = |name: &str| -> Vec<&CandidateRow> {
        record.candidates.iter().filter(|row| row.candidate == name && shown.contains(&&row.round)).collect()
    };
    let names: Vec<&str> = evaluation.candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    let series: Vec<Series> = names
        .iter()
        .map(|name| {
            let rows = of(name);
            let points = rows.iter().map(|row| (f64::from(row.round), value(row).0)).collect();
            let spread = rows.iter().filter_map(|row| {
                let (mean, deviation) = value(row);
                deviation.map(|deviation| (mean - deviation, mean + deviation))
            });
            Series { spread: spread.collect(), ..Series::line(*name, points) }
        })
        .collect();
    let ends = series.iter().flat_map(|series| {
        series.points.iter().map(|point| point.1).chain(series.spread.iter().flat_map(|(least, most)| [*least, *most]))
    });
    let y = Axis::linear(label, ends.collect::<Vec<_>>());
    let mut table = Table { columns: vec!["round".to_owned()], rows: Vec::new() };
    table.columns.extend(names.iter().map(|name| (*name).to_owned()));
    table.rows = shown
        .iter()
        .map(|round| {
            let cells = names.iter().map(|name| {
                let row = record.candidates.iter().find(|row| row.candidate == *name && row.round == **round);
                row.map_or_else(
                    || "–".to_owned(),
                    |row| if percent { number::percent(value(row).0) } else { number::short(value(row).0) },
                )
            });
            std::iter::once(round.to_string()).chain(cells).collect()
        })
        .collect();
    Figure {
        title: title.to_owned(),
        caption: format!(
            "Over all rounds by then, one standard deviation of the noise above and below; n = {} rounds, about {:.0} reports in all.",
            evaluation.rounds, evaluation.reports
        ),
        chart: Chart {
            x: Axis::linear("round", shown.iter().map(|round| f64::from(**round))).whole(),
            y: if percent { y.percent() } else { y },
            series,
            caption: None,
        },
        table,
    }
}
