//! Privacy by its definition: densities under any two inputs, computed apart from the crate's own functions.

use murmur_privacy::local::{CapParameters, DirectionRandomiser, PrivUnit2, PrivUnitG, ScalarDp};

use crate::{clip, epsilon, statistics::normal_tail};

/// Share of the sphere at or above a cosine, by Simpson's rule on `sin(x)^(d - 2)` and no gamma function.
fn share(dimension: usize, gamma: f64) -> f64 {
    let integral = |end: f64| {
        let (steps, power) = (20_000, dimension as i32 - 2);
        let width = end / f64::from(2 * steps);
        let value = |at: i32| (f64::from(at) * width).sin().powi(power);
        (0..steps).map(|step| value(2 * step) + 4.0 * value(2 * step + 1) + value(2 * step + 2)).sum::<f64>() * width
            / 3.0
    };
    integral(gamma.acos()) / integral(std::f64::consts::PI)
}

/// The largest ratio of the densities of one output under two directions: it lies in either cap, or in none.
fn largest_ratio(parameters: &CapParameters, q: f64) -> f64 {
    let densities = [parameters.p / q, (1.0 - parameters.p) / (1.0 - q)];
    densities.iter().flat_map(|over| densities.iter().map(move |under| over / under)).fold(0.0, f64::max)
}

#[test]
fn no_two_directions_are_told_apart_by_more_than_e_to_the_epsilon() {
    for dimension in [2, 3, 5, 20, 100, 500] {
        for loss in [0.01, 0.1, 1.0, 4.0, 16.0, 64.0, 200.0] {
            let made = PrivUnit2::new(epsilon(loss), dimension).unwrap();
            let parameters = made.parameters();
            let ratio = largest_ratio(parameters, share(dimension, parameters.gamma)).ln();
            let spent = made.guarantee().epsilon().get();
            // Simpson's own error, and that of the cosine's angle.
            assert!(ratio <= loss + 1e-7 && spent <= loss, "{ratio} {spent} {loss} {dimension}");
            assert!((ratio - spent).abs() < 1e-7 * (1.0 + loss), "{ratio} {spent} {dimension} {parameters:?}");
        }
    }
}

#[test]
fn no_two_directions_are_told_apart_by_the_gaussian_variant() {
    for loss in [0.01, 0.1, 1.0, 4.0, 16.0, 64.0, 200.0, 500.0] {
        let made = PrivUnitG::new(epsilon(loss), 10).unwrap();
        let ratio = largest_ratio(made.parameters(), normal_tail(made.parameters().gamma)).ln();
        let spent = made.guarantee().epsilon().get();
        assert!(ratio <= loss + 1e-9 && (ratio - spent).abs() < 1e-9, "{ratio} {spent} {loss}");
    }
}

#[test]
fn no_two_magnitudes_are_told_apart_by_more_than_e_to_the_epsilon() {
    for loss in [0.01, 0.5, 1.0, 3.0, 8.0, 20.0, 100.0, 2_000.0] {
        for levels in [1, 2, 10, 1_000, ScalarDp::usual_levels(epsilon(loss))] {
            let made = ScalarDp::new(epsilon(loss), clip(1.0), levels).unwrap();
            let keep = made.keep_probability();
            // 1 - keep, without cancellation: each other level has an equal share of the chance.
            let other = 2.0 * made.b() / levels as f64 / (levels as f64 + 1.0);
            let ratio = (keep / other).ln();
            let spent = made.epsilon().get();
            assert!(ratio <= spent && spent <= loss && ratio > spent - 1e-9, "{ratio} {spent} {loss} {levels}");
            // As much is spent as was asked for, until the chance is the least there is.
            let most = 64.0 * std::f64::consts::LN_2 + (levels as f64 + 1.0).ln();
            assert!(spent > loss.min(most) * (1.0 - 1e-6), "{spent} {loss} {levels}");
        }
    }
}
