//! The clip, and how much of a released update is noise: what the budget has paid for, and what follows from it.

use maud::html;

use super::{
    ReportError,
    figure::{Figure, Table},
    number,
    page::Section,
    quality::MOST,
};
use crate::{
    chart::{Axis, Chart, Series},
    folder::{Record, Row},
};

pub(super) fn section(record: &Record) -> Result<Section, ReportError> {
    let adaptive = record.scenario.task.privacy.adaptive_clip.is_some();
    let clip = clip(record).markup()?;
    let noise = noise(record);
    let noise = noise.map(|figure| figure.markup()).transpose()?;
    let body = html! {
        p {
            @if adaptive { "The clip follows a quantile of the devices' updates, by a bit that is noised within the budget. " }
            @else { "The clip is the task's own and does not move. " }
            @if noise.is_some() {
                "How long an update is without its noise is estimated from what was released and from how much noise is known to be in it: it follows from the \
                 release, costs nothing and could be told of a deployment too."
            } @else if record.summary.guarantee.is_private() {
                "How much of a released update is noise is not told here: the noise of several rounds is correlated, and differs from round to round."
            } @else { "There is no noise." }
        }
        div.figures { (clip) @if let Some(noise) = &noise { (noise) } }
    };
    Ok(Section { id: "signal", title: "Clip and noise", body })
}

fn clip(record: &Record) -> Figure {
    let rows = number::thinned(&record.rounds, MOST);
    let points: Vec<(f64, f64)> = rows.iter().map(|row| (f64::from(row.round), row.clip)).collect();
    let mut table = Table::new(["round", "clip"]);
    table.rows = rows.iter().map(|row| vec![row.round.to_string(), number::short(row.clip)]).collect();
    Figure {
        title: "Clip".to_owned(),
        caption: format!(
            "Largest norm of one device's update, in units of the model's parameters; n = {} rounds.",
            record.rounds.len()
        ),
        chart: Chart {
            x: Axis::linear("round", points.iter().map(|point| point.0)).whole(),
            y: Axis::linear("clip (l2 norm)", points.iter().map(|point| point.1).chain([0.0])),
            series: vec![Series::line("clip", points)],
            caption: None,
        },
        table,
    }
}

/// Noise over signal of each round where there is any to tell; `None` where noise is not known round by round.
fn noise(record: &Record) -> Option<Figure> {
    let parameters = record.summary.parameters as f64;
    let known = |row: &&Row| row.noise_norm.is_some_and(|noise| noise > 0.0) && row.update_norm.is_some();
    let rows: Vec<&Row> = record.rounds.iter().filter(known).collect();
    if rows.is_empty() {
        return None;
    }
    let hidden = rows.iter().filter(|row| row.signal_norm(parameters).is_none()).count();
    let ratio = |row: &Row| Some(row.noise_norm? / row.signal_norm(parameters)?);
    let kept = number::thinned(&rows, MOST);
    let points: Vec<(f64, f64)> = kept.iter().filter_map(|row| Some((f64::from(row.round), ratio(row)?))).collect();
    let mut table = Table::new(["round", "noise (l2)", "released (l2)", "signal (l2)", "noise over signal"]);
    let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number::short);
    table.rows = kept
        .iter()
        .map(|row| {
            vec![
                row.round.to_string(),
                cell(row.noise_norm),
                cell(row.update_norm),
                cell(row.signal_norm(parameters)),
                cell(ratio(row)),
            ]
        })
        .collect();
    let below = match hidden {
        0 => String::new(),
        hidden => format!(" In {hidden} of them the signal cannot be told from nothing (two standard deviations)."),
    };
    Some(Figure {
        title: "Noise over signal".to_owned(),
        caption: format!(
            "Norm of the noise on the average update over the norm of the update without it, {} parameters; n = {} rounds.{below}",
            number::count(record.summary.parameters),
            rows.len()
        ),
        chart: Chart {
            x: Axis::linear("round", kept.iter().map(|row| f64::from(row.round))).whole(),
            y: Axis::linear("noise / signal (ratio of norms)", points.iter().map(|point| point.1).chain([0.0])),
            series: vec![Series::line("noise over signal", points)],
            caption: None,
        },
        table,
    })
}
