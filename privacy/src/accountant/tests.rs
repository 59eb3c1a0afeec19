//! What is particular to one accountant or to prices.

use super::*;
use crate::{
    event::Relation,
    units::{SamplingRate, Scale},
};

fn gaussian(multiplier: f64) -> DpEvent {
    DpEvent::gaussian(Scale::new(multiplier).unwrap(), Scale::new(1.0).unwrap(), Relation::ZeroOut)
}

fn sampled(multiplier: f64, rate: f64) -> DpEvent {
    gaussian(multiplier).poisson_sampled(SamplingRate::new(rate).unwrap())
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

#[test]
fn sampling_without_a_theorem_is_refused_however_deep_it_hides() {
    let hidden = DpEvent::Composed { of: vec![gaussian(1.0), sampled(1.0, 0.5).repeated(3)] };
    assert!(ExactGaussian.epsilon(&hidden, delta(1e-5)).is_err());
    assert!(ZcdpAccountant.epsilon(&hidden, delta(1e-5)).is_err());
    assert!(RdpAccountant::default().epsilon(&hidden, delta(1e-5)).is_ok());
    let rate = SamplingRate::new(0.5).unwrap();
    for of in [sampled(1.0, 0.5), gaussian(1.0).repeated(2), DpEvent::Composed { of: vec![gaussian(1.0)] }] {
        let event = of.poisson_sampled(rate);
        assert!(RdpAccountant::default().epsilon(&event, delta(1e-5)).is_err(), "{event:?}");
        assert!(tightest(&event, delta(1e-5)).is_err(), "{event:?}");
    }
}

#[test]
fn no_accountant_is_below_the_exact_one() {
    for multiplier in [0.3, 0.8, 1.0, 4.0, 50.0] {
        for at in [1e-3, 1e-5, 1e-9] {
            let exact = ExactGaussian.epsilon(&gaussian(multiplier), delta(at)).unwrap();
            for other in [&ZcdpAccountant as &dyn Accountant, &RdpAccountant::default()] {
                let bound = other.epsilon(&gaussian(multiplier), delta(at)).unwrap();
                assert!(bound >= exact, "{} {multiplier} {at}: {bound} < {exact}", other.name());
            }
        }
    }
}

#[test]
fn a_calibrated_sigma_affords_and_the_next_smaller_one_does_not() {
    let rate = SamplingRate::new(0.1).unwrap();
    let schedule = |sigma: u64| {
        let sensitivity = Scale::new(10_000.0).unwrap();
        DpEvent::gaussian(Scale::new(sigma as f64).unwrap(), sensitivity, Relation::ZeroOut)
            .poisson_sampled(rate)
            .repeated(60)
    };
    let target = Epsilon::new(2.0).unwrap();
    let sigma = calibrate_sigma(target, delta(1e-5), schedule).unwrap();
    assert!(tightest(&schedule(sigma), delta(1e-5)).unwrap().epsilon <= target);
    assert!(tightest(&schedule(sigma - 1), delta(1e-5)).unwrap().epsilon > target);
}

#[test]
fn arithmetic_that_breaks_down_promises_nothing() {
    // z^2 underflows: every term of the moment is infinite, and no infinity may become NaN and then zero.
    for multiplier in [1e-300, 1e-200, 1e-160, 1e-20, 1e-3] {
        for rate in [1e-9, 0.5, 0.999, 1.0] {
            let epsilon = RdpAccountant::default().epsilon(&sampled(multiplier, rate), delta(1e-5)).unwrap();
            assert!(epsilon.get() > 100.0, "{multiplier} {rate}: {epsilon}");
        }
        assert!(ExactGaussian.epsilon(&gaussian(multiplier), delta(1e-5)).unwrap().get() > 1e5);
        assert!(ZcdpAccountant.epsilon(&gaussian(multiplier), delta(1e-5)).unwrap().get() > 1e5);
    }
    assert_eq!(outward(f64::NAN), Epsilon::INFINITE);
    assert_eq!(outward(-1e-9), Epsilon::ZERO);
    assert!(RdpAccountant::with_orders(&[]).epsilon(&gaussian(1.0), delta(1e-5)).unwrap() == Epsilon::INFINITE);
    let hostile = RdpAccountant::with_orders(&[f64::NAN, f64::INFINITY, 1e18, 0.5, 1.0, -3.0]);
    assert_eq!(hostile.epsilon(&sampled(1.0, 0.1), delta(1e-5)).unwrap(), Epsilon::INFINITE);
}

#[test]
fn noise_at_the_end_of_the_floats_is_priced_at_once() {
    // With the larger bound the multiplier is finite and 28 times it is not: that quadrature once had 2^64 points.
    for bound in [1e-3, 25.0] {
        let most = DpEvent::gaussian(Scale::new(f64::MAX).unwrap(), Scale::new(bound).unwrap(), Relation::ZeroOut);
        let event = most.poisson_sampled(SamplingRate::new(0.5).unwrap()).repeated(u32::MAX);
        let epsilon = RdpAccountant::with_orders(&[1.1, 2.0, 64.5]).epsilon(&event, delta(1e-6)).unwrap();
        assert!(epsilon.get() < 1.0, "{epsilon}");
        assert!(RdpAccountant::default().epsilon(&event, delta(1e-6)).unwrap() <= epsilon);
    }
}

#[test]
fn every_prefix_is_priced_as_its_own_schedule_and_affordable_is_the_last_that_fits() {
    let rounds = 300;
    for event in [gaussian(20.0), sampled(1.1, 0.05), DpEvent::Composed { of: vec![gaussian(9.0), sampled(2.0, 0.1)] }]
    {
        let prices = Prices::of(&event, rounds, delta(1e-5)).unwrap();
        for count in [1, 2, 57, rounds] {
            let by: &dyn Accountant = match prices.accountant() {
                "rdp" => &RdpAccountant::default(),
                "zcdp" => &ZcdpAccountant,
                "pld" => &PldAccountant,
                _ => &ExactGaussian,
            };
            let (prefix, own) = (prices.after(count), by.epsilon(&event.clone().repeated(count), delta(1e-5)).unwrap());
            // A lattice made for many rounds is as good as one made for few, but not the same.
            let slack = if prices.accountant() == "pld" { 1e-3 * own.get() + 1e-6 } else { 0.0 };
            assert!((prefix.get() - own.get()).abs() <= slack, "{count} rounds: {prefix} as a prefix, {own} alone");
            assert!(prices.affordable(prices.after(count)) >= count, "equality is affordable");
            let less = Epsilon::new(prices.after(count).get().next_down()).unwrap();
            assert!(prices.affordable(less) < count);
        }
        assert_eq!(prices.after(0), Epsilon::ZERO);
        assert_eq!(prices.after(rounds + 1), Epsilon::INFINITE);
        assert_eq!(prices.affordable(Epsilon::INFINITE), rounds);
    }
    assert_eq!(Prices::of(&gaussian(1.0), 0, delta(1e-5)).unwrap_err(), PricesError::NoRounds);
    assert_eq!(Prices::of(&DpEvent::NonPrivate, 5, delta(1e-5)).unwrap().affordable(Epsilon::new(1e9).unwrap()), 0);
    // A hostile schedule is priced without being unrolled.
    assert!(Prices::of(&gaussian(1e4), u32::MAX, delta(1e-5)).unwrap().affordable(Epsilon::new(1.0).unwrap()) > 1000);
}

/// `(mu, delta, epsilon)` to 17 digits, by bisection at 60 digits in mpmath 1.3.0.
#[allow(clippy::excessive_precision, reason = "the reference has 17 digits")]
const EXACT: [(f64, f64, f64); 22] = [
    (1e-12, 1e-15, 2.717_805_515_232_170_6e-12),
    (1e-12, 1e-30, 8.509_481_970_860_274_7e-12),
    (1e-9, 1e-15, 4.424_892_300_964_422_9e-9),
    (1e-9, 1e-100, 2.012_980_680_506_297_5e-8),
    (1e-6, 1e-9, 2.717_805_928_797_222_6e-6),
    (1e-6, 1e-15, 5.699_073_831_943_140_1e-6),
    (1e-6, 1e-30, 9.971_408_172_920_803_6e-6),
    (1e-4, 1e-5, 9.023_709_432_563_504e-5),
    (1e-4, 1e-9, 0.000_392_360_636_974_901_08),
    (1e-4, 1e-15, 0.000_642_228_867_446_609_14),
    (0.001, 1e-5, 0.001_938_724_969_860_11),
    (0.001, 1e-9, 0.004_425_350_887_537_459_6),
    (0.001, 1e-100, 0.020_802_174_114_967_862),
    (0.02, 1e-5, 0.058_632_255_306_096_165),
    (0.02, 1e-30, 0.218_268_103_372_737_54),
    (0.5, 1e-5, 1.993_091_404_415_119_6),
    (0.5, 1e-30, 5.718_296_581_808_107),
    (3.0, 1e-9, 21.945_589_990_966_684),
    (3.0, 1e-100, 68.025_546_836_440_689),
    (40.0, 1e-5, 969.645_591_932_413_59),
    (1000.0, 1e-3, 503_089.233_848_438_79),
    (1000.0, 1e-30, 511_463.030_377_344_75),
];

#[test]
fn the_exact_epsilon_is_an_upper_bound_also_where_its_terms_almost_cancel() {
    for (mu, at, exact) in EXACT {
        let event = DpEvent::gaussian(Scale::new(1.0).unwrap(), Scale::new(mu).unwrap(), Relation::ZeroOut);
        let found = ExactGaussian.epsilon(&event, delta(at)).unwrap().get();
        assert!(found >= exact, "{mu} {at}: {found} < {exact}");
        // For small mu the bound pays for its own float error: up to a tenth at mu = 1e-12, 1e-10 at 1e-3.
        let room = 1e-10 + 1e-13 / mu;
        assert!(found <= exact * (1.0 + room), "{mu} {at}: {found} is not tight, {exact}");
    }
}
