//! For all parameters and all inputs: nothing is ever sent that shows its input, that is zero, or that is out of its bound.

use chacha20::ChaCha20Rng;
use murmur_privacy::{
    local::{
        Direction, DirectionRandomiser, LEAST_EPSILON, LocalError, MOST_GAMMA, PrivUnit2, PrivUnitG, ScalarDp,
        Separated, SignFlip,
    },
    units::Epsilon,
};
use proptest::prelude::*;
use rand::SeedableRng as _;

use crate::{clip, dot, epsilon, norm};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// 0.01 to 2,000, evenly in the logarithm.
fn losses() -> impl Strategy<Value = f64> {
    (0.01_f64.ln()..2_000_f64.ln()).prop_map(f64::exp)
}

/// 2 to a million, evenly in the logarithm.
fn dimensions() -> impl Strategy<Value = usize> {
    (2_f64.ln()..1e6_f64.ln()).prop_map(|ln| ln.exp().round() as usize)
}

/// Any f32 at all, most of them of no ordinary size, some no numbers.
fn values(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<f32>> {
    let value = prop_oneof![
        3 => any::<u32>().prop_map(f32::from_bits),
        3 => -1.0_f32..1.0,
        2 => prop::sample::select(vec![0.0, f32::MAX, f32::MIN, 1e-45, f32::NAN, f32::INFINITY]),
    ];
    prop_oneof![3 => proptest::collection::vec(value, length), 1 => (2_usize..40).prop_map(|length| vec![0.0; length])]
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn parameters_are_the_best_and_cost_no_more_than_asked(loss in losses(), dimension in dimensions()) {
        let made = PrivUnit2::new(epsilon(loss), dimension).unwrap();
        let found = made.parameters();
        prop_assert!(made.guarantee().epsilon().get() <= loss);
        prop_assert!((0.0..=MOST_GAMMA).contains(&found.gamma) && found.p > 0.5 && found.p < 1.0 && found.log_q < 0.0);
        prop_assert!((found.m / found.gamma - 1.0).abs() < 1e-7, "{:?}", found);
        prop_assert!(made.squared_error() > 0.0 && made.squared_error().is_finite());
        // What is spent is what was asked for, unless the cap is as narrow as it gets.
        let spent = made.guarantee().epsilon().get();
        prop_assert!(found.gamma == MOST_GAMMA || spent > loss * (1.0 - 1e-9), "{} {:?}", spent, found);
        // No other cap of the same cost has a larger m.
        for gamma in [found.gamma * 0.9, (found.gamma * 1.02).min(MOST_GAMMA)] {
            let cost = |p: f64| PrivUnit2::with_cap(dimension, gamma, p).map(|made| *made.parameters());
            let epsilon1 = cost(1.0 - 1e-12).unwrap().epsilon1;
            let p = 1.0 / (1.0 + (epsilon1 - spent).exp());
            if let Ok(other) = cost(p) {
                prop_assert!(other.m <= found.m * (1.0 + 1e-9), "{:?} {:?}", other, found);
            }
        }
    }

    #[test]
    fn more_epsilon_is_never_worse(loss in losses(), more in 1.0_f64..3.0, dimension in dimensions()) {
        let [less, more] = [loss, loss * more].map(|loss| PrivUnit2::new(epsilon(loss), dimension).unwrap());
        prop_assert!(more.squared_error() <= less.squared_error() * (1.0 + 1e-9));
        prop_assert!(more.guarantee().epsilon() >= less.guarantee().epsilon());
        let [less, more] = [less, more].map(|made| PrivUnitG::new(made.guarantee().epsilon(), dimension).unwrap());
        prop_assert!(more.parameters().m >= less.parameters().m * (1.0 - 1e-9));
    }

    #[test]
    fn magnitudes_cost_no_more_than_asked_and_stay_in_bounds(
        loss in losses(), levels in 1_u64..5_000, max in 1e-3_f64..1e3, magnitude in any::<f64>(), seed in any::<u64>()
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        match ScalarDp::new(epsilon(loss), clip(max), levels) {
            Ok(made) => {
                prop_assert!(made.epsilon().get() <= loss);
                prop_assert!(made.randomise(magnitude, &mut rng).abs() <= made.output_bound());
                let (worst, variance) = made.worst_variance();
                prop_assert!((0.0..=max).contains(&worst) && variance.is_finite());
                for step in 0..=64 {
                    let at = f64::from(step) / 64.0 * max;
                    prop_assert!(made.variance(at) <= variance * (1.0 + 1e-12), "{} {}", at, worst);
                }
            }
            Err(refused) => prop_assert!(false, "{}", refused),
        }
    }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn what_is_sent_has_exactly_the_stated_norm(loss in losses(), dimension in dimensions(), seed in any::<u64>()) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let unit = Direction::uniform(dimension, &mut rng);
        let made = PrivUnit2::new(epsilon(loss), dimension).unwrap();
        let sent = made.randomise(&unit, &mut rng);
        prop_assert!((norm(&sent) / made.output_norm() - 1.0).abs() < 1e-12, "{}", norm(&sent));
        prop_assert!(norm(&sent) <= made.output_bound().norm);
        // It lies on one side of the cap's edge, and its component is a cosine.
        prop_assert!(dot(&sent, unit.coordinates()).abs() <= made.output_norm() * (1.0 + 1e-9));
        let gaussian = PrivUnitG::new(epsilon(loss), dimension).unwrap();
        let sent = gaussian.randomise(&unit, &mut rng);
        prop_assert!(norm(&sent) > 0.0 && norm(&sent) <= gaussian.output_bound().norm);
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn any_update_becomes_a_vector_like_any_other(update in values(2..40), loss in losses(), seed in any::<u64>()) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let directions = PrivUnit2::new(epsilon(loss), update.len()).unwrap();
        let flip = SignFlip::new(directions.clone(), clip(0.7)).unwrap();
        let sent = flip.numbers(&update, &mut rng);
        prop_assert!((norm(&sent) / (0.7 * directions.output_norm()) - 1.0).abs() < 1e-12, "{:?}", sent);
        let separated = Separated::new(directions, clip(0.7), epsilon(loss.min(20.0)), 5).unwrap();
        let sent = separated.numbers(&update, &mut rng);
        let reach = separated.directions().output_norm() * separated.magnitudes().output_bound();
        prop_assert!(norm(&sent) > 0.0 && norm(&sent) <= reach * (1.0 + 1e-12), "{:?}", sent);
    }
}

