//! Is what is charged what runs?

use super::*;
use crate::{
    accountant::tightest,
    correlated::{DyadicBuffer, SIGMA_LIMIT, dyadic::ONE},
    mechanism::Mechanism,
    units::{Clip, DeltaProbability, NoiseMultiplier},
};

fn limits(participations: u32, separation: u32) -> Limits {
    let [participations, separation] = [participations, separation].map(|n| NonZeroU32::new(n).unwrap());
    Limits { participations, separation }
}

fn grid() -> Grid {
    Grid::fit(Clip::new(1.0).unwrap(), 10_000).unwrap()
}

fn all() -> [Correlation; 3] {
    [
        Correlation::tree(20).unwrap(),
        Correlation::banded(20, 5, limits(4, 5)).unwrap(),
        Correlation::buffered(20, 2, limits(4, 5)).unwrap(),
    ]
}

#[test]
fn the_event_states_the_very_coefficients_that_run_and_the_worst_case() {
    let coefficients = vec![ONE, 30_001, 5];
    let banded = Banded::with_coefficients(20, limits(4, 5), coefficients.clone()).unwrap();
    let event = Mechanism::with_sigma(Correlation::Banded(banded), 77).unwrap().event(&grid());
    let DpEvent::MatrixFactorisation(run) = event else { panic!("{event:?}") };
    let Strategy::Toeplitz(toeplitz) = run.strategy() else { panic!("{run:?}") };
    let exact: Vec<f64> = coefficients.iter().map(|c| f64::from(*c) / 65_536.0).collect();
    assert_eq!(toeplitz.coefficients(), exact);
    let numbers = (run.rounds().get(), run.participations().get(), run.separation().get());
    assert_eq!(numbers, (20, 4, 5));
    assert_eq!(
        (run.sigma().get(), run.bound().get(), run.relation()),
        (77.0, grid().bound() as f64, Relation::ZeroOut)
    );

    let buffers = vec![DyadicBuffer { decay: 60_001, weight: 9 }];
    let buffered = Buffered::with_buffers(20, limits(4, 5), buffers).unwrap();
    let error = buffered.error();
    let event = Mechanism::with_sigma(Correlation::Buffered(buffered), 77).unwrap().event(&grid());
    let DpEvent::MatrixFactorisation(run) = event else { panic!("{event:?}") };
    let Strategy::BufferedToeplitz(strategy) = run.strategy() else { panic!("{run:?}") };
    assert_eq!(strategy.buffers(), [Buffer { decay: 60_001.0 / 65_536.0, weight: 9.0 / 65_536.0 }]);
    let excess = run.bound().get() - grid().bound() as f64;
    let least = 2.0 * error * (20.0 * 10_000.0_f64).sqrt();
    assert!(excess >= least && excess <= least * 1.000_001, "{excess}, {least}");
    assert!(error > 0.5 / 65_536.0 && excess < grid().bound() as f64 * 1e-5, "charged, and next to nothing");

    let event = Mechanism::with_sigma(Correlation::tree(20).unwrap(), 77).unwrap().event(&grid());
    let DpEvent::TreeAggregation { sigma, bound, leaves, trees, .. } = event else { panic!("{event:?}") };
    assert_eq!((sigma.get(), bound.get(), leaves.get(), trees.get()), (77.0, grid().bound() as f64, 20, 1));
}

#[test]
fn equal_multipliers_cost_the_same_whatever_the_correlation() {
    let delta = DeltaProbability::new(1e-6).unwrap();
    let multiplier = NoiseMultiplier::new(2.0).unwrap();
    let cost = |mechanism: &Mechanism| tightest(&mechanism.event(&grid()), delta).unwrap().epsilon.get();
    let once = cost(&Mechanism::gaussian(&grid(), multiplier).unwrap());
    for correlation in all() {
        let mechanism = Mechanism::correlated(&grid(), correlation, multiplier).unwrap();
        let runs = mechanism.multiplier(&grid()).unwrap().unwrap().get();
        assert!((2.0..2.001).contains(&runs), "at least what was asked: {runs}");
        let block = cost(&mechanism);
        assert!(block <= once * (1.0 + 1e-12) && block > once * 0.999, "{block}, {once}");
        assert_eq!(mechanism.event(&grid()).rounds_spanned().get(), 20);
    }
}

#[test]
fn correlated_noise_is_better_than_independent_noise_and_toeplitz_strategies_than_a_tree() {
    let independent = Correlation::banded(64, 1, limits(1, 1)).unwrap().relative_error(&grid());
    assert!((independent - 32.5_f64.sqrt()).abs() < 1e-9, "one participation: the root of the mean of 1, 2, ..., 64");
    let tree = Correlation::tree(64).unwrap().relative_error(&grid());
    let buffered = Correlation::buffered(64, 3, limits(1, 1)).unwrap().relative_error(&grid());
    let banded = Correlation::banded(64, 64, limits(1, 1)).unwrap().relative_error(&grid());
    assert!(
        banded.max(buffered) < 0.62 * tree && tree < 0.65 * independent,
        "{banded} {buffered} {tree} {independent}"
    );
}

#[test]
fn mechanisms_are_written_and_read_and_unlawful_ones_are_not() {
    for correlation in all() {
        let mechanism = Mechanism::with_sigma(correlation, 1 << 20).unwrap();
        let written = serde_json::to_string(&mechanism).unwrap();
        assert_eq!(serde_json::from_str::<Mechanism>(&written).unwrap(), mechanism, "{written}");
        let loud = written.replace("1048576", &(SIGMA_LIMIT + 1).to_string());
        assert!(serde_json::from_str::<Mechanism>(&loud).is_err());
    }
    let steep = r#"{"mechanism":"correlated","sigma":4,"correlation":{"correlation":"banded","rounds":4,
        "limits":{"participations":1,"separation":4},"coefficients":[65536,7,8]}}"#;
    let refused = serde_json::from_str::<Mechanism>(steep).unwrap_err().to_string();
    assert!(refused.contains("no larger than the one before"), "{refused}");
}
