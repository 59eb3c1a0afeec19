//! The accountant by privacy loss distributions against published ones: committed vectors always, the full tables where they
//! lie (`MURMUR_SHARED`, or `shared` beside the workspace's folder). The vectors were drawn by `tests/vectors/draw.py`.
//!
//! What is asserted: ours is never below another library's lower bound of the truth, and never above its upper bound by more
//! than 0.5 % or 1e-3; our own two bounds are in order.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

use std::{num::NonZeroU64, path::PathBuf};

use murmur_privacy::{
    DpEvent,
    accountant::{Accountant, Bounds, PldAccountant},
    event::{Relation, TruncatedPoisson},
    units::{DeltaProbability, SamplingRate, Scale},
};
use serde::Deserialize;
use serde_json::Value;

/// How far one library's float error may carry it past the truth.
const ROUNDOFF: f64 = 1e-6;

/// One schedule, and what others say of its epsilon.
#[derive(Debug, Deserialize)]
struct Row {
    kind: String,
    noise: f64,
    bound: f64,
    rate: f64,
    steps: u32,
    delta: f64,
    replace_one: bool,
    population: u64,
    cap: u64,
    upper: f64,
    lower: f64,
}

impl Row {
    fn event(&self) -> DpEvent {
        let scale = |value: f64| Scale::new(value).unwrap();
        let whole = |value: u64| NonZeroU64::new(value).unwrap();
        let (noise, bound, dimension) = (scale(self.noise), scale(self.bound), NonZeroU64::MIN);
        let relation = if self.replace_one { Relation::ReplaceOne } else { Relation::ZeroOut };
        let rate = SamplingRate::new(self.rate).unwrap();
        let event = match self.kind.as_str() {
            "gaussian" => DpEvent::gaussian(noise, bound, relation),
            "laplace" => DpEvent::Laplace { scale: noise, bound, dimension, relation },
            "discrete_laplace" => {
                DpEvent::DiscreteLaplace { scale: noise, bound: whole(self.bound as u64), dimension, relation }
            }
            "discrete_gaussian" => DpEvent::DiscreteGaussian { sigma: noise, bound, dimension, relation },
            "truncated" => {
                let of = DpEvent::gaussian(noise, bound, relation);
                let sample = TruncatedPoisson::new(whole(self.population), rate, whole(self.cap), of).unwrap();
                return DpEvent::TruncatedPoisson(sample).repeated(self.steps);
            }
            other => panic!("a kind without a test: {other}"),
        };
        event.poisson_sampled(rate).repeated(self.steps)
    }

    fn holds(&self, with_lower: bool) {
        let (event, delta) = (self.event(), DeltaProbability::new(self.delta).unwrap());
        let upper = PldAccountant.epsilon(&event, delta).unwrap().get();
        assert!(upper >= self.lower * (1.0 - ROUNDOFF), "{upper} is below the truth: {self:?}");
        assert!(upper <= (self.upper * 1.005).max(self.upper + 1e-3), "{upper} is loose: {self:?}");
        if with_lower {
            let Bounds { lower, .. } = PldAccountant.bounds(&event, delta).unwrap();
            let lower = lower.get();
            assert!(
                lower <= self.upper * (1.0 + ROUNDOFF) + 1e-9,
                "the lower bound {lower} is above the truth: {self:?}"
            );
            assert!(lower >= upper * 0.98 - 2e-3, "the bounds {lower} and {upper} are far apart: {self:?}");
        }
    }
}

#[test]
fn the_committed_vectors_hold() {
    let file: Value = serde_json::from_str(include_str!("../../tests/vectors/loss_distributions.json")).unwrap();
    let rows: Vec<Row> = serde_json::from_value(file["rows"].clone()).unwrap();
    assert!(rows.len() > 100, "{}", rows.len());
    rows.iter().enumerate().for_each(|(place, row)| row.holds(place % 5 == 0));
}

/// The rows of a table of which another library computed something, as ours.
fn table(name: &str) -> Option<Vec<Row>> {
    let shared = std::env::var_os("MURMUR_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = shared.join("oracle").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let ours = |row: &Value| {
        let inputs = &row["inputs"];
        let number = |key: &str| inputs[key].as_f64();
        let accountant = row["accountant"].as_str().unwrap();
        let upper = row["upper"].as_f64().or(row["value"].as_f64())?;
        if row["status"] != "ok" || !["pld_pessimistic", "prv"].contains(&accountant) {
            return None;
        }
        let kind = match inputs["mechanism"].as_str().unwrap_or("gaussian") {
            "poisson_gaussian" => "gaussian",
            "poisson_laplace" => "laplace",
            "truncated_poisson_gaussian" => "truncated",
            other => other,
        };
        let noise = number("noise_parameter").map(|decay| 1.0 / decay);
        Some(Row {
            kind: kind.to_owned(),
            noise: noise.or(number("noise_multiplier")).or(number("sigma_parameter")).unwrap(),
            bound: number("sensitivity").unwrap_or(1.0),
            rate: number("sampling_probability").unwrap_or(1.0),
            steps: number("steps").unwrap() as u32,
            delta: number("delta").unwrap(),
            replace_one: inputs["adjacency"] == "replace_one",
            population: number("dataset_size").unwrap_or(0.0) as u64,
            cap: number("truncated_batch_size").unwrap_or(0.0) as u64,
            upper,
            lower: row["lower"].as_f64().or(row["lower_bound_pld_optimistic"].as_f64()).unwrap_or(0.0),
        })
    };
    Some(rows.iter().filter_map(ours).collect())
}

fn whole_table(name: &str) {
    let Some(rows) = table(name) else { return };
    assert!(!rows.is_empty());
    println!("{name}: {} rows", rows.len());
    rows.iter().for_each(|row| row.holds(false));
}

#[test]
fn sampled_gaussians_as_in_the_full_table() {
    whole_table("eps_subsampled_gaussian.json");
}

#[test]
fn capped_samples_as_in_the_full_table() {
    whole_table("truncated_poisson.json");
}

#[test]
fn both_relations_as_in_the_full_table() {
    whole_table("gaussian_adjacency.json");
}

#[test]
fn other_noise_as_in_the_full_table() {
    whole_table("discrete_mechanisms.json");
}

/// Where a coarse lattice would be worse than moments (privacy.md, section C).
#[test]
fn tiny_losses_are_no_worse_than_by_moments() {
    use murmur_privacy::accountant::RdpAccountant;
    let of = |relation| DpEvent::gaussian(Scale::new(8.0).unwrap(), Scale::new(1.0).unwrap(), relation);
    let event = of(Relation::ZeroOut).poisson_sampled(SamplingRate::new(1e-4).unwrap()).repeated(10_000);
    for at in [1e-5, 1e-6, 1e-8] {
        let delta = DeltaProbability::new(at).unwrap();
        let moments = RdpAccountant::default().epsilon(&event, delta).unwrap();
        assert!(PldAccountant.epsilon(&event, delta).unwrap() <= moments);
    }
}
