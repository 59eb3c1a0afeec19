//! The laws themselves, by chi-square tests against probabilities computed apart from the samplers.

use murmur_privacy::local::{Direction, DirectionRandomiser, MOST_GAMMA, PrivUnit2, PrivUnitG, ScalarDp, ln_cap_share};

use crate::{
    clip, dot, epsilon, seeded,
    statistics::{ALPHA, chi_square_fit, normal_tail},
};

const CELLS: usize = 20;

/// `t` with `share(t) = target`, for a share that falls from 1/2 to 0 on `[0, most]`.
fn inverse(target: f64, most: f64, share: &dyn Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if share(middle) > target { low = middle } else { high = middle }
    }
    high
}

/// Cells of equal probability above `gamma` and, between there and zero and below zero, outside: their upper ends, ascending, and
/// their probabilities.
fn cells(gamma: f64, p: f64, most: f64, share: &dyn Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
    let q = share(gamma);
    let inside: Vec<f64> =
        (1..CELLS).map(|cell| inverse(q * (CELLS - cell) as f64 / CELLS as f64, most, share)).collect();
    // Tails of the law outside: at t below zero P(T < t) = share(-t).
    let outside =
        |target: f64| if target < 0.5 { -inverse(target, most, share) } else { inverse(1.0 - target, most, share) };
    let mut ends: Vec<f64> =
        (1..CELLS).map(|cell| outside((1.0 - q) * cell as f64 / CELLS as f64)).chain([gamma]).collect();
    ends.extend(inside);
    let probabilities = [(1.0 - p) / CELLS as f64; CELLS].into_iter().chain([p / CELLS as f64; CELLS]).collect();
    (ends, probabilities)
}

fn fits(what: &str, values: impl Iterator<Item = f64>, ends: &[f64], probabilities: &[f64]) {
    let mut counts = vec![0_u64; probabilities.len()];
    for value in values {
        counts[ends.partition_point(|end| *end <= value)] += 1;
    }
    let fit = chi_square_fit(&counts, probabilities);
    println!("{what}: p-value {fit:.3}");
    assert!(fit > ALPHA, "{what}: {counts:?} of {probabilities:?}");
}

#[test]
fn the_component_along_the_direction_has_the_conditional_law() {
    let mut rng = seeded(4_101);
    // Every way of drawing: in the plane, in space, caps large and small, the exponential and the flat line.
    let all = [(2, 1.0), (2, 8.0), (3, 2.0), (3, 9.0), (5, 20.0), (10, 3.0), (100, 60.0), (1_000, 0.1), (1_000, 250.0)];
    for (dimension, loss) in all {
        let made = PrivUnit2::new(epsilon(loss), dimension).unwrap();
        let (gamma, p, m) = (made.parameters().gamma, made.parameters().p, made.parameters().m);
        let share = |cosine: f64| ln_cap_share(dimension, cosine).unwrap().exp();
        let (ends, probabilities) = cells(gamma, p, MOST_GAMMA, &share);
        let unit = Direction::uniform(dimension, &mut rng);
        let draws = if dimension > 100 { 20_000 } else { 100_000 };
        let along = (0..draws).map(|_| dot(&made.randomise(&unit, &mut rng), unit.coordinates()) * m);
        fits(&format!("privunit2, {dimension} dimensions, epsilon {loss}"), along, &ends, &probabilities);
    }
}

#[test]
fn the_rest_is_uniform_around_the_direction() {
    let mut rng = seeded(4_102);
    let unit = Direction::of(&[1.0, 0.0, 0.0]).unwrap().0;
    let made = PrivUnit2::new(epsilon(6.0), 3).unwrap();
    let angles = (0..100_000).map(|_| {
        let sent = made.randomise(&unit, &mut rng);
        sent[2].atan2(sent[1])
    });
    let ends: Vec<f64> = (1..32).map(|cell| std::f64::consts::PI * (f64::from(cell) / 16.0 - 1.0)).collect();
    fits("around the direction", angles, &ends, &[1.0 / 32.0; 32]);
}

#[test]
fn the_gaussian_component_has_the_conditional_law() {
    let mut rng = seeded(4_103);
    for loss in [0.1, 1.0, 5.0, 60.0, 450.0] {
        let made = PrivUnitG::new(epsilon(loss), 2).unwrap();
        let (gamma, p, m) = (made.parameters().gamma, made.parameters().p, made.parameters().m);
        let (ends, probabilities) = cells(gamma, p, 37.0, &|threshold| normal_tail(threshold));
        let unit = Direction::uniform(2, &mut rng);
        let along = (0..100_000).map(|_| dot(&made.randomise(&unit, &mut rng), unit.coordinates()) * m);
        fits(&format!("privunitg, epsilon {loss}"), along, &ends, &probabilities);
    }
}

#[test]
fn levels_are_kept_or_renewed_as_stated() {
    let mut rng = seeded(4_104);
    for (loss, levels, magnitude) in [(1.0, 4, 0.3), (3.0, 7, 1.0), (2.0, 10, 0.05)] {
        let made = ScalarDp::new(epsilon(loss), clip(1.0), levels).unwrap();
        let (keep, k) = (made.keep_probability(), levels as f64);
        let position = magnitude * k;
        // The true level is the one below the magnitude or the next; every other has an equal share of the rest.
        let probabilities: Vec<f64> = (0..=levels)
            .map(|level| {
                let truth = (1.0 - (position - level as f64).abs()).max(0.0);
                truth * keep + (1.0 - truth) * (1.0 - keep) / k
            })
            .collect();
        let ends: Vec<f64> = (0..levels).map(|level| level as f64 + 0.5).collect();
        let drawn = (0..200_000).map(|_| made.level(magnitude, &mut rng) as f64);
        fits(&format!("scalardp, epsilon {loss}, {levels} levels"), drawn, &ends, &probabilities);
    }
}
