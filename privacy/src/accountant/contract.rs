//! What every accountant must do, as one function to be run on each.

use std::num::{NonZeroU32, NonZeroU64};

use super::*;
use crate::{
    event::{
        Allocation, DistributedNoise, MatrixFactorisation, Relation, SampledWithoutReplacement, Strategy, Toeplitz,
        TruncatedPoisson,
    },
    units::{SamplingRate, Scale},
};

/// One kind of event, at a level of noise (relative to the sensitivity) and a sampling rate.
struct Family {
    name: &'static str,
    event: fn(f64, f64) -> DpEvent,
    sampled: bool,
}

const FAMILIES: [Family; 14] = [
    Family { name: "gaussian", event: |noise, _| gaussian(noise, Relation::ZeroOut), sampled: false },
    Family { name: "gaussian, replace-one", event: |noise, _| gaussian(noise, Relation::ReplaceOne), sampled: false },
    Family { name: "tree", event: |noise, _| tree(noise), sampled: false },
    Family { name: "matrix", event: |noise, _| matrix(noise), sampled: false },
    Family { name: "discrete gaussian", event: |noise, _| discrete_gaussian(noise), sampled: false },
    Family { name: "laplace", event: |noise, _| laplace(noise), sampled: false },
    Family { name: "discrete laplace", event: |noise, _| discrete_laplace(noise), sampled: false },
    Family {
        name: "distributed discrete gaussian",
        event: |noise, _| DpEvent::DistributedDiscreteGaussian(shares(noise)),
        sampled: false,
    },
    Family {
        name: "distributed skellam",
        event: |noise, _| DpEvent::DistributedSkellam(shares(noise)),
        sampled: false,
    },
    Family {
        name: "poisson, gaussian",
        event: |noise, rate| gaussian(noise, Relation::ZeroOut).poisson_sampled(probability(rate)),
        sampled: true,
    },
    Family {
        name: "poisson, laplace",
        event: |noise, rate| laplace(noise).poisson_sampled(probability(rate)),
        sampled: true,
    },
    Family { name: "truncated poisson, gaussian", event: truncated, sampled: true },
    Family { name: "without replacement, gaussian", event: without_replacement, sampled: true },
    Family { name: "allocation, gaussian", event: allocation, sampled: true },
];

fn scale(value: f64) -> Scale {
    Scale::new(value).unwrap()
}

fn probability(value: f64) -> SamplingRate {
    SamplingRate::new(value).unwrap()
}

fn gaussian(noise: f64, relation: Relation) -> DpEvent {
    // The bound is chosen so that the sensitivity is 1 under either relation.
    DpEvent::gaussian(scale(noise), scale(1.0 / f64::from(relation.factor())), relation)
}

fn tree(noise: f64) -> DpEvent {
    let [leaves, trees] = [100, 3].map(|count| NonZeroU32::new(count).unwrap());
    DpEvent::TreeAggregation { sigma: scale(noise), bound: scale(1.0), leaves, trees, relation: Relation::ZeroOut }
}

fn matrix(noise: f64) -> DpEvent {
    let strategy = Strategy::Toeplitz(Toeplitz::new(vec![1.0, 0.5, 0.375]).unwrap());
    let [rounds, participations, separation] = [40, 3, 5].map(|count| NonZeroU32::new(count).unwrap());
    let (sigma, bound, relation) = (scale(noise), scale(1.0), Relation::ZeroOut);
    let run = MatrixFactorisation::new(strategy, rounds, participations, separation, sigma, bound, relation);
    DpEvent::MatrixFactorisation(run.unwrap())
}

fn discrete_gaussian(noise: f64) -> DpEvent {
    let dimension = NonZeroU64::MIN;
    DpEvent::DiscreteGaussian { sigma: scale(5.0 * noise), bound: scale(5.0), dimension, relation: Relation::ZeroOut }
}

fn laplace(noise: f64) -> DpEvent {
    DpEvent::Laplace { scale: scale(noise), bound: scale(1.0), dimension: NonZeroU64::MIN, relation: Relation::ZeroOut }
}

fn discrete_laplace(noise: f64) -> DpEvent {
    let bound = NonZeroU64::new(5).unwrap();
    DpEvent::DiscreteLaplace {
        scale: scale(5.0 * noise),
        bound,
        dimension: NonZeroU64::MIN,
        relation: Relation::ZeroOut,
    }
}

fn shares(noise: f64) -> DistributedNoise {
    DistributedNoise {
        sigma: scale(20.0 * noise),
        bound: scale(200.0),
        dimension: NonZeroU64::new(64).unwrap(),
        survivors: NonZeroU32::new(100).unwrap(),
        relation: Relation::ZeroOut,
    }
}

fn truncated(noise: f64, rate: f64) -> DpEvent {
    let [population, cap] = [1000, 1 + (1200.0 * rate) as u64].map(|count| NonZeroU64::new(count.min(1000)).unwrap());
    let of = gaussian(noise, Relation::ZeroOut);
    DpEvent::TruncatedPoisson(TruncatedPoisson::new(population, probability(rate), cap, of).unwrap())
}

