//! How good the model was, by round.

use maud::html;

use super::{
    ReportError,
    figure::{Figure, Table},
    number,
    page::Section,
};
use crate::{
    chart::{Axis, Chart, Series},
    folder::{Record, Row},
};

/// More rounds are thinned out in pictures.
pub(super) const MOST: usize = 200;

pub(super) fn section(record: &Record) -> Result<Section, ReportError> {
    let figures = [accuracy(record).markup()?, loss(record).markup()?];
    let examples = number::count(record.summary.test_examples.unwrap_or_default());
    let body = html! {
        p {
            "Measured on " (examples) " test examples outside of the population, which costs no privacy: a released model is everybody's to measure."
            @if record.has_own_layers() { (OWN) }
            @if record.has_metrics() { " What devices measured themselves is of the model that the round began with" @if record.metrics_are_private() {
                ", and noised within the budget." } @else { ", and NOT PRIVATE." } }
        }
        div.figures { @for figure in &figures { (figure) } }
    };
    Ok(Section { id: "quality", title: "Accuracy and loss by round", body })
}

fn accuracy(record: &Record) -> Figure {
    figure(
        record,
        "Accuracy",
        "accuracy (%)",
        true,
        [|row| row.accuracy, |row| row.averaged_accuracy, |row| row.own_accuracy, |row| row.device_accuracy],
    )
}

fn loss(record: &Record) -> Figure {
    figure(
        record,
        "Loss",
        "mean cross-entropy (nats)",
        false,
        [|row| row.loss, |row| row.averaged_loss, |row| row.own_loss, |row| row.device_loss],
    )
}

/// What a figure means where the last word is each device's.
const OWN: &str = " Layers of each device's own are no part of what is released: the released model is measured with those that every device                    begins with, which says little, and each device that took part, where it has examples that it does not train on, with its own.";

type Value = fn(&Row) -> Option<f64>;

fn figure(record: &Record, title: &str, label: &str, percent: bool, values: [Value; 4]) -> Figure {
    let devices = if record.metrics_are_private() { "by devices, noised" } else { "by devices, NOT PRIVATE" };
    let released = if record.has_own_layers() { "released model, layers as at the start" } else { "released model" };
    let names = [released, "average of released models", "devices' own layers", devices];
    let present: Vec<(&str, Value)> = names
        .into_iter()
        .zip(values)
        .filter(|(_, value)| record.rounds.iter().any(|row| value(row).is_some()))
        .collect();
    let rows: Vec<&Row> =
        record.rounds.iter().filter(|row| present.iter().any(|(_, value)| value(row).is_some())).collect();
    let rows = number::thinned(&rows, MOST);
    let series: Vec<Series> = present
        .iter()
        .map(|(name, value)| {
            let points = rows
                .iter()
                .filter_map(|row| Some((f64::from(row.round), value(row).filter(|value| value.is_finite())?)));
            Series::line(*name, points.collect())
        })
        .collect();
    let all = series.iter().flat_map(|series| series.points.iter().map(|point| point.1)).collect::<Vec<_>>();
    let y = Axis::linear(label, all);
    let cell = |value: Option<f64>| {
        value
            .map_or_else(|| "–".to_owned(), |value| if percent { number::percent(value) } else { number::short(value) })
    };
    let mut columns = vec!["round".to_owned()];
    columns.extend(present.iter().map(|(name, _)| (*name).to_owned()));
    let lines = rows.iter().map(|row| {
        let cells = present.iter().map(|(_, value)| cell(value(row)));
        std::iter::once(row.round.to_string()).chain(cells).collect()
    });
    Figure {
        title: title.to_owned(),
        caption: format!(
            "Each point is one model, on n = {} test examples; {} of {} rounds.",
            number::count(record.summary.test_examples.unwrap_or_default()),
            rows.len(),
            record.rounds.len()
        ),
        chart: Chart {
            x: Axis::linear("round", rows.iter().map(|row| f64::from(row.round))).whole(),
            y: if percent { y.percent() } else { y },
            series,
            caption: None,
        },
        table: Table { columns, rows: lines.collect() },
    }
}
