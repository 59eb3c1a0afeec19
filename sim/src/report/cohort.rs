//! What became of the devices of all rounds: a simulation's to show.

use maud::html;
use murmur_round::participation::Participation;

use super::{
    ReportError,
    figure::{Figure, Table},
    number,
    page::{Section, bars},
    quality::MOST,
};
use crate::{
    chart::{Axis, Chart, Series},
    folder::{Record, Row},
};

/// Why a device that was assigned was not counted.
const LOSSES: [(&str, &str, Count); 5] = [
    ("Dropped out", "started, and were not heard of again in the round", |row| row.dropped_out),
    ("Late", "came after the round was closed", |row| row.late),
    ("Withdrew", "have nothing left of a budget of their own", |row| row.withdrew),
    ("Rejected: no assignment", "sent an update that nobody had asked them for", |row| row.not_assigned),
    ("Rejected: another grid", "sent an update that lies on another grid than the round's", |row| row.wrong_grid),
];

type Count = fn(&Row) -> u64;

pub(super) fn section(record: &Record) -> Result<Section, ReportError> {
    let secret =
        matches!(record.scenario.task.participation, Participation::Poisson { .. } | Participation::Allocation { .. });
    let rounds = record.rounds.len() as u64;
    let of = |count: Count| record.rounds.iter().map(count).sum::<u64>();
    let (enrolled, assigned) = (record.summary.devices * rounds, of(|row| row.assigned));
    let share = |count: u64, whole: u64| if whole == 0 { 0.0 } else { count as f64 / whole as f64 };
    let line = |name: &str, count: u64, whole: u64, about: &str| {
        (name.to_owned(), number::count(count), share(count, whole), about.to_owned())
    };
    let reported = of(|row| row.reported);
    let mut lines = vec![
        line("Assigned", assigned, assigned, "were given a round's work"),
        line("Reported", reported, assigned, "were counted"),
    ];
    lines.extend(LOSSES.map(|(name, about, count)| line(name, of(count), assigned, about)));
    let figure = by_round(record).markup()?;
    let body = html! {
        p {
            "Over n = " (rounds) " rounds of " (number::count(record.summary.devices)) " enrolled devices, " (number::count(enrolled)) " chances to take part, "
            (number::count(assigned)) " assignments were given (" (format!("{:.2} %", 100.0 * share(assigned, enrolled))) "). Shares below are of these."
        }
        @if secret {
            p { strong { "These counts are a simulation's." } " Under the claim of sampling they are part of what a deployment keeps secret: its coordinator shows none." }
        }
        (bars(["What became of them", "Devices", "Share"], &lines))
        div.figures { (figure) }
    };
    Ok(Section { id: "cohort", title: "Who took part", body })
}

fn by_round(record: &Record) -> Figure {
    let rows = number::thinned(&record.rounds, MOST);
    let losses: Vec<(&str, &str, Count)> =
        LOSSES.into_iter().filter(|(_, _, count)| record.rounds.iter().any(|row| count(row) > 0)).collect();
    let kinds: Vec<(&str, Count)> = [("Assigned", (|row| row.assigned) as Count), ("Reported", |row| row.reported)]
        .into_iter()
        .chain(losses.into_iter().map(|(name, _, count)| (name, count)))
        .collect();
    let points = |count: Count| rows.iter().map(|row| (f64::from(row.round), count(row) as f64)).collect();
    let series: Vec<Series> =
        kinds.iter().map(|(name, count)| Series::line(name.to_lowercase(), points(*count))).collect();
    let all: Vec<f64> = series.iter().flat_map(|series| series.points.iter().map(|point| point.1)).collect();
    let mut columns = vec!["round".to_owned()];
    columns.extend(kinds.iter().map(|(name, _)| name.to_lowercase()));
    let lines = rows.iter().map(|row| {
        std::iter::once(row.round.to_string()).chain(kinds.iter().map(|(_, count)| count(row).to_string())).collect()
    });
    Figure {
        title: "Devices by round".to_owned(),
        caption: format!("n = {} rounds, exact counts of a simulation.", record.rounds.len()),
        chart: Chart {
            x: Axis::linear("round", rows.iter().map(|row| f64::from(row.round))).whole(),
            y: Axis::linear("devices", all.into_iter().chain([0.0])),
            series,
            caption: None,
        },
        table: Table { columns, rows: lines.collect() },
    }
}
