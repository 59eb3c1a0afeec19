//! M(D) against M(D'), by experiment: what the real release leaks is at most what is claimed, and at least half of it;
//! mutants with half the noise or without the clip leak more than is claimed (architecture.md, section 7).
//!
//! One round, everybody takes part, and the direction is known: in one world the device sends `S` on the first
//! coordinate, in the other it sends nothing. The adversary compares that coordinate of the release with a threshold.
//! By the definition, `P(M(D) above) <= e^epsilon P(M(D') above) + delta`, and the same with the worlds exchanged.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

mod statistics;

use murmur_privacy::{
    Delta, Digest, Encoding, Grid, Ledger, Mechanism, NoiseRng, Plain, Provenance, Receipt, Seal, Sum, Upload,
    accountant::tightest,
    encoding::Share,
    ledger::Opening,
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier},
};
use statistics::{ALPHA, probability_at_least, probability_at_most};

const CLIP: f32 = 1.0;
const RELEASES: u32 = 250_000;
const DELTA: f64 = 1e-3;

fn receipts(event: &murmur_privacy::DpEvent, count: u32) -> Vec<Receipt> {
    let opening =
        Opening::new("test".into(), Epsilon::INFINITE, DeltaProbability::new(0.5).unwrap(), Provenance::Simulated);
    let (mut ledger, entry) = Ledger::open(opening).unwrap();
    ledger.persisted(entry.index).unwrap();
    let task = Digest::of(b"task");
    let delta = DeltaProbability::new(DELTA).unwrap();
    let entry = ledger.reserve(task, event.clone(), count, 10, Epsilon::INFINITE, delta).unwrap();
    ledger.persisted(entry.index).unwrap();
    (0..count)
        .map(|round| {
            let entry = ledger.open_round(task, round).unwrap();
            ledger.persisted(entry.index).unwrap();
            let entry = ledger.spend(task, round).unwrap();
            ledger.persisted(entry.index).unwrap().unwrap()
        })
        .collect()
}

/// First coordinates of many releases of one sum.
fn outputs(upload: Option<&[u8]>, grid: Grid, mechanism: &Mechanism, rng: &mut NoiseRng) -> Vec<i64> {
    receipts(&mechanism.event(&grid), RELEASES)
        .into_iter()
        .map(|receipt| {
            let mut sum = Sum::new(grid);
            if let Some(bytes) = upload {
                // Straight into the sum: the mutant without a clip skips the check that every real upload passes.
                sum.add(&Upload::from_plain_bytes(&Encoding::plain(grid), bytes).unwrap()).unwrap();
            }
            sum.release(mechanism, receipt, rng).unwrap().steps().next().unwrap()
        })
        .collect()
}

/// Lower bound on epsilon at `DELTA` that the experiment proves, at confidence `1 - ALPHA` over all thresholds tried.
fn proven(with: &[i64], without: &[i64], thresholds: &[i64]) -> f64 {
    let level = ALPHA / (4.0 * thresholds.len() as f64);
    let above = |outputs: &[i64], at: i64| outputs.iter().filter(|output| **output > at).count() as u64;
    let n = u64::from(RELEASES);
    let bound = |(high, low): (u64, u64)| {
        ((probability_at_least(high, n, level) - DELTA) / probability_at_most(low, n, level)).ln()
    };
    let both = |at: &i64| {
        let (on, off) = (above(with, *at), above(without, *at));
        bound((on, off)).max(bound((n - off, n - on)))
    };
    thresholds.iter().map(both).filter(|epsilon| epsilon.is_finite()).fold(0.0, f64::max)
}

