//! Correlated noise through the one door: what is paid for is what runs, a place's noise is given out once and never redrawn, and
//! what a whole block leaks, by experiment, is at most what is claimed and at least half of it (architecture.md, section 7).
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

mod statistics;

use std::{num::NonZeroU32, sync::OnceLock};

use murmur_privacy::{
    Correlation, Delta, Digest, DpEvent, Grid, Ledger, Mechanism, NoiseRng, NoiseStream, Plain, Provenance, Receipt,
    Release, Seal, Sum, Upload,
    accountant::tightest,
    correlated::{Buffered, DyadicBuffer, Limits},
    ledger::Opening,
    noise::Secret,
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier},
    update::ReleaseError,
};
use statistics::{ALPHA, normal_two_sided, probability_at_least, probability_at_most};

const DELTA: f64 = 1e-3;
/// Coordinates: each is an experiment of its own.
const COPIES: usize = 1_000;
const BLOCKS: u32 = 60;
const ROUNDS: u32 = 4;

fn task() -> Digest {
    Digest::of(b"task")
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn grid() -> Grid {
    Grid::fit(Clip::new(1.0).unwrap(), COPIES).unwrap().with_ring_for(2 * COPIES as u64, 1 << 24).unwrap()
}

fn secret(seed: u64) -> Secret {
    NoiseRng::seeded(seed).secret()
}

/// A ledger with a reservation for so many rounds, which gives receipts one by one.
struct Book {
    ledger: Ledger,
    next: u32,
}

impl Book {
    fn open(event: &DpEvent, rounds: u32) -> Self {
        let opening = Opening::new("test".into(), Epsilon::INFINITE, delta(0.5), Provenance::Simulated);
        let (mut ledger, entry) = Ledger::open(opening).unwrap();
        ledger.persisted(entry.index).unwrap();
        let entry = ledger.reserve(task(), event.clone(), rounds, 10, Epsilon::INFINITE, delta(DELTA)).unwrap();
        ledger.persisted(entry.index).unwrap();
        Self { ledger, next: 0 }
    }

    fn pay(&mut self) -> Receipt {
        let entry = self.ledger.open_round(task(), self.next).unwrap();
        self.ledger.persisted(entry.index).unwrap();
        let entry = self.ledger.spend(task(), self.next).unwrap();
        self.next += 1;
        self.ledger.persisted(entry.index).unwrap().unwrap()
    }
}

fn correlations() -> [Correlation; 3] {
    let two = NonZeroU32::new(2).unwrap();
    let limits = Limits { participations: two, separation: two };
    [
        Correlation::banded(ROUNDS, 2, limits).unwrap(),
        Buffered::with_buffers(ROUNDS, limits, vec![DyadicBuffer { decay: 48_000, weight: 30_000 }])
            .map(Correlation::Buffered)
            .unwrap(),
        Correlation::tree(ROUNDS).unwrap(),
    ]
}

/// The rounds in which the device takes part: its worst case.
fn rounds_of(correlation: &Correlation) -> &'static [u32] {
    if correlation.limits().participations.get() == 2 { &[0, 2] } else { &[0] }
}

/// In every coordinate one device, which sends `S` on it; each tries to send ten times as much.
fn everybody(grid: Grid) -> Sum {
    static UPLOADS: OnceLock<Vec<Upload>> = OnceLock::new();
    let upload = |coordinate: usize| {
        let mut values = vec![0.0; COPIES];
        values[coordinate] = 10.0;
        Plain.seal(grid.encode(&Delta::new(values)))
    };
    let mut sum = Sum::new(grid);
    for upload in UPLOADS.get_or_init(|| (0..COPIES).map(upload).collect()) {
        sum.add(upload).unwrap();
    }
    sum
}

fn stream(mechanism: &Mechanism, block: u32, secret: &Secret) -> NoiseStream {
    NoiseStream::new(mechanism, grid(), task(), block, secret).unwrap()
}

/// Many blocks' releases, as one sequence of rounds for each block and coordinate. `noise` gives the stream of a block.
fn outputs(
    mechanism: &Mechanism,
    takes_part: &[u32],
    noise: impl Fn(u32) -> NoiseStream,
) -> Vec<[i64; ROUNDS as usize]> {
    let grid = grid();
    let mut book = Book::open(&mechanism.event(&grid), ROUNDS * BLOCKS);
    let mut all = Vec::new();
    for block in 0..BLOCKS {
        let mut stream = noise(block);
        let mut rounds = vec![[0; ROUNDS as usize]; COPIES];
        for round in 0..ROUNDS {
            let sum = if takes_part.contains(&round) { everybody(grid) } else { Sum::new(grid) };
            let release = sum.release_from(&mut stream, book.pay()).unwrap();
            rounds.iter_mut().zip(release.steps()).for_each(|(rounds, step)| rounds[round as usize] = step);
        }
        all.extend(rounds);
    }
    all
}

