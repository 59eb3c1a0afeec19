//! Sensitivities against all patterns, one by one.

use std::num::NonZeroU32;

use super::*;
use crate::{
    event::{BufferedToeplitz, LowerTriangular, Relation, Toeplitz},
    units::Scale,
};

fn run(strategy: Strategy, rounds: u32, participations: u32, separation: u32) -> MatrixFactorisation {
    let [rounds, participations, separation] =
        [rounds, participations, separation].map(|n| NonZeroU32::new(n).unwrap());
    let one = Scale::new(1.0).unwrap();
    MatrixFactorisation::new(strategy, rounds, participations, separation, one, one, Relation::ZeroOut).unwrap()
}

/// Every set of at most `participations` of `rounds` rounds, `separation` apart.
fn patterns(rounds: usize, participations: usize, separation: usize) -> Vec<Vec<usize>> {
    (0_u32..1 << rounds)
        .map(|bits| (0..rounds).filter(|round| bits >> round & 1 == 1).collect::<Vec<usize>>())
        .filter(|set| set.len() <= participations && set.windows(2).all(|pair| pair[1] - pair[0] >= separation))
        .collect()
}

/// The largest norm over all patterns and all signs: with contributions of one coordinate, a lower bound of the
/// sensitivity, and the sensitivity itself when no entry is negative.
fn by_enumeration(columns: &[Vec<f64>], participations: usize, separation: usize) -> f64 {
    let rounds = columns.len();
    let mut worst: f64 = 0.0;
    for pattern in patterns(rounds, participations, separation) {
        for signs in 0_u32..1 << pattern.len() {
            let mut sum = vec![0.0; rounds];
            for (position, column) in pattern.iter().enumerate() {
                let sign = if signs >> position & 1 == 1 { -1.0 } else { 1.0 };
                for (below, entry) in columns[*column].iter().enumerate() {
                    sum[column + below] += sign * entry;
                }
            }
            worst = worst.max(sum.iter().map(|entry| entry * entry).sum::<f64>().sqrt());
        }
    }
    worst
}

fn shifted(coefficients: &[f64], rounds: usize) -> Vec<Vec<f64>> {
    (0..rounds).map(|column| coefficients.iter().copied().take(rounds - column).collect()).collect()
}

const PATTERNS: [(u32, u32); 8] = [(1, 1), (2, 1), (3, 2), (8, 1), (8, 2), (8, 3), (2, 5), (4, 8)];

#[test]
fn the_worst_pattern_of_a_toeplitz_strategy_is_found() {
    let rounds = 8;
    let mut root = vec![1.0];
    for t in 1..rounds {
        root.push(root[t - 1] * (2 * t - 1) as f64 / (2 * t) as f64);
    }
    for coefficients in [root.clone(), root[..3].to_vec(), vec![1.0], vec![2.0, 2.0, 2.0, 0.0], vec![1.0; 8]] {
        for (participations, separation) in PATTERNS {
            let strategy = Strategy::Toeplitz(Toeplitz::new(coefficients.clone()).unwrap());
            let found = of(&run(strategy, rounds as u32, participations, separation));
            let columns = shifted(&coefficients, rounds);
            let truth = by_enumeration(&columns, participations as usize, separation as usize);
            assert!(found >= truth, "{coefficients:?} {participations} {separation}: {found} < {truth}");
            assert!(
                found <= truth * (1.0 + 1e-13),
                "{coefficients:?} {participations} {separation}: {found} > {truth}"
            );
        }
    }
}

#[test]
fn a_buffered_strategy_is_its_coefficients() {
    let buffers = vec![Buffer { decay: 0.9, weight: 0.5 }, Buffer { decay: 0.25, weight: 0.5 }];
    let written: Vec<f64> =
        (0..8).map(|t| if t == 0 { 1.0 } else { 0.5 * 0.9_f64.powi(t - 1) + 0.5 * 0.25_f64.powi(t - 1) }).collect();
    for (participations, separation) in PATTERNS {
        let buffered = Strategy::BufferedToeplitz(BufferedToeplitz::new(buffers.clone()).unwrap());
        let toeplitz = Strategy::Toeplitz(Toeplitz::new(written.clone()).unwrap());
        let found = of(&run(buffered, 8, participations, separation));
        let same = of(&run(toeplitz, 8, participations, separation));
        assert!((found / same - 1.0).abs() < 1e-13, "{found} {same}");
    }
}

/// Columns of any signs: a fixed sequence that has no pattern of its own.
fn mixed_columns(rounds: usize, bands: usize) -> Vec<Vec<f64>> {
    let entry = |column: usize, below: usize| ((column * 7 + below * 13 + 3) as f64).sin() + 0.01;
    (0..rounds).map(|column| (0..bands.min(rounds - column)).map(|below| entry(column, below)).collect()).collect()
}

#[test]
fn any_lower_triangular_strategy_is_bounded_and_a_banded_one_exactly() {
    for bands in [1, 2, 3, 8] {
        let columns = mixed_columns(8, bands);
        for (participations, separation) in PATTERNS {
            let strategy = Strategy::LowerTriangular(LowerTriangular::new(columns.clone()).unwrap());
            let found = of(&run(strategy, 8, participations, separation));
            let truth = by_enumeration(&columns, participations as usize, separation as usize);
            assert!(found >= truth, "{bands} {participations} {separation}: {found} < {truth}");
            if bands <= separation as usize || participations == 1 {
                assert!(found <= truth * (1.0 + 1e-13), "{bands} {participations} {separation}: {found} > {truth}");
            }
        }
    }
}

#[test]
fn the_largest_runs_are_priced_without_being_unrolled() {
    let flat = Strategy::Toeplitz(Toeplitz::new(vec![1.0]).unwrap());
    let rounds = 1 << 20;
    assert!((of(&run(flat.clone(), rounds, u32::MAX, 1)) - 1024.0).abs() < 1e-6);
    assert!((of(&run(flat, rounds, u32::MAX, u32::MAX)) - 1.0).abs() < 1e-6);
    let summed = Strategy::BufferedToeplitz(BufferedToeplitz::new(vec![Buffer { decay: 0.999, weight: 1.0 }]).unwrap());
    assert!(of(&run(summed, rounds, rounds, 1)) > 1024.0);
    let wide = LowerTriangular::new(vec![vec![1.0]; 1 << 14]).unwrap();
    assert!((of(&run(Strategy::LowerTriangular(wide), 1 << 14, 1 << 13, 2)) / (8192.0_f64).sqrt() - 1.0).abs() < 1e-6);
}
