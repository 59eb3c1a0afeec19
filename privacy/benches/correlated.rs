//! How long correlated noise takes: choosing a strategy, and deriving the noise of one round for 100,000 parameters.

use std::{hint::black_box, num::NonZeroU32};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use murmur_privacy::{
    Correlation, Digest, Grid, Ledger, Mechanism, NoiseRng, NoiseStream, Provenance, Receipt, Sum,
    correlated::Limits,
    ledger::Opening,
    units::{Clip, DeltaProbability, Epsilon},
};

const DIMENSION: usize = 100_000;
const ROUNDS: u32 = 64;

fn limits(participations: u32, separation: u32) -> Limits {
    let count = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Limits { participations: count(participations), separation: count(separation) }
}

fn choosing(criterion: &mut Criterion) {
    criterion.bench_function("choose 32 bands over 2,000 rounds", |bench| {
        bench.iter(|| Correlation::banded(black_box(2_000), 32, limits(16, 125)));
    });
    criterion.bench_function("choose 3 buffers over 2,000 rounds", |bench| {
        bench.iter(|| Correlation::buffered(black_box(2_000), 3, limits(16, 125)));
    });
}

/// A ledger that pays for one block.
fn receipts(mechanism: &Mechanism, grid: &Grid, task: Digest) -> Option<Vec<Receipt>> {
    let delta = DeltaProbability::new(1e-5).ok()?;
    let opening = Opening::new("bench".into(), Epsilon::INFINITE, delta, Provenance::Simulated);
    let (mut ledger, entry) = Ledger::open(opening).ok()?;
    ledger.persisted(entry.index).ok()?;
    let entry = ledger.reserve(task, mechanism.event(grid), ROUNDS, 10, Epsilon::INFINITE, delta).ok()?;
    ledger.persisted(entry.index).ok()?;
    (0..ROUNDS)
        .map(|round| {
            let entry = ledger.open_round(task, round).ok()?;
            ledger.persisted(entry.index).ok()?;
            let entry = ledger.spend(task, round).ok()?;
            ledger.persisted(entry.index).ok()?
        })
        .collect()
}

/// One round in the middle of a block; what comes before it is not measured.
fn deriving(criterion: &mut Criterion) {
    let strategies = [
        ("16 bands", Correlation::banded(ROUNDS, 16, limits(4, 16))),
        ("3 buffers", Correlation::buffered(ROUNDS, 3, limits(4, 16))),
        ("a tree of 64 leaves, leaf 48", Correlation::tree(ROUNDS)),
    ];
    let Some(grid) = Clip::new(1.0).ok().and_then(|clip| Grid::fit(clip, DIMENSION).ok()) else { return };
    let task = Digest::of(b"bench");
    for (name, correlation) in strategies {
        let mechanism = correlation.ok().and_then(|found| Mechanism::with_sigma(found, 1 << 18).ok());
        let Some(mechanism) = mechanism else { continue };
        let prepared = || {
            let mut stream = NoiseStream::new(&mechanism, grid, task, 0, &NoiseRng::seeded(1).secret()).ok()?;
            let mut receipts = receipts(&mechanism, &grid, task)?;
            let (now, before) = (receipts.swap_remove(48), receipts.swap_remove(47));
            Sum::new(grid).release_from(&mut stream, before).ok()?;
            Some((stream, now))
        };
        criterion.bench_function(&format!("noise of 100,000 coordinates, {name}"), |bench| {
            bench.iter_batched(
                prepared,
                |prepared| {
                    prepared.and_then(|(mut stream, receipt)| Sum::new(grid).release_from(&mut stream, receipt).ok())
                },
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = choosing, deriving
}
criterion_main!(benches);
