//! Properties of all events, however they nest: they are written and read without loss, no accountant panics on one, and
//! none prices a whole of which it refuses a part.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

use std::num::{NonZeroU32, NonZeroU64};

use murmur_privacy::{
    DpEvent, Relation,
    accountant::{Accountant, ExactGaussian, RdpAccountant, ZcdpAccountant},
    event::{
        Allocation, Buffer, BufferedToeplitz, DistributedNoise, LowerTriangular, MatrixFactorisation,
        SampledWithoutReplacement, Strategy as MatrixStrategy, Toeplitz, TruncatedPoisson,
    },
    units::{DeltaProbability, SamplingRate, Scale},
};
use proptest::prelude::*;

fn scale() -> impl Strategy<Value = Scale> {
    // From the smallest float to the largest, and mostly where people are.
    prop_oneof![8 => 0.1..50.0, 1 => 1e-300..1e-290, 1 => 1e290..1e300, 1 => Just(f64::MAX), 1 => Just(5e-324)]
        .prop_map(|value| Scale::new(value).unwrap())
}

fn count() -> impl Strategy<Value = NonZeroU32> {
    prop_oneof![8 => 1..40_u32, 1 => Just(u32::MAX)].prop_map(|value| NonZeroU32::new(value).unwrap())
}

fn large_count() -> impl Strategy<Value = NonZeroU64> {
    prop_oneof![8 => 1..5000_u64, 1 => Just(u64::MAX)].prop_map(|value| NonZeroU64::new(value).unwrap())
}

fn relation() -> impl Strategy<Value = Relation> {
    prop_oneof![4 => Just(Relation::ZeroOut), 1 => Just(Relation::ReplaceOne)]
}

fn rate() -> impl Strategy<Value = SamplingRate> {
    prop_oneof![8 => 0.001..1.0, 1 => Just(1.0), 1 => Just(5e-324)].prop_map(|value| SamplingRate::new(value).unwrap())
}

fn matrix_strategy() -> impl Strategy<Value = (MatrixStrategy, u32)> {
    let coefficients = prop::collection::vec(0.001..2.0_f64, 1..8).prop_map(|mut values| {
        values.sort_by(|left, right| right.total_cmp(left));
        MatrixStrategy::Toeplitz(Toeplitz::new(values).unwrap())
    });
    let buffers = prop::collection::vec((0.01..0.99_f64, 0.01..0.2_f64), 1..5).prop_map(|pairs| {
        let buffers = pairs.into_iter().map(|(decay, weight)| Buffer { decay, weight });
        MatrixStrategy::BufferedToeplitz(BufferedToeplitz::new(buffers.collect()).unwrap())
    });
    let columns = prop::collection::vec(0.1..3.0_f64, 1..8).prop_map(|diagonal| {
        let rounds = diagonal.len();
        let column = |(i, entry): (usize, f64)| (i..rounds).map(|t| entry - (t - i) as f64).collect();
        let columns: Vec<Vec<f64>> = diagonal.into_iter().enumerate().map(column).collect();
        (MatrixStrategy::LowerTriangular(LowerTriangular::new(columns).unwrap()), rounds as u32)
    });
    prop_oneof![(coefficients, 8..200_u32), (buffers, 1..200_u32), columns]
}

fn shares() -> impl Strategy<Value = DistributedNoise> {
    (scale(), scale(), large_count(), count(), relation()).prop_map(|(sigma, bound, dimension, survivors, relation)| {
        DistributedNoise { sigma, bound, dimension, survivors, relation }
    })
}

fn release() -> impl Strategy<Value = DpEvent> {
    prop_oneof![
        1 => Just(DpEvent::NonPrivate),
        6 => (scale(), scale(), relation()).prop_map(|(sigma, bound, relation)| DpEvent::gaussian(sigma, bound, relation)),
        2 => (scale(), scale(), large_count(), relation()).prop_map(|(sigma, bound, dimension, relation)| {
            DpEvent::DiscreteGaussian { sigma, bound, dimension, relation }
        }),
        2 => (scale(), scale(), large_count(), relation()).prop_map(|(scale, bound, dimension, relation)| {
            DpEvent::Laplace { scale, bound, dimension, relation }
        }),
        2 => (scale(), large_count(), large_count(), relation()).prop_map(|(scale, bound, dimension, relation)| {
            DpEvent::DiscreteLaplace { scale, bound, dimension, relation }
        }),
        1 => shares().prop_map(DpEvent::DistributedDiscreteGaussian),
        1 => shares().prop_map(DpEvent::DistributedSkellam),
        1 => (scale(), scale(), count(), count(), relation()).prop_map(|(sigma, bound, leaves, trees, relation)| {
            DpEvent::TreeAggregation { sigma, bound, leaves, trees, relation }
        }),
        1 => (matrix_strategy(), count(), count(), scale(), scale(), relation()).prop_map(
            |((strategy, rounds), participations, separation, sigma, bound, relation)| {
                let rounds = NonZeroU32::new(rounds).unwrap();
                let run =
                    MatrixFactorisation::new(strategy, rounds, participations, separation, sigma, bound, relation);
                DpEvent::MatrixFactorisation(run.unwrap())
            }
        ),
    ]
}