/// What tells the two worlds apart best: the sum over rounds in the direction of the device's contribution, divided by the noise's
/// covariance (the likelihood ratio of two Gaussians).
fn projected(mechanism: &Mechanism, takes_part: &[u32], outputs: &[[i64; ROUNDS as usize]]) -> Vec<f64> {
    let covariance = covariance(mechanism);
    let contribution: [f64; 4] = std::array::from_fn(|round| f64::from(u8::from(takes_part.contains(&(round as u32)))));
    let weights = solved(covariance, contribution);
    outputs.iter().map(|rounds| rounds.iter().zip(weights).map(|(step, weight)| *step as f64 * weight).sum()).collect()
}

/// Covariance of the noise between rounds, as the adversary measures it on blocks with nobody in them.
fn covariance(mechanism: &Mechanism) -> [[f64; 4]; 4] {
    let made = outputs(mechanism, &[], |block| stream(mechanism, block, &secret(1_000_000 + u64::from(block))));
    let mut covariance = [[0.0; 4]; 4];
    for rounds in &made {
        for (row, one) in rounds.iter().enumerate() {
            for (column, other) in rounds.iter().enumerate() {
                covariance[row][column] += *one as f64 * *other as f64 / made.len() as f64;
            }
        }
    }
    covariance
}