fn without_replacement(noise: f64, rate: f64) -> DpEvent {
    let [population, cohort] = [1000, (1000.0 * rate).ceil() as u64].map(|count| NonZeroU64::new(count).unwrap());
    let of = gaussian(noise, Relation::ReplaceOne);
    DpEvent::SampledWithoutReplacement(SampledWithoutReplacement::new(population, cohort, of).unwrap())
}

fn allocation(noise: f64, rate: f64) -> DpEvent {
    let [rounds, selected] = [100, (100.0 * rate).ceil() as u32].map(|count| NonZeroU32::new(count).unwrap());
    DpEvent::Allocation(Allocation::new(rounds, selected, gaussian(noise, Relation::ZeroOut)).unwrap())
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn composed(of: impl Into<Vec<DpEvent>>) -> DpEvent {
    DpEvent::Composed { of: of.into() }
}

/// Runs the suite. `supported` names the families for which `accountant` has theorems; it must refuse all others.
/// `slack` is the relative width within which its answers are known: float error, or the width of a discretisation.
pub(super) fn keeps_the_contract(accountant: &dyn Accountant, supported: &[&str], slack: f64) {
    let name = accountant.name();
    for known in supported {
        assert!(FAMILIES.iter().any(|family| family.name == *known), "{name}: no family is called {known:?}");
    }
    for family in &FAMILIES {
        let Family { event, name: kind, .. } = family;
        if supported.contains(kind) {
            prices(accountant, family, slack);
            extremes(accountant, family);
        } else {
            for noise in [0.7, 4.0] {
                refuses(accountant, &event(noise, 0.1), kind);
            }
        }
    }
    nothing_and_everything(accountant);
}

/// More noise, fewer rounds, a larger delta and a smaller rate never cost more, and repetition is composition.
fn prices(accountant: &dyn Accountant, family: &Family, slack: f64) {
    let name = format!("{}: {}", accountant.name(), family.name);
    let epsilon = |event: &DpEvent, at: f64| accountant.epsilon(event, delta(at)).unwrap().get();
    let rises = |costs: &[f64], what: &str| {
        for pair in costs.windows(2) {
            assert!(pair[0] <= pair[1] * (1.0 + slack) + f64::MIN_POSITIVE, "{name}: {what}: {costs:?}");
        }
        assert!(costs[0] < costs[costs.len() - 1], "{name}: {what} makes no difference: {costs:?}");
    };
    let event = (family.event)(1.5, 0.1);
    let at_delta: Vec<f64> = [1e-3, 1e-5, 1e-7, 1e-9].iter().map(|at| epsilon(&event, *at)).collect();
    rises(&at_delta, "a smaller delta");
    let at_noise: Vec<f64> = [20.0, 4.0, 1.5, 0.7].iter().map(|z| epsilon(&(family.event)(*z, 0.1), 1e-5)).collect();
    rises(&at_noise, "less noise");
    if family.sampled {
        let at_rate: Vec<f64> = [0.01, 0.1, 0.5, 1.0].iter().map(|q| epsilon(&(family.event)(1.5, *q), 1e-5)).collect();
        rises(&at_rate, "a higher rate");
    }
    let mut at_count = Vec::new();
    for count in [1, 2, 3, 10, 100] {
        let repeated = epsilon(&event.clone().repeated(count), 1e-5);
        let listed = epsilon(&composed(vec![event.clone(); count as usize]), 1e-5);
        assert!(
            (repeated - listed).abs() <= slack * repeated,
            "{name}: repetition is composition: {repeated} {listed}"
        );
        at_count.push(repeated);
    }
    rises(&at_count, "more rounds");
    let twice = event.clone().repeated(2).repeated(5);
    assert!((epsilon(&twice, 1e-5) - at_count[3]).abs() <= slack * at_count[3], "{name}: repetitions multiply");
    assert_eq!(epsilon(&event.clone().repeated(0), 1e-5), 0.0, "{name}: nothing costs nothing");
    let open = composed([event.clone(), DpEvent::NonPrivate]);
    assert_eq!(accountant.epsilon(&open, delta(1e-5)), Ok(Epsilon::INFINITE), "{name}: one open door opens the house");
    // The same noise under another relation beside it is refused, and is no reason to answer otherwise later.
    let other = match event.relation() {
        Ok(Some(Relation::ZeroOut)) => Relation::ReplaceOne,
        _ => Relation::ZeroOut,
    };
    let mixed = composed([composed([event.clone()]).repeated(2), gaussian(1.5, other).repeated(0)]);
    assert!(matches!(accountant.epsilon(&mixed, delta(1e-5)), Err(Refusal::MixedRelations(_))), "{name}");
    assert_eq!(epsilon(&event, 1e-5), at_delta[1], "{name}: a refusal leaves no trace");
}

/// Whatever a float can say about noise is priced at once, and no price is lower for less noise.
fn extremes(accountant: &dyn Accountant, family: &Family) {
    let name = format!("{}: {}", accountant.name(), family.name);
    let mut last = f64::INFINITY;
    for noise in [1e-300, 1e-160, 1e-30, 1e-9, 1e-4, 0.01, 0.03, 0.1, 1e3, 1e9, 1e160, 1e300] {
        for count in [1, 1000, u32::MAX] {
            match accountant.epsilon(&(family.event)(noise, 0.1).repeated(count), delta(1e-5)) {
                Ok(epsilon) if count == 1000 => {
                    assert!(epsilon.get() <= last * (1.0 + 1e-3), "{name}: {noise}: {epsilon} after {last}");
                    assert!(noise > 0.2 || epsilon.get() > 20.0, "{name}: {noise}: {epsilon}");
                    last = epsilon.get();
                }
                Ok(_) => {}
                // Integers too many to enumerate, shares too small for the theorem: said, and only there.
                Err(refusal) => {
                    let integers = family.name.contains("discrete") && !(0.02..1e4).contains(&noise);
                    assert!(integers, "{name}: {noise}: {refusal}");
                }
            }
        }
    }
}

/// An event without a theorem is refused at any depth, also beside others and repeated zero times.
fn refuses(accountant: &dyn Accountant, event: &DpEvent, kind: &str) {
    let name = accountant.name();
    let beside = DpEvent::gaussian(scale(1.5), scale(1.0), event.relation().unwrap().unwrap());
    let before = accountant.epsilon(&beside, delta(1e-5));
    let hidden = [
        event.clone(),
        event.clone().repeated(3),
        event.clone().repeated(0),
        composed([event.clone()]),
        composed([beside.clone(), composed([event.clone().repeated(2)]).repeated(0)]),
        composed([event.clone(), DpEvent::NonPrivate]),
    ];
    for hidden in hidden {
        let refused = accountant.epsilon(&hidden, delta(1e-5)).expect_err(&format!("{name}: {kind} is not supported"));
        let text = refused.to_string();
        assert!(text.contains(name) && text.contains(": "), "who refused what, and what to do: {text}");
    }
    assert_eq!(accountant.epsilon(&beside, delta(1e-5)), before, "{name}: a refusal leaves no trace");
}

fn nothing_and_everything(accountant: &dyn Accountant) {
    let name = accountant.name();
    for at in [1e-9, 0.5] {
        let epsilon = |event: &DpEvent| accountant.epsilon(event, delta(at)).unwrap();
        assert_eq!(epsilon(&composed([])), Epsilon::ZERO, "{name}: nothing costs nothing");
        assert_eq!(epsilon(&composed([composed([]).repeated(7)])), Epsilon::ZERO, "{name}: nothing costs nothing");
        assert_eq!(epsilon(&DpEvent::NonPrivate), Epsilon::INFINITE, "{name}: not private is infinite");
        let sampled = DpEvent::NonPrivate.poisson_sampled(probability(0.01));
        assert_eq!(epsilon(&sampled), Epsilon::INFINITE, "{name}: not private is infinite, on a sample too");
        assert_eq!(epsilon(&DpEvent::NonPrivate.repeated(0)), Epsilon::ZERO, "{name}: never released");
    }
}

/// What is one Gaussian release.
const GAUSSIAN: [&str; 4] = ["gaussian", "gaussian, replace-one", "tree", "matrix"];
/// What has a divergence proportional to the order.
const CONCENTRATED: [&str; 4] = ["discrete gaussian", "laplace", "discrete laplace", "distributed discrete gaussian"];

#[test]
fn the_exact_accountant_keeps_the_contract() {
    keeps_the_contract(&ExactGaussian, &GAUSSIAN, 1e-9);
}

#[test]
fn the_zcdp_accountant_keeps_the_contract() {
    keeps_the_contract(&ZcdpAccountant, &[GAUSSIAN, CONCENTRATED].concat(), 1e-9);
}

#[test]
fn the_renyi_accountant_keeps_the_contract() {
    let sampled = ["distributed skellam", "poisson, gaussian", "poisson, laplace", "without replacement, gaussian"];
    let supported = [&GAUSSIAN[..], &CONCENTRATED[..], &sampled[..]].concat();
    keeps_the_contract(&RdpAccountant::default(), &supported, 1e-9);
}

#[test]
fn the_loss_distribution_accountant_keeps_the_contract() {
    let others = ["discrete gaussian", "laplace", "discrete laplace", "poisson, gaussian", "poisson, laplace"];
    let sampled = ["truncated poisson, gaussian", "allocation, gaussian"];
    let supported = [&GAUSSIAN[..], &others[..], &sampled[..]].concat();
    keeps_the_contract(&PldAccountant, &supported, 5e-4);
}
