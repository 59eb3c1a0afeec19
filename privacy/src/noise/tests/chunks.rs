//! Streams by chunk: neither threads nor lengths show, and no two chunks are alike.
#![cfg(feature = "seeded")]

use std::num::NonZeroUsize;

use statistics::{ALPHA, normal_two_sided};

use super::*;
use crate::{Mechanism, grid::Grid, noise::chunks::CHUNK, ring::RingVector};

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn drawn(count: usize, sigma: u64, rng: &mut NoiseRng, by: usize) -> Vec<i64> {
    let mut samples = vec![0; count];
    fill(&RoundedGaussian::new(sigma).unwrap(), &mut samples, rng, threads(by));
    samples
}

#[test]
fn any_number_of_threads_draws_the_same_bits() {
    for count in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 17, 30 * CHUNK + 17] {
        let one = drawn(count, 1000, &mut NoiseRng::seeded(6), 1);
        for by in [2, 3, 7, 64, usize::MAX] {
            assert_eq!(drawn(count, 1000, &mut NoiseRng::seeded(6), by), one, "{count} by {by}");
        }
        if count > 0 {
            assert_ne!(drawn(count, 1000, &mut NoiseRng::seeded(7), 1), one);
        }
    }
}

#[test]
fn a_mechanism_adds_just_these_samples_to_a_sum() {
    let (dimension, sigma) = (17 * CHUNK + 5, 1000);
    let grid = Grid::new(10, 40, 1 << 14, dimension, 1, sigma).unwrap();
    for by in [1, 2, 5] {
        let start = |n: usize| (n as i64 % 1001) - 500;
        let mut sum = RingVector::from_signed(grid, (0..dimension).map(start));
        Mechanism::Gaussian { sigma }.perturb(&mut sum, &mut NoiseRng::seeded(8), threads(by));
        let expected = drawn(dimension, sigma, &mut NoiseRng::seeded(8), 1);
        assert!(sum.centered().eq(expected.iter().enumerate().map(|(n, sample)| start(n) + sample)), "by {by}");
    }
}

#[test]
fn chunks_neighbours_and_calls_are_independent() {
    let (sigma, chunks, seed) = (1000, 40, 5000);
    let mut rng = NoiseRng::seeded(seed);
    let first = drawn(chunks * CHUNK + 17, sigma, &mut rng, 2);
    let second = drawn(chunks * CHUNK + 17, sigma, &mut rng, 2);
    let correlation = |left: &[i64], right: &[i64]| {
        let n = left.len().min(right.len()) as f64;
        let products: f64 = left.iter().zip(right).map(|(x, y)| *x as f64 * *y as f64).sum();
        normal_two_sided(products / (n.sqrt() * ((sigma * sigma) as f64 + 1.0 / 12.0)))
    };
    for (lag, what) in
        [(1, "neighbours"), (CHUNK, "the same place in neighbouring chunks"), (2 * CHUNK, "two chunks on")]
    {
        let p = correlation(&first, &first[lag..]);
        assert!(p > ALPHA, "seed {seed}, {what}: p = {p:e}");
    }
    let p = correlation(&first, &second);
    assert!(p > ALPHA, "seed {seed}, two calls with one generator: p = {p:e}");
    assert!(correlation(&first, &first) < ALPHA, "the test can fail");
    // The last, short chunk starts as every chunk of that number does, whatever the length.
    let long = drawn(9 * CHUNK, sigma, &mut NoiseRng::seeded(6), 1);
    assert_eq!(drawn(3 * CHUNK - 100, sigma, &mut NoiseRng::seeded(6), 1)[..], long[..3 * CHUNK - 100]);
}

#[test]
fn two_generators_from_the_operating_system_differ() {
    let noise_of = |_: u8| drawn(100, 1 << 30, &mut NoiseRng::from_operating_system().unwrap(), 1);
    assert_ne!(noise_of(0), noise_of(1));
}
