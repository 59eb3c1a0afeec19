//! Where the time went.

use maud::html;

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
    run::Phases,
};

pub(super) fn section(record: &Record) -> Result<Section, ReportError> {
    let Phases { preparing, checking_in, training, adding, releasing, evaluating, keeping } = record.summary.phases;
    let phases = [
        ("Preparing", preparing, "the schedule is priced, its ledger founded"),
        ("Check-in", checking_in, "devices ask for work, coins are looked up"),
        ("Training", training, "waiting for devices that train, clip and encode"),
        ("Adding up", adding, "updates are checked and added"),
        ("Release", releasing, "noise, the optimiser's step, the model's file"),
        ("Evaluation", evaluating, "models are measured outside of the population"),
        ("Keeping", keeping, "where the run stands is written down"),
    ];
    let whole: f64 = phases.iter().map(|phase| phase.1).sum();
    let line = |(name, seconds, about): (&str, f64, &str)| {
        let share = if whole > 0.0 { seconds / whole } else { 0.0 };
        (name.to_owned(), format!("{seconds:.2} s"), share, about.to_owned())
    };
    let figure = virtual_time(record).map(|figure| figure.markup()).transpose()?;
    let body = html! {
        p {
            (format!("{whole:.1} s")) " of this machine's time, over n = " (record.rounds.len()) " rounds. It says how long the simulation took, and nothing of how \
             long a deployment would."
        }
        (bars(["Phase", "Time", "Share"], &phases.map(line)))
        @if let Some(figure) = figure { div.figures { (figure) } }
    };
    Ok(Section { id: "time", title: "Time by phase", body })
}

/// How long each round would have taken the scenario's devices.
fn virtual_time(record: &Record) -> Option<Figure> {
    let length = |row: &Row| Some((row.released_seconds? - row.opened_seconds?) / 60.0);
    let waited = |before: Option<&Row>, row: &Row| {
        Some((row.opened_seconds? - before.map_or(Some(0.0), |before| before.released_seconds)?) / 60.0)
    };
    let rounds = &record.rounds;
    let times: Vec<(u32, f64, f64)> = rounds
        .iter()
        .enumerate()
        .filter_map(|(index, row)| {
            let before = index.checked_sub(1).and_then(|before| rounds.get(before));
            Some((row.round, waited(before, row)?, length(row)?))
        })
        .collect();
    if times.is_empty() {
        return None;
    }
    let kept = number::thinned(&times, MOST);
    let mut table = Table::new(["round", "waited to open (min)", "open (min)"]);
    let cells = |time: &&(u32, f64, f64)| vec![time.0.to_string(), number::short(time.1), number::short(time.2)];
    table.rows = kept.iter().map(cells).collect();
    let points =
        |of: fn(&(u32, f64, f64)) -> f64| kept.iter().map(|time| (f64::from(time.0), of(time))).collect::<Vec<_>>();
    let series =
        vec![Series::line("open", points(|time| time.2)), Series::line("waited to open", points(|time| time.1))];
    let all: Vec<f64> = series.iter().flat_map(|series| series.points.iter().map(|point| point.1)).collect();
    Some(Figure {
        title: "Virtual time by round".to_owned(),
        caption: format!("As long as the scenario's devices would have taken; n = {} rounds.", times.len()),
        chart: Chart {
            x: Axis::linear("round", kept.iter().map(|time| f64::from(time.0))).whole(),
            y: Axis::linear("time (minutes)", all.into_iter().chain([0.0])),
            series,
            caption: None,
        },
        table,
    })
}
