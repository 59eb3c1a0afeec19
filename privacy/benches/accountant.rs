//! What prices and calibrations take, on one core.
//!
//! `cargo bench -p murmur-privacy`
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark of known good numbers")]

use std::{hint::black_box, num::NonZeroU32, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use murmur_privacy::{
    DpEvent, Relation,
    accountant::{Accountant, Calibration, PldAccountant, RdpAccountant, tightest},
    event::Allocation,
    units::{DeltaProbability, Epsilon, SamplingRate, Scale},
};

fn gaussian(multiplier: f64) -> DpEvent {
    DpEvent::gaussian(Scale::new(multiplier).unwrap(), Scale::new(1.0).unwrap(), Relation::ZeroOut)
}

fn schedule(multiplier: f64, rate: f64, rounds: u32) -> DpEvent {
    gaussian(multiplier).poisson_sampled(SamplingRate::new(rate).unwrap()).repeated(rounds)
}

fn prices(criterion: &mut Criterion) {
    let delta = DeltaProbability::new(1e-5).unwrap();
    let (usual, tiny) = (schedule(1.0, 0.01, 10_000), schedule(8.0, 1e-4, 10_000));
    let rdp = RdpAccountant::default();
    criterion.bench_function("pld epsilon z=1 q=0.01 T=10000", |bencher| {
        bencher.iter(|| PldAccountant.epsilon(black_box(&usual), delta).unwrap());
    });
    criterion.bench_function("pld both bounds z=1 q=0.01 T=10000", |bencher| {
        bencher.iter(|| PldAccountant.bounds(black_box(&usual), delta).unwrap());
    });
    criterion.bench_function("pld epsilon z=8 q=1e-4 T=10000", |bencher| {
        bencher.iter(|| PldAccountant.epsilon(black_box(&tiny), delta).unwrap());
    });
    criterion.bench_function("rdp epsilon z=1 q=0.01 T=10000", |bencher| {
        bencher.iter(|| rdp.epsilon(black_box(&usual), delta).unwrap());
    });
    criterion.bench_function("tightest z=1 q=0.01 T=10000", |bencher| {
        bencher.iter(|| tightest(black_box(&usual), delta).unwrap());
    });
    let block = |selected| {
        let rounds = |number| NonZeroU32::new(number).unwrap();
        DpEvent::Allocation(Allocation::new(rounds(1_000), rounds(selected), gaussian(1.0)).unwrap())
    };
    for selected in [1, 10] {
        let block = block(selected);
        criterion.bench_function(&format!("pld epsilon of allocation z=1 {selected} of 1000"), |bencher| {
            bencher.iter(|| PldAccountant.epsilon(black_box(&block), delta).unwrap());
        });
    }
}

fn calibrations(criterion: &mut Criterion) {
    let (target, delta) = (Epsilon::new(2.0).unwrap(), DeltaProbability::new(1e-5).unwrap());
    criterion.bench_function("noise by pld for epsilon 2 q=0.01 T=10000", |bencher| {
        let calibration = Calibration::by(&PldAccountant, target, delta);
        bencher.iter(|| calibration.noise(|multiplier| schedule(multiplier.get(), 0.01, 10_000)).unwrap());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = prices, calibrations
}
criterion_main!(benches);
