//! What is returned meets the target, and its neighbour does not.

use super::*;
use crate::{
    accountant::{PldAccountant, ZcdpAccountant},
    event::Relation,
    units::Scale,
};

const ACCOUNTANTS: [&str; 3] = ["rdp", "pld", "tightest"];

fn epsilon(value: f64) -> Epsilon {
    Epsilon::new(value).unwrap()
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn schedule(multiplier: f64, rate: f64, rounds: u32) -> DpEvent {
    let (sigma, bound) = (Scale::new(multiplier).unwrap(), Scale::new(1.0).unwrap());
    let release = DpEvent::gaussian(sigma, bound, Relation::ZeroOut);
    release.poisson_sampled(SamplingRate::new(rate).unwrap()).repeated(rounds)
}

/// Calls `hold` with a calibration by each accountant, and with its price of an event.
fn by_each(target: f64, at: f64, hold: impl Fn(&Calibration<'_>, &dyn Fn(&DpEvent) -> Quote)) {
    for name in ACCOUNTANTS {
        let rdp = RdpAccountant::default();
        let accountant: Option<&dyn Accountant> = match name {
            "rdp" => Some(&rdp),
            "pld" => Some(&PldAccountant),
            _ => None,
        };
        let calibration = Calibration { target: epsilon(target), delta: delta(at), accountant };
        hold(&calibration, &|event| calibration.priced(Some(()), |()| event.clone()).unwrap().unwrap().1);
    }
}

#[test]
fn the_least_noise_meets_the_target_and_a_little_less_does_not() {
    for (target, at, rate, rounds) in [
        (0.5, 1e-6, 0.01, 1_000),
        (2.0, 1e-5, 0.1, 60),
        (8.0, 1e-5, 1.0, 3),
        (20.0, 1e-3, 0.5, 1),
        (0.01, 1e-7, 1e-4, 50),
    ] {
        by_each(target, at, |calibration, price| {
            let found = calibration.noise(|multiplier| schedule(multiplier.get(), rate, rounds)).unwrap();
            let least = found.parameter.get();
            assert!(found.quote.epsilon.get() <= target);
            assert_eq!(price(&schedule(least, rate, rounds)), found.quote, "priced at the very value returned");
            let less = price(&schedule(least / 1.0002, rate, rounds));
            assert!(less.epsilon.get() > target, "{less:?} at {least} for {target} {rate} {rounds}");
        });
    }
}

#[test]
fn the_most_rounds_meet_the_target_and_one_more_does_not() {
    for (target, at, multiplier, rate) in [(1.0, 1e-5, 1.0, 0.01), (8.0, 1e-6, 0.7, 0.1), (3.0, 1e-5, 10.0, 1.0)] {
        by_each(target, at, |calibration, price| {
            let found = calibration.rounds(&schedule(multiplier, rate, 1)).unwrap();
            let most = found.parameter.get();
            assert!(most > 1 && found.quote.epsilon.get() <= target, "{found:?}");
            let of = |rounds| price(&schedule(multiplier, rate, 1).repeated(rounds)).epsilon.get();
            assert_eq!(of(most), found.quote.epsilon.get());
            assert!(of(most + 1) > target, "{most} rounds for {target} {multiplier} {rate}");
        });
    }
}

#[test]
fn the_largest_rate_meets_the_target_and_a_little_more_does_not() {
    for (target, at, multiplier, rounds) in [(1.0, 1e-5, 1.0, 1_000), (4.0, 1e-6, 2.0, 100)] {
        by_each(target, at, |calibration, price| {
            let found = calibration.rate(|rate| schedule(multiplier, rate.get(), rounds)).unwrap();
            let largest = found.parameter.get();
            assert_eq!(price(&schedule(multiplier, largest, rounds)), found.quote);
            assert!(found.quote.epsilon.get() <= target && largest < 1.0);
            let more = price(&schedule(multiplier, largest * 1.0002, rounds)).epsilon.get();
            assert!(more > target, "{more} at {largest} for {target} {multiplier} {rounds}");
        });
    }
    // Where all devices may take part, all do.
    by_each(100.0, 1e-5, |calibration, _| {
        assert_eq!(calibration.rate(|rate| schedule(1.0, rate.get(), 1)).unwrap().parameter.get(), 1.0);
    });
}

#[test]
fn what_nothing_meets_is_refused_by_name() {
    let (small, at) = (epsilon(1e-9), delta(1e-5));
    let dear = Calibration::tightest(small, at).rounds(&schedule(0.5, 0.5, 1));
    assert!(
        matches!(dear, Err(CalibrationError::OutOfReach { parameter: "number of rounds", safest: 1.0, .. })),
        "{dear:?}"
    );
    let unprotected = Calibration::tightest(epsilon(1.0), at).noise(|_| DpEvent::NonPrivate);
    assert!(
        matches!(unprotected, Err(CalibrationError::OutOfReach { price: Epsilon::INFINITE, .. })),
        "{unprotected:?}"
    );
    let refused = Calibration::by(&ZcdpAccountant, epsilon(1.0), at).noise(|z| schedule(z.get(), 0.1, 10));
    assert!(matches!(refused, Err(CalibrationError::Refused(_))), "{refused:?}");
    let nothing = Calibration::tightest(Epsilon::INFINITE, at).rate(|rate| schedule(1.0, rate.get(), 1));
    assert_eq!(nothing, Err(CalibrationError::NothingAsked { parameter: "sampling rate" }));
}

#[test]
fn few_prices_are_asked_for() {
    // A price by loss distributions takes some ten milliseconds.
    let asked = std::cell::Cell::new(0);
    let noise = Calibration::by(&PldAccountant, epsilon(2.0), delta(1e-5));
    let found = noise.noise(|multiplier| {
        asked.set(asked.get() + 1);
        schedule(multiplier.get(), 0.01, 10_000)
    });
    let rough = asked.replace(0);
    let again = search(&NOISE, found.unwrap().parameter.get() * 1.05, epsilon(2.0), |value| {
        asked.set(asked.get() + 1);
        noise.priced(NoiseMultiplier::new(value).ok(), |multiplier| schedule(multiplier.get(), 0.01, 10_000))
    });
    assert!(asked.get() <= 8 && rough <= 24, "{rough} {asked:?} {again:?}");
}
