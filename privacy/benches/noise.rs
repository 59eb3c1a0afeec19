//! Samples per second of every sampler, on one core, beside the words they are made of.
//!
//! `cargo bench -p murmur-privacy --bench noise`
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark of known good numbers")]

use std::{hint::black_box, num::NonZeroUsize, time::Duration};

use chacha20::ChaCha20Rng;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use murmur_privacy::{
    NoiseRng,
    noise::{DiscreteGaussian, DiscreteLaplace, IntegerNoise, RoundedGaussian, Skellam, fill},
};
use rand::{Rng, SeedableRng};

/// Samples in one go: 64 chunks.
const SAMPLES: usize = 1 << 18;
const SCALES: [u64; 4] = [10, 1000, 1 << 16, 1 << 24];

fn samplers(criterion: &mut Criterion) {
    fn of<N: IntegerNoise>(
        group: &mut criterion::BenchmarkGroup<'_, impl criterion::measurement::Measurement>,
        name: &str,
        noise: &N,
    ) {
        let (mut rng, mut samples) = (NoiseRng::from_operating_system().unwrap(), vec![0; SAMPLES]);
        group.bench_function(name, |bencher| {
            bencher.iter(|| fill(noise, black_box(&mut samples), &mut rng, NonZeroUsize::MIN));
        });
    }
    let mut group = criterion.benchmark_group("noise");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    group.bench_function("words of ChaCha20", |bencher| {
        let (mut rng, mut bytes) = (ChaCha20Rng::from_seed([1; 32]), vec![0; 8 * SAMPLES]);
        bencher.iter(|| rng.fill_bytes(black_box(&mut bytes)));
    });
    for scale in SCALES {
        of(&mut group, &format!("rounded gaussian {scale}"), &RoundedGaussian::new(scale).unwrap());
        of(&mut group, &format!("discrete gaussian {scale}"), &DiscreteGaussian::new(scale).unwrap());
        of(&mut group, &format!("discrete laplace {scale}"), &DiscreteLaplace::new(scale).unwrap());
        of(&mut group, &format!("skellam {scale}"), &Skellam::new(scale).unwrap());
    }
    // Karney's trials: the reference, which draws beyond 2^38.
    of(&mut group, "rounded gaussian 2^44", &RoundedGaussian::new(1 << 44).unwrap());
    group.finish();
}

fn making(criterion: &mut Criterion) {
    // The tables that depend on the scale.
    criterion.bench_function("make discrete gaussian 511", |bencher| {
        bencher.iter(|| DiscreteGaussian::new(black_box(511)).unwrap());
    });
    criterion.bench_function("make skellam 511", |bencher| bencher.iter(|| Skellam::new(black_box(511)).unwrap()));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = samplers, making
}
criterion_main!(benches);
