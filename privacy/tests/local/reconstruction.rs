//! The bound on reconstruction: its formula, and that nobody does better.

use murmur_privacy::{
    local::{Direction, DirectionRandomiser as _, LocalError, PrivUnit2, ln_cap_share, reconstruction_bound},
    units::Epsilon,
};

use crate::{
    dot, epsilon, seeded,
    statistics::{ALPHA, probability_at_least},
};

#[test]
fn the_bound_is_e_to_the_epsilon_times_the_share_of_the_cap() {
    for (loss, rho0, dimension, distance) in [(1.0, 0.5, 10, 1.0), (8.0, 0.0, 1_000, 1.2), (64.0, 10.0, 10_000, 0.9)] {
        let bound = reconstruction_bound(epsilon(loss), rho0, dimension, distance).unwrap();
        let share = ln_cap_share(dimension, 1.0 - distance * distance / 2.0).unwrap();
        assert!((bound.ln_probability / (loss + rho0 + share) - 1.0).abs() < 1e-9, "{bound:?}");
        assert!(bound.ln_probability >= loss + rho0 + share);
        // The estimate of the share that is usually given.
        let square = distance * distance * (1.0 - distance * distance / 4.0);
        let loose = loss + rho0 + 0.5_f64.ln() + (dimension as f64 - 1.0) / 2.0 * square.ln();
        assert!(bound.ln_probability <= loose + 1e-9, "{bound:?} {loose}");
        assert_eq!(bound.probability, bound.ln_probability.exp().next_up().min(1.0));
    }
    assert_eq!(reconstruction_bound(Epsilon::INFINITE, 0.0, 10, 1.0).unwrap().probability, 1.0);
    assert_eq!(reconstruction_bound(epsilon(100.0), 0.0, 10, 1.0).unwrap().probability, 1.0);
    // Distances whose cosine no float tells from one.
    let near = reconstruction_bound(epsilon(1.0), 0.0, 10, 1e-12).unwrap().ln_probability;
    let nearer = reconstruction_bound(epsilon(1.0), 0.0, 10, 1e-13).unwrap().ln_probability;
    assert!((near - nearer - 9.0 * 10.0_f64.ln()).abs() < 1e-9, "{near} {nearer}");
}

#[test]
fn the_best_guess_of_a_uniform_direction_stays_below_the_bound() {
    let (mut rng, draws, distance) = (seeded(4_501), 50_000_u64, 0.9);
    for (loss, dimension) in [(1.0, 4), (3.0, 6), (6.0, 12)] {
        let made = PrivUnit2::new(epsilon(loss), dimension).unwrap();
        let close = (0..draws).filter(|_| {
            let unit = Direction::uniform(dimension, &mut rng);
            // The output itself is the likeliest direction.
            dot(&made.randomise(&unit, &mut rng), unit.coordinates()) * made.parameters().m
                >= 1.0 - distance * distance / 2.0
        });
        let seen = probability_at_least(close.count() as u64, draws, ALPHA);
        let bound = reconstruction_bound(made.guarantee().epsilon(), 0.0, dimension, distance).unwrap().probability;
        println!("epsilon {loss}, {dimension} dimensions: rebuilt at least {seen:.4}, bound {bound:.4}");
        assert!(seen <= bound && seen > 0.0, "{seen} {bound}");
    }
}

#[test]
fn what_is_no_prior_and_no_distance_is_refused() {
    let of = |rho0, dimension, distance| reconstruction_bound(epsilon(1.0), rho0, dimension, distance);
    assert!(matches!(of(0.0, 1, 1.0), Err(LocalError::Dimension { dimension: 1 })));
    for (rho0, distance) in
        [(-1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (0.0, 0.0), (0.0, 1.5), (0.0, f64::NAN)]
    {
        assert!(matches!(of(rho0, 10, distance), Err(LocalError::OutOfRange(_))), "{rho0} {distance}");
    }
}
