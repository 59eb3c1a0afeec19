//! What randomising on a device takes, on one core.
//!
//! `cargo bench -p murmur-privacy --bench local`
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark of known good numbers")]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use murmur_privacy::{
    Delta, NoiseRng,
    local::{LocalMechanism, PrivUnit2, ProjectionKind, ProjectionPlan},
    units::{Clip, DeltaProbability, Epsilon},
};

fn parameters(criterion: &mut Criterion) {
    let epsilon = Epsilon::new(256.0).unwrap();
    for dimension in [100, 1_000_000] {
        criterion.bench_function(&format!("privunit2 parameters d={dimension}"), |bencher| {
            bencher.iter(|| PrivUnit2::new(black_box(epsilon), dimension).unwrap());
        });
    }
}

fn updates(criterion: &mut Criterion) {
    let (epsilon, delta) = (Epsilon::new(64.0).unwrap(), DeltaProbability::new(1e-6).unwrap());
    let projected = |sent| Some(ProjectionPlan { kind: ProjectionKind::Hadamard, sent });
    let privunit2 = |projection| LocalMechanism::PrivUnit2 { epsilon, magnitude_epsilon: None, projection };
    let all = [
        ("privunit2", privunit2(None)),
        ("privunitg", LocalMechanism::PrivUnitG { epsilon, magnitude_epsilon: None, projection: None }),
        ("fastprojunit k=1000", privunit2(projected(1_000))),
        ("local gaussian", LocalMechanism::Gaussian { epsilon, delta }),
    ];
    let dimension = 225_034;
    let update = Delta::new((0..dimension).map(|at| (at as f32).sin() * 1e-3).collect());
    let mut rng = NoiseRng::seeded(1);
    for (name, mechanism) in all {
        let local = mechanism.randomiser(Clip::new(0.3).unwrap(), dimension, [7; 32]).unwrap();
        criterion.bench_function(&format!("{name} d={dimension}"), |bencher| {
            bencher.iter(|| local.randomise(black_box(&update), &mut rng));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = parameters, updates
}
criterion_main!(benches);