#[test]
fn the_mechanism_leaks_what_it_claims_and_mutants_leak_more() {
    let seed = 20_261_124;
    println!("seed {seed}");
    let mut rng = NoiseRng::seeded(seed);
    let grid = Grid::fit(Clip::new(f64::from(CLIP)).unwrap(), 1).unwrap();
    let bound = grid.bound() as i64;
    let thresholds: Vec<i64> = (-8..=12).map(|tenth| bound * tenth / 4).collect();
    let claim_of = |mechanism: &Mechanism| {
        tightest(&mechanism.event(&grid), DeltaProbability::new(DELTA).unwrap()).unwrap().epsilon.get()
    };
    // The device tries to send ten times its clip; encoding allows it S and no more.
    let mut upload = Plain.seal(grid.encode(&Delta::new(vec![10.0 * CLIP]))).to_bytes();
    for multiplier in [1.0, 2.0] {
        let mechanism = Mechanism::gaussian(&grid, NoiseMultiplier::new(multiplier).unwrap()).unwrap();
        let claim = claim_of(&mechanism);
        let without = outputs(None, grid, &mechanism, &mut rng);
        let with = outputs(Some(&upload), grid, &mechanism, &mut rng);
        let honest = proven(&with, &without, &thresholds);
        assert!(honest <= claim, "seed {seed}, z {multiplier}: {honest} proven, {claim} claimed");
        assert!(honest >= claim / 2.0, "seed {seed}, z {multiplier}: {honest} proven is no test of {claim}");

        let halved = Mechanism::Gaussian { sigma: mechanism.sigma() / 2 };
        let (with_less, without_less) =
            (outputs(Some(&upload), grid, &halved, &mut rng), outputs(None, grid, &halved, &mut rng));
        let half_noise = proven(&with_less, &without_less, &thresholds);
        assert!(half_noise > claim, "seed {seed}, z {multiplier}: half the noise proves only {half_noise} of {claim}");

        // Without the clip the device's contribution is 2 S: the release of the same noise, moved by another S.
        let unclipped: Vec<i64> = with.iter().map(|output| output + bound).collect();
        let no_clip = proven(&unclipped, &without, &thresholds);
        assert!(no_clip > claim, "seed {seed}, z {multiplier}: no clip proves only {no_clip} of {claim}");
        println!(
            "z {multiplier}: claim {claim:.3}, proven {honest:.3}, half the noise {half_noise:.3}, no clip {no_clip:.3}"
        );
    }
    // And the unclipped bytes themselves are refused: the mutant cannot come in over the wire.
    upload = (2 * bound).to_le_bytes().to_vec();
    assert!(Upload::from_plain_bytes(&Encoding::plain(grid), &upload).is_err());
}

/// One device in the whole vector: `S_0` on the model's only coordinate, and 1 on the indicator of the clip beside it. The adversary looks
/// along the direction in which the two worlds differ.
#[test]
fn the_indicator_of_the_clip_is_noised_within_the_same_claim_and_without_its_noise_leaks_more() {
    let seed = 20_261_125;
    println!("seed {seed}");
    let mut rng = NoiseRng::seeded(seed);
    let shares = [Share::new(0.1).unwrap()];
    let grid = Encoding::fit(Clip::new(f64::from(CLIP)).unwrap(), 1, &shares).unwrap();
    let encoding = Encoding::new(grid, &shares).unwrap();
    let mechanism = Mechanism::gaussian(&grid, NoiseMultiplier::new(1.0).unwrap()).unwrap();
    let claim = tightest(&mechanism.event(&grid), DeltaProbability::new(DELTA).unwrap()).unwrap().epsilon.get();
    let direction = [encoding.model_bound() as i64, encoding.measure_bounds()[0] as i64];
    let upload = Plain.seal(encoding.encode(&Delta::new(vec![10.0 * CLIP]), &[1.0])).to_bytes();
    let released = |takes_part: bool, rng: &mut NoiseRng| -> Vec<[i64; 2]> {
        let release = |receipt| {
            let mut sum = Sum::new(grid);
            if takes_part {
                sum.add(&Upload::from_plain_bytes(&encoding, &upload).unwrap()).unwrap();
            }
            let release = sum.release(&mechanism, receipt, rng).unwrap();
            let mut steps = release.steps();
            [steps.next().unwrap(), steps.next().unwrap()]
        };
        receipts(&mechanism.event(&grid), RELEASES).into_iter().map(release).collect()
    };
    let along = |outputs: &[[i64; 2]]| -> Vec<i64> {
        outputs.iter().map(|output| output[0] * direction[0] + output[1] * direction[1]).collect()
    };
    let (with, without) = (released(true, &mut rng), released(false, &mut rng));
    let square = (grid.bound() * grid.bound()) as i64;
    let thresholds: Vec<i64> = (-8..=12).map(|tenth| square * tenth / 4).collect();
    let honest = proven(&along(&with), &along(&without), &thresholds);
    assert!(honest <= claim, "seed {seed}: {honest} proven, {claim} claimed");
    assert!(honest >= claim / 2.0, "seed {seed}: {honest} proven is no test of {claim}");
    // The indicator by itself. A release that left its noise out would show what `bare` shows, and fail here.
    let indicator = |outputs: &[[i64; 2]]| -> Vec<i64> { outputs.iter().map(|output| output[1]).collect() };
    let bare = |value: i64| vec![value; RELEASES as usize];
    let half = [direction[1] / 2];
    let (noised, exposed) =
        (proven(&indicator(&with), &indicator(&without), &half), proven(&bare(direction[1]), &bare(0), &half));
    assert!(noised <= claim && exposed > claim, "seed {seed}: {noised} noised, {exposed} bare, {claim} claimed");
    println!(
        "claim {claim:.3}, proven {honest:.3}, by the indicator alone {noised:.3}, without its noise {exposed:.3}"
    );
}
