//! What a coordinator does with the bytes of an update: the check of its norm, and the addition.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use murmur_privacy::{Delta, Encoding, Grid, Plain, Seal, Sum, Upload, units::Clip};

const PARAMETERS: usize = 1_000_000;

fn uploads(criterion: &mut Criterion) {
    let grid = Grid::fit(Clip::new(1.0).unwrap(), PARAMETERS).unwrap().with_ring_for(1_000, 100_000).unwrap();
    let values = (0..PARAMETERS).map(|place| (place as f32 * 0.37).sin() / 1_000.0).collect();
    let bytes = Plain.seal(grid.encode(&Delta::new(values))).to_bytes();
    let encoding = Encoding::plain(grid);
    let mut group = criterion.benchmark_group(format!("an update of {PARAMETERS} in {} bits", grid.ring_bits()));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("check", |bencher| {
        bencher.iter_batched(
            || bytes.clone(),
            |bytes| Upload::from_plain_vec(&encoding, black_box(bytes)).unwrap(),
            criterion::BatchSize::LargeInput,
        );
    });
    let upload = Upload::from_plain_vec(&encoding, bytes.clone()).unwrap();
    let mut sum = Sum::new(grid);
    group.bench_function("add", |bencher| bencher.iter(|| sum.add(black_box(&upload)).unwrap()));
    group.bench_function("take in", |bencher| {
        bencher.iter_batched(
            || Upload::from_plain_vec(&encoding, bytes.clone()).unwrap(),
            |upload| sum.take_in(black_box(upload)).unwrap(),
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = uploads
}
criterion_main!(benches);
