//! What a data set holds: users, sizes and labels. `murmur-sim data describe`.

mod skew;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    SimError,
    budget::Answer,
    chart::{Axis, Chart, Series},
    population::{Held, Population},
    scenario::{Overrides, Scenario},
};
use skew::Counts;

/// Points of a curve: more cannot be told apart.
const POINTS: usize = 200;

/// A question about data.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// Users, their numbers of examples, and how far their labels are from everybody's.
    Describe(Describe),
}

/// Data to describe.
#[derive(Debug, Args)]
pub struct Describe {
    /// Folder of data, or one file of LEAF or of text, or a scenario: then as its devices hold them.
    pub data: PathBuf,
    /// Folder or file with the data, instead of the scenario's.
    #[arg(long = "data", value_name = "DIR")]
    pub instead: Option<PathBuf>,
    /// Draw how many users are how far from everybody into this SVG file.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// What is told.
struct Facts<'a> {
    path: &'a Path,
    held: &'a Held,
    labels: Counts,
    /// Examples of each user, in ascending order; empty where the data name nobody.
    sizes: Vec<usize>,
    /// How far each user's labels are from everybody's, in ascending order.
    distances: Vec<f64>,
    by_chance: Vec<f64>,
    plot: Option<&'a Path>,
}

impl Data {
    /// Whether the answer is wanted as JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        let Self::Describe(describe) = self;
        describe.json
    }

    /// Answers.
    ///
    /// # Errors
    /// [`SimError`] when the data cannot be read, or the picture cannot be written.
    pub fn answer(&self) -> Result<Answer, SimError> {
        let Self::Describe(describe) = self;
        let Describe { data, instead, plot, .. } = describe;
        // A scenario is a .toml, or one that is part of the program.
        if data.is_dir() || data.is_file() && data.extension().is_none_or(|extension| extension != "toml") {
            if instead.is_some() {
                let message = "--data goes with a scenario; these are data already".to_owned();
                return Err(SimError::Scenario { path: data.clone(), message });
            }
            return described(data, &Held::of_folder(data)?, plot.as_deref());
        }
        let overrides = Overrides { data: instead.clone(), ..Overrides::default() };
        let scenario = Scenario::load(&data.to_string_lossy(), &overrides)?;
        described(data, &Population::of(&scenario)?.held()?, plot.as_deref())
    }
}

fn described(path: &Path, held: &Held, plot: Option<&Path>) -> Result<Answer, SimError> {
    let Held { labels, users, .. } = held;
    let mut sizes: Vec<usize> = users.iter().map(|user| user.indices.len()).collect();
    sizes.sort_unstable();
    let facts = Facts {
        path,
        held,
        labels: skew::count(labels.iter().copied()),
        sizes,
        distances: skew::distances(labels, users),
        by_chance: skew::by_chance(labels, users),
        plot,
    };
    if let Some(plot) = plot {
        draw(plot, &facts)?;
    }
    let json = json!({
        "data": path,
        "shape": held.shape,
        "text": held.is_text,
        "examples": labels.len(),
        "test_examples": held.test,
        "unseen_examples": held.unseen,
        "users": facts.sizes.len(),
        "user_sizes": facts.sizes,
        "labels": facts.labels.iter().map(|(label, count)| json!({ "label": label, "examples": count })).collect::<Vec<_>>(),
        "mean_label_distance": mean(&facts.distances),
        "mean_label_distance_by_chance": mean(&facts.by_chance),
        "plot": plot,
    });
    Ok(Answer { json, text: words::text(&facts) })
}

/// None of nothing.
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Share of users whose labels are at most so far from everybody's.
fn draw(path: &Path, facts: &Facts<'_>) -> Result<(), SimError> {
    if facts.distances.is_empty() {
        return Err(SimError::Population("the data name no users: there is nothing to draw".to_owned()));
    }
    let curve = |distances: &[f64]| -> Vec<(f64, f64)> {
        let count = distances.len();
        let ranks = (0..POINTS.min(count)).map(|point| point * (count - 1) / (POINTS.min(count) - 1).max(1));
        ranks.map(|rank| (distances[rank], (rank + 1) as f64 / count as f64)).collect()
    };
    let chart = Chart {
        x: Axis::between("distance of a user's labels from everybody's", 0.0, 1.0),
        y: Axis::between("share of users", 0.0, 1.0).percent(),
        series: vec![
            Series::line("users", curve(&facts.distances)),
            Series::reference("the same, dealt at random", curve(&facts.by_chance)),
        ],
        caption: Some("label skew".to_owned()),
    };
    let picture = chart.svg().map_err(SimError::Plot)?;
    fs::write(path, picture).map_err(SimError::file(path))
}
