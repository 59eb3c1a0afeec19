//! What every accountant must do, run on each of them.

use super::*;
use crate::units::{SamplingRate, Scale};

fn gaussian(multiplier: f64) -> DpEvent {
    DpEvent::Gaussian { sigma: Scale::new(multiplier).unwrap(), sensitivity: Scale::new(1.0).unwrap() }
}

fn sampled(multiplier: f64, rate: f64) -> DpEvent {
    gaussian(multiplier).poisson_sampled(SamplingRate::new(rate).unwrap())
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn holds(accountant: &dyn Accountant, event: &DpEvent) {
    let epsilon = |event: &DpEvent, at: f64| accountant.epsilon(event, delta(at)).unwrap();
    let name = accountant.name();
    for pair in [1e-3, 1e-5, 1e-7, 1e-9].windows(2) {
        assert!(epsilon(event, pair[0]) <= epsilon(event, pair[1]), "{name}: smaller delta, larger epsilon");
    }
    let mut last = Epsilon::ZERO;
    for count in [1, 2, 3, 10, 100] {
        let repeated = event.clone().repeated(count);
        let listed = DpEvent::Composed { of: vec![event.clone(); count as usize] };
        let (one, other) = (epsilon(&repeated, 1e-5), epsilon(&listed, 1e-5));
        assert!((one.get() - other.get()).abs() <= 1e-9 * one.get(), "{name}: repetition is composition");
        assert!(one >= last, "{name}: more rounds cost more");
        last = one;
    }
    assert_eq!(epsilon(&event.clone().repeated(0), 1e-5), Epsilon::ZERO, "{name}: nothing costs nothing");
    assert_eq!(epsilon(&DpEvent::NonPrivate, 1e-5), Epsilon::INFINITE, "{name}: not private is infinite");
    let mixed = DpEvent::Composed { of: vec![event.clone(), DpEvent::NonPrivate] };
    assert_eq!(epsilon(&mixed, 1e-5), Epsilon::INFINITE, "{name}: one open door opens the house");
}

#[test]
fn every_accountant_keeps_the_contract() {
    for multiplier in [0.3, 1.0, 2.007, 50.0] {
        holds(&ExactGaussian, &gaussian(multiplier));
        holds(&ZcdpAccountant, &gaussian(multiplier));
        holds(&RdpAccountant::default(), &gaussian(multiplier));
        for rate in [1e-4, 0.1, 0.9, 1.0] {
            holds(&RdpAccountant::default(), &sampled(multiplier, rate));
        }
    }
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
        DpEvent::Gaussian { sigma: Scale::new(sigma as f64).unwrap(), sensitivity }.poisson_sampled(rate).repeated(60)
    };
    let target = Epsilon::new(2.0).unwrap();
    let sigma = calibrate_sigma(target, delta(1e-5), schedule).unwrap();
    assert!(tightest(&schedule(sigma), delta(1e-5)).unwrap().epsilon <= target);
    assert!(tightest(&schedule(sigma - 1), delta(1e-5)).unwrap().epsilon > target);
    println!("sigma {sigma}");
}