/// Gaussian elimination.
fn solved(mut matrix: [[f64; 4]; 4], mut right: [f64; 4]) -> [f64; 4] {
    for pivot in 0..4 {
        let above = matrix[pivot];
        for row in pivot + 1..4 {
            let factor = matrix[row][pivot] / above[pivot];
            matrix[row].iter_mut().zip(above).for_each(|(entry, above)| *entry -= factor * above);
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..4).rev() {
        let known: f64 = (row + 1..4).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// Lower bound on epsilon at `DELTA` that the experiment proves, at confidence `1 - ALPHA` over all thresholds tried.
fn proven(with: &[f64], without: &[f64]) -> f64 {
    let n = with.len() as u64;
    let deviation = (without.iter().map(|value| value * value).sum::<f64>() / n as f64).sqrt();
    let thresholds: Vec<f64> = (-6..=14).map(|quarter| deviation * f64::from(quarter) / 2.0).collect();
    let level = ALPHA / (4.0 * thresholds.len() as f64);
    let above = |outputs: &[f64], at: f64| outputs.iter().filter(|output| **output > at).count() as u64;
    let bound = |(high, low): (u64, u64)| {
        ((probability_at_least(high, n, level) - DELTA) / probability_at_most(low, n, level)).ln()
    };
    let both = |at: &f64| {
        let (on, off) = (above(with, *at), above(without, *at));
        bound((on, off)).max(bound((n - off, n - on)))
    };
    thresholds.iter().map(both).filter(|epsilon| epsilon.is_finite()).fold(0.0, f64::max)
}

#[test]
fn a_block_leaks_what_it_claims_and_mutants_leak_more() {
    let seed = 20_261_124;
    println!("seed {seed}");
    for correlation in correlations() {
        let takes_part = rounds_of(&correlation);
        let name = correlation.name();
        let mechanism =
            Mechanism::correlated(&grid(), correlation.clone(), NoiseMultiplier::new(1.0).unwrap()).unwrap();
        let claim = tightest(&mechanism.event(&grid()), delta(DELTA)).unwrap().epsilon.get();
        let fresh = |mechanism: &Mechanism, world: u64, block: u32| {
            stream(mechanism, block, &secret(seed + 1_000 * world + u64::from(block)))
        };
        let experiment = |mechanism: &Mechanism, world: u64| {
            let with = outputs(mechanism, takes_part, |block| fresh(mechanism, world, block));
            let without = outputs(mechanism, &[], |block| fresh(mechanism, world + 1, block));
            proven(&projected(mechanism, takes_part, &with), &projected(mechanism, takes_part, &without))
        };
        let honest = experiment(&mechanism, 0);
        assert!(honest <= claim, "{name}: {honest} proven, {claim} claimed");
        assert!(honest >= claim / 2.0, "{name}: {honest} proven is no test of {claim}");

        let halved = Mechanism::with_sigma(correlation.clone(), mechanism.sigma() / 2).unwrap();
        let half_noise = experiment(&halved, 2);
        assert!(half_noise > claim, "{name}: half the noise proves only {half_noise} of {claim}");

        // A coordinator that draws its noise again after each of four restarts, and releases again what it had released.
        let redrawn = |takes_part: &[u32], world: u64| {
            let mut sums = vec![[0; ROUNDS as usize]; COPIES * BLOCKS as usize];
            for restart in 0..4 {
                let again = outputs(&mechanism, takes_part, |block| fresh(&mechanism, world + restart, block));
                for (sum, rounds) in sums.iter_mut().zip(again) {
                    sum.iter_mut().zip(rounds).for_each(|(sum, step)| *sum += step);
                }
            }
            projected(&mechanism, rounds_of(&correlation), &sums)
        };
        let averaged = proven(&redrawn(takes_part, 10), &redrawn(&[], 20));
        assert!(averaged > claim, "{name}: redrawn noise proves only {averaged} of {claim}");
        println!(
            "{name}: claim {claim:.3}, proven {honest:.3}, half the noise {half_noise:.3}, redrawn noise {averaged:.3}"
        );
    }
}

fn steps(release: &Release) -> Vec<i64> {
    release.steps().collect()
}

#[test]
fn a_restart_continues_with_the_same_noise_and_never_redraws_it() {
    for correlation in correlations() {
        let name = correlation.name();
        let mechanism = Mechanism::with_sigma(correlation, 3_000).unwrap();
        let release_all = |restarts: &[u32], lost: &[u32]| {
            let mut book = Book::open(&mechanism.event(&grid()), ROUNDS);
            let mut noise = stream(&mechanism, 0, &secret(9));
            let mut released = Vec::new();
            for round in 0..ROUNDS {
                if restarts.contains(&round) {
                    // The process is gone with its buffers; the secret was kept.
                    noise = stream(&mechanism, 0, &secret(9));
                }
                let receipt = book.pay();
                if !lost.contains(&round) {
                    let release = everybody(grid()).release_from(&mut noise, receipt).unwrap();
                    released.push((round, steps(&release)));
                }
            }
            released
        };
        let straight = release_all(&[], &[]);
        assert_eq!(release_all(&[1, 3], &[]), straight, "{name}: two restarts");
        assert_eq!(release_all(&[0, 1, 2, 3], &[]), straight, "{name}: a restart in every round");
        // A round that was paid for and lost uses its place up, with a restart and without.
        let rest = [straight[0].clone(), straight[2].clone(), straight[3].clone()];
        assert_eq!(release_all(&[], &[1]), rest, "{name}");
        assert_eq!(release_all(&[2], &[1]), rest, "{name}");
        let mut book = Book::open(&mechanism.event(&grid()), ROUNDS);
        let mut redrawing = stream(&mechanism, 0, &secret(10));
        let other = everybody(grid()).release_from(&mut redrawing, book.pay()).unwrap();
        assert_ne!(steps(&other), straight[0].1, "the test can fail");
    }
}

#[test]
fn the_noise_of_a_place_is_given_out_once() {
    let [correlation, ..] = correlations();
    let mechanism = Mechanism::with_sigma(correlation, 3_000).unwrap();
    let mut noise = stream(&mechanism, 0, &secret(9));
    let mut book = Book::open(&mechanism.event(&grid()), 2 * ROUNDS);
    everybody(grid()).release_from(&mut noise, book.pay()).unwrap();
    let skipped = book.pay();
    everybody(grid()).release_from(&mut noise, book.pay()).unwrap();
    // A receipt that was held back, and one of another ledger for the same place: neither gets the noise again.
    let mut twin = Book::open(&mechanism.event(&grid()), ROUNDS);
    for late in [skipped, twin.pay()] {
        let refused = Sum::new(grid()).release_from(&mut noise, late).unwrap_err();
        assert!(matches!(refused, ReleaseError::PlaceUsed { .. }), "{refused}");
    }
    // The next block needs its own stream.
    book.pay();
    let refused = Sum::new(grid()).release_from(&mut noise, book.pay()).unwrap_err();
    assert!(matches!(refused, ReleaseError::OtherStream { expected: 1, .. }), "{refused}");
}

#[test]
fn a_stream_releases_only_what_its_mechanism_task_grid_and_entropy_were_paid_for() {
    let [correlation, buffered, _] = correlations();
    let mechanism = Mechanism::with_sigma(correlation.clone(), 3_000).unwrap();
    let event = mechanism.event(&grid());
    let pay = |event: &DpEvent| Book::open(event, ROUNDS * 3).pay();
    let mut noise = stream(&mechanism, 0, &secret(9));
    let less = Mechanism::with_sigma(correlation, 2_999).unwrap();
    for wrong in
        [less.event(&grid()), Mechanism::with_sigma(buffered, 3_000).unwrap().event(&grid()), DpEvent::NonPrivate]
    {
        let refused = Sum::new(grid()).release_from(&mut noise, pay(&wrong)).unwrap_err();
        assert!(matches!(refused, ReleaseError::NotPaidFor { .. }), "{wrong:?}");
    }
    let mut foreign = NoiseStream::new(&mechanism, grid(), Digest::of(b"other"), 0, &secret(9)).unwrap();
    let refused = Sum::new(grid()).release_from(&mut foreign, pay(&event)).unwrap_err();
    assert!(matches!(refused, ReleaseError::OtherStream { .. }));
    let narrow = grid().with_ring_for(1, 1).unwrap();
    let refused = Sum::new(narrow).release_from(&mut noise, pay(&event)).unwrap_err();
    assert!(matches!(refused, ReleaseError::OtherStream { .. }));
    let real = NoiseRng::from_operating_system().unwrap().secret();
    let refused = Sum::new(grid()).release_from(&mut stream(&mechanism, 0, &real), pay(&event)).unwrap_err();
    assert!(matches!(refused, ReleaseError::WrongProvenance { .. }));
    // Neither door opens for the other's mechanism.
    let refused = Sum::new(grid()).release(&mechanism, pay(&event), &mut NoiseRng::seeded(1)).unwrap_err();
    assert!(matches!(refused, ReleaseError::NeedsStream { .. }));
    assert!(Sum::new(grid()).release_from(&mut noise, pay(&event)).is_ok());
}

#[test]
fn sums_over_rounds_are_as_noisy_as_their_closed_form_says() {
    const WIDE: usize = 40_000;
    const SIGMA: u64 = 40;
    let seed = 8;
    println!("seed {seed}");
    let grid = Grid::fit(Clip::new(1.0).unwrap(), WIDE).unwrap().with_ring_for(1, 1 << 20).unwrap();
    let limits = Limits { participations: NonZeroU32::new(4).unwrap(), separation: NonZeroU32::new(4).unwrap() };
    let chosen = [
        Correlation::banded(16, 4, limits).unwrap(),
        Correlation::buffered(16, 2, limits).unwrap(),
        Correlation::tree(16).unwrap(),
    ];
    // Standard deviations by which the mean of the squares is off, for a variance of `expected`.
    let off = |values: &[i64], expected: f64| {
        let squares: f64 = values.iter().map(|value| (*value as f64).powi(2)).sum();
        (squares / expected / WIDE as f64 - 1.0) / (2.0 / WIDE as f64).sqrt()
    };
    for correlation in chosen {
        let name = correlation.name();
        let mechanism = Mechanism::with_sigma(correlation.clone(), SIGMA).unwrap();
        let mut noise = NoiseStream::new(&mechanism, grid, task(), 0, &secret(seed)).unwrap();
        let mut book = Book::open(&mechanism.event(&grid), 16);
        let mut prefix = vec![0; WIDE];
        for (round, variance) in correlation.prefix_variances().into_iter().enumerate() {
            let release = steps(&Sum::new(grid).release_from(&mut noise, book.pay()).unwrap());
            prefix.iter_mut().zip(&release).for_each(|(sum, noise)| *sum += noise);
            // Rounding adds less than 1/4 to a variance of 1,600 and more.
            let expected = variance * (SIGMA * SIGMA) as f64;
            assert!(normal_two_sided(off(&prefix, expected)) > ALPHA, "{name}, round {round}");
            assert!(normal_two_sided(off(&prefix, 1.1 * expected)) < ALPHA, "the test can fail");
            let spread = mechanism.spread() as f64;
            assert!(off(&release, spread * spread) < 5.0, "{name}, round {round}: louder than the ring is made for");
        }
    }
}
