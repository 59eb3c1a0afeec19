//! Local randomisers: their laws by Monte Carlo, their privacy by the ratio of densities and by direct tests, their ledger.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

#[path = "local/audit.rs"]
mod audit;
#[path = "local/checklist.rs"]
mod checklist;
#[path = "local/gaussian.rs"]
mod gaussian;
#[path = "local/laws.rs"]
mod laws;
#[path = "local/ledger.rs"]
mod ledger;
#[path = "local/mechanism.rs"]
mod mechanism;
#[path = "local/moments.rs"]
mod moments;
#[path = "local/projection.rs"]
mod projection;
#[path = "local/properties.rs"]
mod properties;
#[path = "local/ratio.rs"]
mod ratio;
#[path = "local/reconstruction.rs"]
mod reconstruction;
mod statistics;

use chacha20::ChaCha20Rng;
use murmur_privacy::units::{Clip, Epsilon};
use rand::SeedableRng as _;

fn epsilon(value: f64) -> Epsilon {
    Epsilon::new(value).unwrap()
}

fn clip(value: f64) -> Clip {
    Clip::new(value).unwrap()
}

/// A stream of its own for each test, and its seed on the record.
fn seeded(seed: u64) -> ChaCha20Rng {
    println!("seed {seed}");
    ChaCha20Rng::seed_from_u64(seed)
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}
