//! Is it the rounded Gaussian? Statistics at alpha = 1e-6 from printed seeds, and mutants that must fail them.

#[path = "../../../tests/statistics/mod.rs"]
mod statistics;
mod ties;

use statistics::{ALPHA, binomial_two_sided, chi_square_fit, normal_two_sided, rounded_normal};

use super::*;
use crate::grid::Grid;

const SIGMAS: [u64; 9] = [1, 2, 3, 7, 50, 1000, (1 << 20) + 1, (1 << 40) - 87, 1 << 44];
const SAMPLES: usize = 200_000;

fn stream(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn samples(sigma: u64, seed: u64) -> Vec<i64> {
    let (noise, mut rng) = (RoundedGaussian::new(sigma), stream(seed));
    (0..SAMPLES).map(|_| noise.sample(&mut rng)).collect()
}

/// p-value of the samples against the exact probabilities of the rounded Gaussian: in single integers where sigma is
/// small, in intervals of a quarter sigma where it is large.
fn fit(samples: &[i64], sigma: u64) -> f64 {
    let edge = |quarter: i32| (sigma as f64 * f64::from(quarter) / 4.0).round() as i64;
    let mut edges: Vec<i64> =
        if sigma < 8 { (-40 * sigma as i64..=40 * sigma as i64).collect() } else { (-20..=20).map(edge).collect() };
    edges.dedup();
    let mut counts = vec![0_u64; edges.len() + 1];
    for sample in samples {
        counts[edges.partition_point(|edge| edge <= sample)] += 1;
    }
    // Cell i holds edges[i - 1] <= n < edges[i].
    let low = |cell: usize| if cell == 0 { f64::NEG_INFINITY } else { edges[cell - 1] as f64 };
    let high = |cell: usize| edges.get(cell).map_or(f64::INFINITY, |edge| *edge as f64 - 1.0);
    let probabilities: Vec<f64> =
        (0..counts.len()).map(|cell| rounded_normal(sigma as f64, low(cell), high(cell))).collect();
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    chi_square_fit(&counts, &probabilities)
}

/// Mean and variance; the variance of the rounded Gaussian is `sigma^2 + 1/12` but for less than 1e-7 (sigma >= 1).
fn moments(samples: &[i64], sigma: u64) -> (f64, f64) {
    let n = samples.len() as f64;
    let variance = (sigma as f64).powi(2) + 1.0 / 12.0;
    let mean = samples.iter().map(|x| *x as f64).sum::<f64>() / n;
    let square = samples.iter().map(|x| (*x as f64).powi(2)).sum::<f64>() / n;
    let fourth = 3.0 * variance.powi(2);
    (
        normal_two_sided(mean / (variance / n).sqrt()),
        normal_two_sided((square - variance) / ((fourth - variance.powi(2)) / n).sqrt()),
    )
}

#[test]
fn every_integer_has_the_probability_of_the_rounded_gaussian() {
    for (sigma, seed) in SIGMAS.into_iter().zip(1000..) {
        let p = fit(&samples(sigma, seed), sigma);
        assert!(p > ALPHA, "sigma {sigma}, seed {seed}: p = {p:e}");
    }
}

#[test]
fn mean_variance_tails_and_signs_are_those_of_the_gaussian() {
    for (sigma, seed) in SIGMAS.into_iter().zip(2000..) {
        let samples = samples(sigma, seed);
        let (mean, variance) = moments(&samples, sigma);
        assert!(mean > ALPHA && variance > ALPHA, "sigma {sigma}, seed {seed}: p = {mean:e}, {variance:e}");
        for width in [2, 3, 4] {
            let least = width * sigma as i64;
            let beyond = samples.iter().filter(|x| x.unsigned_abs() >= least as u64).count() as u64;
            let expected = 2.0 * rounded_normal(sigma as f64, least as f64, f64::INFINITY);
            let p = binomial_two_sided(beyond, SAMPLES as u64, expected);
            assert!(p > ALPHA, "sigma {sigma}, seed {seed}, beyond {width} sigma: {beyond}, p = {p:e}");
        }
        let positive = samples.iter().filter(|x| **x > 0).count() as u64;
        let signed = samples.iter().filter(|x| **x != 0).count() as u64;
        let p = binomial_two_sided(positive, signed, 0.5);
        assert!(p > ALPHA, "sigma {sigma}, seed {seed}: {positive} of {signed} positive, p = {p:e}");
    }
}

#[test]
fn the_lowest_bits_are_fair_when_sigma_is_large() {
    for (sigma, seed) in [(1 << 20, 3000), ((1 << 40) - 87, 3001), (1 << 44, 3002)] {
        let samples = samples(sigma, seed);
        for bit in 0..8 {
            let ones = samples.iter().filter(|x| **x >> bit & 1 == 1).count() as u64;
            let p = binomial_two_sided(ones, SAMPLES as u64, 0.5);
            assert!(p > ALPHA, "sigma {sigma}, seed {seed}, bit {bit}: {ones} ones, p = {p:e}");
        }
    }
}

/// The same tests must be able to fail.
#[test]
fn a_wrong_sigma_or_a_floor_does_not_pass() {
    for (sigma, seed) in [(50, 4000), (1 << 40, 4001)] {
        for wrong in [sigma * 97 / 100, sigma * 103 / 100] {
            let samples = samples(wrong, seed);
            assert!(fit(&samples, sigma) < ALPHA, "{wrong} passes for {sigma}");
            assert!(moments(&samples, sigma).1 < ALPHA, "the variance of {wrong} passes for {sigma}");
        }
    }
    for (sigma, seed) in [(1, 4002), (2, 4003), (3, 4004)] {
        // floor(|x|) with a sign, and floor(x): the two ways to forget the half.
        let mut rng = stream(seed);
        let towards_zero: Vec<i64> = (0..SAMPLES)
            .map(|_| {
                let HalfNormal { integer, fraction } = HalfNormal::draw(&mut rng);
                let x = sigma as f64 * (integer as f64 + fraction.first_digit() as f64 / 2_f64.powi(64));
                if rng.next_u32() & 1 == 0 { x.floor() as i64 } else { -(x.floor() as i64) }
            })
            .collect();
        assert!(fit(&towards_zero, sigma) < ALPHA, "sigma {sigma}");
        let downwards: Vec<i64> = towards_zero.iter().map(|x| if *x < 0 { x - 1 } else { *x }).collect();
        assert!(fit(&downwards, sigma) < ALPHA, "sigma {sigma}");
        assert!(moments(&downwards, sigma).0 < ALPHA, "sigma {sigma}: the mean of floor is -1/2");
    }
    // A sign bit that is not fair, by one percent.
    let mut skewed = samples(3, 4005);
    skewed.iter_mut().step_by(50).for_each(|x| *x = x.abs());
    let positive = skewed.iter().filter(|x| **x > 0).count() as u64;
    let signed = skewed.iter().filter(|x| **x != 0).count() as u64;
    assert!(binomial_two_sided(positive, signed, 0.5) < ALPHA);
}

fn noise(dimension: usize, sigma: u64, rng: &mut NoiseRng) -> Vec<i64> {
    let grid = Grid::new(10, 64, 1 << 14, dimension, 1, sigma).unwrap();
    let mut sum = RingVector::zero(grid);
    RoundedGaussian::new(sigma).add_to(&mut sum, rng);
    sum.centered().collect()
}

#[cfg(feature = "seeded")]
#[test]
fn chunks_neighbours_and_calls_are_independent() {
    let (sigma, chunks, seed) = (1000, 40, 5000);
    let mut rng = NoiseRng::seeded(seed);
    let first = noise(chunks * CHUNK + 17, sigma, &mut rng);
    let second = noise(chunks * CHUNK + 17, sigma, &mut rng);
    assert!(fit(&first, sigma) > ALPHA && fit(&second, sigma) > ALPHA, "seed {seed}");
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
    assert_eq!(
        noise(3 * CHUNK, sigma, &mut NoiseRng::seeded(6))[..],
        noise(9 * CHUNK, sigma, &mut NoiseRng::seeded(6))[..3 * CHUNK]
    );
}

#[test]
fn two_generators_from_the_operating_system_differ() {
    let noise_of = |_: u8| noise(100, 1 << 30, &mut NoiseRng::from_operating_system().unwrap());
    assert_ne!(noise_of(0), noise_of(1));
}
