//! What an epsilon costs in accuracy.

use super::{
    figure::{Figure, Table},
    number,
};
use crate::{
    chart::{Axis, Chart, Series},
    tune::{CONFIDENCE, FrontierPoint, Tuned},
};

/// Accuracy with its spread against epsilon.
pub(super) fn figure(tuned: &Tuned) -> Figure {
    let points: Vec<&FrontierPoint> = tuned.candidates.iter().map(|candidate| &candidate.point).collect();
    let chosen = points[tuned.recommended];
    let at = |point: &FrontierPoint| (point.epsilon, point.accuracy);
    let spread = |point: &FrontierPoint| (point.accuracy_low, point.accuracy_high);
    let series = vec![
        Series {
            spread: points.iter().map(|point| spread(point)).collect(),
            ..Series::line("best settings found", points.iter().map(|point| at(point)).collect())
        },
        Series { spread: vec![spread(chosen)], ..Series::line("recommended", vec![at(chosen)]) },
    ];
    let ends = points.iter().flat_map(|point| [point.accuracy_low, point.accuracy_high]);
    let mut table = Table::new([
        "epsilon",
        "delta",
        "accuracy",
        "one more run, from",
        "to",
        "runs (n)",
        "test examples (n)",
        "noise multiplier",
    ]);
    table.rows = points
        .iter()
        .map(|point| {
            vec![
                point.epsilon.to_string(),
                format!("{:e}", point.delta),
                number::percent(point.accuracy),
                number::percent(point.accuracy_low),
                number::percent(point.accuracy_high),
                point.runs.len().to_string(),
                number::count(point.examples),
                number::short(point.noise_multiplier),
            ]
        })
        .collect();
    let epsilons = || points.iter().map(|point| point.epsilon);
    Figure {
        title: "Accuracy against epsilon".to_owned(),
        caption: format!(
            "Each point: the mean of n = {} runs whose seeds the search did not choose by, each on n = {} test examples outside of the population. Whiskers: \
             one more run, of another seed, lands between them with probability {CONFIDENCE}.",
            chosen.runs.len(),
            number::count(chosen.examples)
        ),
        chart: Chart {
            x: Axis::logarithmic("epsilon (nats, logarithmic)", epsilons()).marked(epsilons()),
            y: Axis::linear("accuracy (%)", ends).percent(),
            series,
            caption: None,
        },
        table,
    }
}

/// How the recommended settings learn: one line for each of their runs.
pub(super) fn course(tuned: &Tuned) -> Figure {
    let runs = &tuned.candidates[tuned.recommended].runs;
    let rounds: Vec<u32> =
        runs.first().map(|run| run.course.iter().map(|point| point.round).collect()).unwrap_or_default();
    let series: Vec<Series> = runs
        .iter()
        .map(|run| {
            let points = run.course.iter().map(|point| (f64::from(point.round), point.accuracy));
            Series::line(format!("seed {}", run.about.seed), points.collect())
        })
        .collect();
    let all: Vec<f64> = series.iter().flat_map(|series| series.points.iter().map(|point| point.1)).collect();
    let mut columns = vec!["round".to_owned()];
    columns.extend(series.iter().map(|series| series.name.clone()));
    let lines = rounds.iter().map(|round| {
        let cell = |run: &crate::tune::Found| {
            let found = run.course.iter().find(|point| point.round == *round);
            found.map_or_else(|| "–".to_owned(), |point| number::percent(point.accuracy))
        };
        std::iter::once(round.to_string()).chain(runs.iter().map(cell)).collect()
    });
    Figure {
        title: "The recommended settings by round".to_owned(),
        caption: format!(
            "n = {} runs, each of another seed; each point is one model on n = {} test examples.",
            runs.len(),
            number::count(runs.first().map_or(0, |run| run.examples))
        ),
        chart: Chart {
            x: Axis::linear("round", rounds.iter().map(|round| f64::from(*round))).whole(),
            y: Axis::linear("accuracy (%)", all).percent(),
            series,
            caption: None,
        },
        table: Table { columns, rows: lines.collect() },
    }
}