fn event() -> impl Strategy<Value = DpEvent> {
    release().prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            3 => (rate(), inner.clone()).prop_map(|(rate, of)| of.poisson_sampled(rate)),
            1 => (large_count(), rate(), large_count(), inner.clone()).prop_map(|(one, rate, other, of)| {
                DpEvent::TruncatedPoisson(TruncatedPoisson::new(one.max(other), rate, one.min(other), of).unwrap())
            }),
            2 => (large_count(), large_count(), inner.clone()).prop_map(|(one, other, of)| {
                // Under another relation it cannot be: then the mechanism itself is tried.
                SampledWithoutReplacement::new(one.max(other), one.min(other), of.clone())
                    .map_or(of, DpEvent::SampledWithoutReplacement)
            }),
            1 => (count(), count(), inner.clone()).prop_map(|(one, other, of)| {
                DpEvent::Allocation(Allocation::new(one.max(other), one.min(other), of).unwrap())
            }),
            2 => (prop_oneof![0..5_u32, Just(u32::MAX)], inner.clone()).prop_map(|(count, of)| of.repeated(count)),
            2 => prop::collection::vec(inner, 0..4).prop_map(|of| DpEvent::Composed { of }),
        ]
    })
}

/// Few orders, so that many events are tried; fractional ones and large ones among them.
fn accountants() -> [Box<dyn Accountant>; 3] {
    let renyi = RdpAccountant::with_orders(&[1.1, 2.0, 3.5, 16.0, 64.5]);
    [Box::new(ExactGaussian), Box::new(ZcdpAccountant), Box::new(renyi)]
}

fn parts(event: &DpEvent) -> Vec<&DpEvent> {
    match event {
        DpEvent::Repeated { of, .. } => vec![of],
        DpEvent::Composed { of } => of.iter().collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_event_is_written_and_read_without_loss(event in event()) {
        let text = serde_json::to_string(&event).unwrap();
        let back: DpEvent = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back, &event);
        prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }

    #[test]
    fn a_whole_is_refused_with_any_of_its_parts_and_costs_no_less(event in event()) {
        let delta = DeltaProbability::new(1e-6).unwrap();
        for accountant in accountants() {
            let whole = accountant.epsilon(&event, delta);
            if event.relation().is_err() {
                prop_assert!(whole.is_err(), "{} prices mixed relations", accountant.name());
            }
            for part in parts(&event) {
                match (&whole, accountant.epsilon(part, delta)) {
                    (Ok(_), Err(refused)) => prop_assert!(false, "{} misses {refused}", accountant.name()),
                    (Ok(whole), Ok(part)) if !matches!(event, DpEvent::Repeated { count: 0, .. }) => {
                        prop_assert!(whole.get() >= part.get() * (1.0 - 1e-9), "{}: {whole} {part}", accountant.name());
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn less_noise_never_costs_less(noise in 0.05..50.0_f64, more in 1.0..4.0_f64, q in 0.001..1.0_f64) {
        let delta = DeltaProbability::new(1e-6).unwrap();
        let scale = |value: f64| Scale::new(value).unwrap();
        let rate = SamplingRate::new(q).unwrap();
        let one = scale(1.0);
        for relation in [Relation::ZeroOut, Relation::ReplaceOne] {
            let kinds = |noise: f64| {
                [
                    DpEvent::gaussian(scale(noise), one, relation),
                    DpEvent::Laplace { scale: scale(noise), bound: one, dimension: NonZeroU64::MIN, relation },
                    DpEvent::DiscreteLaplace { scale: scale(noise), bound: NonZeroU64::MIN, dimension: NonZeroU64::MIN, relation },
                    DpEvent::gaussian(scale(noise), one, relation).poisson_sampled(rate),
                    DpEvent::Laplace { scale: scale(noise), bound: one, dimension: NonZeroU64::MIN, relation }.poisson_sampled(rate),
                ]
            };
            for accountant in accountants() {
                for (little, much) in kinds(noise).iter().zip(&kinds(noise * more)) {
                    let costs = [little, much].map(|event| accountant.epsilon(event, delta));
                    if let [Ok(little), Ok(much)] = costs {
                        prop_assert!(little.get() >= much.get() * (1.0 - 1e-9), "{}: {little} {much}", accountant.name());
                    }
                }
            }
        }
    }
}
