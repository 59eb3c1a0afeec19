//! Random allocation is what its event says: uniform over sets of rounds, independent between devices and blocks.

use std::collections::{BTreeMap, BTreeSet};

use murmur_privacy::NoiseRng;

use super::{population, *};
use crate::device_id::DeviceId;

/// Quantile of the standard normal distribution at `1 - 1e-6`.
const QUANTILE: f64 = 4.753_424;

fn allocation(block_rounds: u32, rounds_per_device: u32) -> Participation {
    Participation::Allocation { block_rounds, rounds_per_device, window_seconds: 1, minimum_reports: 0 }
}

/// The rounds of every device in the block of this seed, read off the cohorts of its rounds.
fn rounds_of(block_rounds: u32, rounds_per_device: u32, seed: u64, enrolled: &[DeviceId]) -> Vec<BTreeSet<u32>> {
    let mut rounds = vec![BTreeSet::new(); enrolled.len()];
    for place in 0..block_rounds {
        let secret = NoiseRng::seeded(seed).secret();
        let Selection::Chosen(cohort) = allocation(block_rounds, rounds_per_device).select(&secret, place, enrolled)
        else {
            panic!("a chosen cohort was due");
        };
        for (device, rounds) in enrolled.iter().zip(&mut rounds) {
            if cohort.contains(device) {
                rounds.insert(place);
            }
        }
    }
    rounds
}

/// Whether counts of equally likely outcomes pass a chi-squared test at 1e-6 (Wilson and Hilferty 1931).
fn assert_uniform<T: std::fmt::Debug>(counts: &BTreeMap<T, u32>, outcomes: usize, what: &str) {
    assert_eq!(counts.len(), outcomes, "{what}: {counts:?}");
    let total: f64 = counts.values().map(|&count| f64::from(count)).sum();
    let expected = total / outcomes as f64;
    let squared: f64 = counts.values().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
    let freedom = outcomes as f64 - 1.0;
    let spread = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - spread + QUANTILE * spread.sqrt()).powi(3);
    assert!(squared <= limit, "{what}: chi-squared {squared} above {limit}: {counts:?}");
}

#[test]
fn every_set_of_rounds_is_equally_likely() {
    let all = population(3_000);
    for (block_rounds, each, sets) in [(2, 1, 2), (3, 1, 3), (3, 2, 3), (4, 2, 6), (5, 2, 10), (5, 3, 10), (6, 1, 6)] {
        let mut counts = BTreeMap::new();
        for seed in 0..4 {
            for rounds in rounds_of(block_rounds, each, seed, &all) {
                *counts.entry(rounds).or_insert(0) += 1;
            }
        }
        assert_uniform(&counts, sets, &format!("{each} of {block_rounds}, seeds 0..4"));
    }
}

#[test]
fn devices_and_blocks_are_independent_of_one_another() {
    let all = population(6_000);
    let blocks = [10, 11].map(|seed| rounds_of(3, 1, seed, &all));
    let mut devices = BTreeMap::new();
    for pair in blocks[0].chunks_exact(2) {
        *devices.entry(pair.to_vec()).or_insert(0) += 1;
    }
    assert_uniform(&devices, 9, "neighbouring devices, seed 10");
    let mut in_turn = BTreeMap::new();
    for pair in blocks[0].iter().zip(&blocks[1]) {
        *in_turn.entry(pair).or_insert(0) += 1;
    }
    assert_uniform(&in_turn, 9, "one device in two blocks, seeds 10 and 11");
}

#[test]
fn a_device_s_rounds_do_not_depend_on_who_else_is_enrolled() {
    let all = population(100);
    assert_eq!(rounds_of(5, 2, 3, &all[..40]), rounds_of(5, 2, 3, &all)[..40]);
}

#[test]
fn every_device_has_all_its_rounds_and_no_more() {
    let all = population(50);
    for (block_rounds, each) in [(1, 1), (7, 7), (7, 6), (30, 4)] {
        assert!(rounds_of(block_rounds, each, 1, &all).iter().all(|rounds| rounds.len() == each as usize));
    }
}