#[test]
fn epsilons_and_dimensions_without_parameters_are_refused_and_the_extremes_work() {
    for refused in [0.0, LEAST_EPSILON / 2.0, f64::INFINITY] {
        let error = PrivUnit2::new(Epsilon::new(refused).unwrap(), 10).unwrap_err();
        assert!(matches!(error, LocalError::Epsilon { .. }), "{error}");
        assert!(matches!(PrivUnitG::new(epsilon(refused), 10), Err(LocalError::Epsilon { .. })));
        assert!(matches!(ScalarDp::new(epsilon(refused), clip(1.0), 2), Err(LocalError::Epsilon { .. })));
    }
    for dimension in [0, 1] {
        assert_eq!(PrivUnit2::new(epsilon(1.0), dimension).unwrap_err(), LocalError::Dimension { dimension });
        assert_eq!(PrivUnitG::new(epsilon(1.0), dimension).unwrap_err(), LocalError::Dimension { dimension });
    }
    assert!(matches!(ScalarDp::new(epsilon(1.0), clip(1.0), 0), Err(LocalError::Levels { .. })));
    assert!(matches!(ScalarDp::new(epsilon(1.0), clip(1.0), (1 << 32) + 1), Err(LocalError::Levels { .. })));
    for (loss, dimension) in
        [(LEAST_EPSILON, 2), (LEAST_EPSILON, 10_000_000), (1e5, 2), (1e5, 10_000_000), (1e300, 10_000_000)]
    {
        let made = PrivUnit2::new(epsilon(loss), dimension).unwrap();
        let (m, spent) = (made.parameters().m, made.guarantee().epsilon().get());
        assert!(m > 0.0 && m < 1.0 && spent <= loss && spent > 0.0, "{loss} {dimension} {:?}", made.parameters());
    }
    // Beyond e^709 the epsilons are still told apart.
    let errors =
        [700.0, 720.0, 2_000.0, 20_000.0].map(|loss| PrivUnit2::new(epsilon(loss), 1_000_000).unwrap().squared_error());
    assert!(errors.windows(2).all(|pair| pair[1] < pair[0] * 0.999), "{errors:?}");
}
