use super::*;
use crate::{
    accountant::{ExactGaussian, RdpAccountant},
    event::Relation,
    units::{SamplingRate, Scale},
};

fn sampled(multiplier: f64, rate: f64, rounds: u32) -> DpEvent {
    let gaussian = DpEvent::gaussian(Scale::new(multiplier).unwrap(), Scale::new(1.0).unwrap(), Relation::ZeroOut);
    gaussian.poisson_sampled(SamplingRate::new(rate).unwrap()).repeated(rounds)
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

/// Without sampling the truth has a closed form.
#[test]
fn the_gaussian_lies_between_the_bounds() {
    for multiplier in [0.3, 1.0, 2.0, 30.0] {
        for rounds in [1, 10, 1000] {
            for at in [1e-3, 1e-6, 1e-12] {
                let event = sampled(multiplier, 1.0, rounds);
                let exact = ExactGaussian.epsilon(&event, delta(at)).unwrap().get();
                let Bounds { lower, upper } = PldAccountant.bounds(&event, delta(at)).unwrap();
                let case = format!("multiplier {multiplier}, {rounds} rounds, delta {at}: {lower} {exact} {upper}");
                assert!(lower.get() <= exact * (1.0 + 1e-9) && exact <= upper.get() * (1.0 + 1e-9), "{case}");
                assert!(upper.get() - lower.get() < 1e-3 * exact + 1e-6, "{case}");
            }
        }
    }
}

/// A sampled Gaussian once: delta(epsilon) is `q` times the Gaussian's at `ln(1 + (e^epsilon - 1) / q)`.
#[test]
fn one_sampled_round_is_exact() {
    for (multiplier, rate) in [(0.5, 0.01), (1.0, 0.01), (2.0, 0.3)] {
        for at in [1e-4, 1e-6, 1e-9] {
            let inner = ExactGaussian.epsilon(&sampled(multiplier, 1.0, 1), delta(at / rate)).unwrap().get();
            let exact = (rate * inner.exp_m1()).ln_1p();
            let Bounds { lower, upper } = PldAccountant.bounds(&sampled(multiplier, rate, 1), delta(at)).unwrap();
            let case = format!("multiplier {multiplier}, rate {rate}, delta {at}: {lower} {exact} {upper}");
            assert!(lower.get() <= exact + 1e-9 && exact <= upper.get() + 1e-9, "{case}");
            assert!(upper.get() - lower.get() < 1e-3 * exact + 1e-5, "{case}");
        }
    }
}

#[test]
fn rounds_cost_more_than_fewer_and_less_than_by_moments() {
    for (multiplier, rate) in [(0.6, 1e-3), (1.0, 0.01), (8.0, 1e-4)] {
        let schedule = LossSchedule::repeated(&sampled(multiplier, rate, 1), 4000, delta(1e-6)).unwrap().unwrap();
        let mut last = Epsilon::ZERO;
        for rounds in [1, 2, 3, 10, 100, 1000, 3999, 4000] {
            let now = schedule.after(rounds);
            let moments = RdpAccountant::default().epsilon(&sampled(multiplier, rate, rounds), delta(1e-6)).unwrap();
            assert!(now >= last && now <= moments, "{multiplier} {rate} {rounds}: {last} {now} {moments}");
            last = now;
        }
    }
}

/// Far out in the tail, where a transform of untilted masses has nothing but roundoff to offer.
#[test]
fn a_tiny_delta_is_no_obstacle() {
    let event = sampled(1.0, 1.0, 100);
    for at in [1e-20, 1e-100, 1e-300] {
        let exact = ExactGaussian.epsilon(&event, delta(at)).unwrap().get();
        let Bounds { lower, upper } = PldAccountant.bounds(&event, delta(at)).unwrap();
        assert!(lower.get() <= exact && exact <= upper.get() && upper.get() < 1.001 * exact, "{lower} {exact} {upper}");
    }
}

/// Noise that hides nothing: what is left is the chance of having been sampled.
#[test]
fn without_noise_a_sample_costs_its_rate_in_delta() {
    for (rounds, affordable) in [(9, true), (11, false)] {
        let upper = |multiplier| PldAccountant.epsilon(&sampled(multiplier, 1e-6, rounds), delta(1e-5)).unwrap();
        assert_eq!(upper(1e-9).is_finite(), affordable, "{rounds} rounds");
        assert!(upper(1e-9) >= upper(0.02), "{} {}", upper(1e-9), upper(0.02));
        assert!(!affordable || upper(1e-9).get() < 2e-5);
    }
}
