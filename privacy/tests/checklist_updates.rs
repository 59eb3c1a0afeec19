//! The honest-privacy checklist (privacy.md, section G), as far as the path of an update can hold it. Each test is named by its item.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

use std::num::{NonZeroU32, NonZeroU64};

use murmur_privacy::{
    Delta, Digest, DpEvent, Encoding, Grid, Ledger, Mechanism, NoiseRng, Plain, Provenance, Receipt, Relation, Seal,
    Sum, Upload,
    accountant::tightest,
    event::DistributedNoise,
    grid::GridError,
    ledger::Opening,
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier, Scale},
    update::ReleaseError,
};

const DIMENSION: usize = 12;

fn clip(value: f64) -> Clip {
    Clip::new(value).unwrap()
}

fn grid() -> Grid {
    Grid::fit(clip(1.0), DIMENSION).unwrap()
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

/// One round that was paid for.
fn receipt(event: DpEvent, provenance: Provenance) -> Receipt {
    let opening = Opening::new("phones".into(), Epsilon::INFINITE, delta(0.5), provenance);
    let (mut ledger, entry) = Ledger::open(opening).unwrap();
    ledger.persisted(entry.index).unwrap();
    let task = Digest::of(b"task");
    let entry = ledger.reserve(task, event, 1, 10, Epsilon::INFINITE, delta(1e-3)).unwrap();
    ledger.persisted(entry.index).unwrap();
    let entry = ledger.open_round(task, 0).unwrap();
    ledger.persisted(entry.index).unwrap();
    let entry = ledger.spend(task, 0).unwrap();
    ledger.persisted(entry.index).unwrap().unwrap()
}

fn uploads() -> Vec<Upload> {
    let update = |device: usize| {
        let values = (0..DIMENSION).map(|place| ((device * 31 + place * 17) as f32 * 0.37).sin() * 0.2);
        Plain.seal(grid().encode(&Delta::new(values.collect())))
    };
    (0..9).map(update).collect()
}

/// What a sum releases where nothing is added to it.
fn plainly(sum: Sum) -> Vec<i64> {
    let mechanism = Mechanism::None;
    let receipt = receipt(mechanism.event(&grid()), Provenance::Simulated);
    sum.release(&mechanism, receipt, &mut NoiseRng::seeded(1)).unwrap().steps().collect()
}

#[test]
fn g02_what_is_released_is_unweighted_so_no_device_moves_it_by_more_than_its_sensitivity() {
    let bound = grid().bound() as f64;
    let event = Mechanism::gaussian(&grid(), NoiseMultiplier::new(1.0).unwrap()).unwrap().event(&grid());
    assert_eq!(event, DpEvent::gaussian(Scale::new(bound).unwrap(), Scale::new(bound).unwrap(), Relation::ZeroOut));
    // A device that multiplies its update by the number of its examples, as federated averaging does elsewhere.
    for examples in [1.0_f32, 1e3, 1e12] {
        let values = (0..DIMENSION).map(|place| examples * (place as f32 - 4.0)).collect();
        let mut sum = Sum::new(grid());
        sum.add(&Plain.seal(grid().encode(&Delta::new(values)))).unwrap();
        let moved = plainly(sum).iter().map(|step| (*step as f64) * (*step as f64)).sum::<f64>().sqrt();
        assert!(moved <= bound && moved > 0.9 * bound, "{examples}: {moved} of {bound}");
    }
}

#[test]
fn g07_noise_of_a_seed_is_no_noise_of_the_operating_system_and_the_reverse() {
    let mechanism = Mechanism::gaussian(&grid(), NoiseMultiplier::new(1.0).unwrap()).unwrap();
    for (recorded, mut entropy) in [
        (Provenance::OperatingSystem, NoiseRng::seeded(7)),
        (Provenance::Simulated, NoiseRng::from_operating_system().unwrap()),
    ] {
        let found = entropy.provenance();
        assert_ne!(recorded, found);
        let receipt = receipt(mechanism.event(&grid()), recorded);
        let refused = Sum::new(grid()).release(&mechanism, receipt, &mut entropy).unwrap_err();
        assert_eq!(refused, ReleaseError::WrongProvenance { recorded, found });
    }
    // The system's keys differ from one run to the next, and from those of any seed.
    let drawn = || *NoiseRng::from_operating_system().unwrap().secret().expose();
    assert_ne!(drawn(), drawn());
}

#[test]
fn g08_sums_and_noise_are_integers_whose_bits_depend_on_no_order_and_no_thread_and_that_cannot_wrap() {
    let all = uploads();
    let straight = |order: &mut dyn Iterator<Item = usize>| {
        let mut sum = Sum::new(grid());
        order.for_each(|device| sum.add(&all[device]).unwrap());
        sum
    };
    let mechanism = Mechanism::gaussian(&grid(), NoiseMultiplier::new(1.0).unwrap()).unwrap();
    let released = |sum: Sum, threads: u32| -> Vec<i64> {
        let receipt = receipt(mechanism.event(&grid()), Provenance::Simulated);
        let threads = std::num::NonZeroUsize::new(threads as usize).unwrap();
        sum.release_by(&mechanism, receipt, &mut NoiseRng::seeded(3), threads).unwrap().steps().collect()
    };
    let expected = released(straight(&mut (0..9)), 1);
    assert_eq!(released(straight(&mut (0..9).rev()), 2), expected);
    let mut parts = straight(&mut [2, 8, 5].into_iter());
    parts.append(&mut straight(&mut [0, 1, 3, 4, 6, 7].into_iter())).unwrap();
    assert_eq!(released(parts, 3), expected);
    assert_ne!(plainly(straight(&mut (0..9))), expected);
    // No grid on which the largest sum and its noise could come round.
    let crowded = grid().with_ring_for(u64::MAX, 1);
    assert!(matches!(crowded, Err(GridError::Wraps { .. })), "{crowded:?}");
}

#[test]
fn g10_several_tensors_have_one_clip_and_one_bound_together() {
    // Two tensors in one update, each of the largest norm by itself: sent in full they would have sqrt(2) of the sensitivity.
    let mut values = vec![0.0; DIMENSION];
    (values[0], values[DIMENSION - 1]) = (1.0, 1.0);
    let mut sum = Sum::new(grid());
    sum.add(&Plain.seal(grid().encode(&Delta::new(values)))).unwrap();
    let sent = plainly(sum);
    let bound = grid().bound() as i64;
    assert!(sent.iter().map(|step| step * step).sum::<i64>() <= bound * bound);
    assert!(sent[0] < bound && sent[0] > bound * 7 / 10 - 10, "{sent:?}");
    // And whoever sends both in full is refused.
    let full = |norm: i64| {
        let mut bytes = vec![0; Upload::encoded_len(&grid())];
        let bits = usize::from(grid().ring_bits());
        for place in [0, DIMENSION - 1] {
            for bit in (0..bits).filter(|bit| norm >> bit & 1 == 1) {
                let at = place * bits + bit;
                bytes[at / 8] |= 1 << (at % 8);
            }
        }
        Upload::from_plain_bytes(&Encoding::plain(grid()), &bytes)
    };
    assert!(full(bound / 2).is_ok());
    assert!(full(bound).is_err());
}

#[test]
fn g14_noise_in_shares_is_priced_for_those_who_survive_and_a_sum_without_any_has_no_price() {
    let event = |survivors: u32| {
        DpEvent::DistributedDiscreteGaussian(DistributedNoise {
            sigma: Scale::new(40.0).unwrap(),
            bound: Scale::new(100.0).unwrap(),
            dimension: NonZeroU64::new(64).unwrap(),
            survivors: NonZeroU32::new(survivors).unwrap(),
            relation: Relation::ZeroOut,
        })
    };
    let price = |survivors| tightest(&event(survivors), delta(1e-6)).unwrap().epsilon.get();
    let (all, most, few) = (price(100), price(90), price(10));
    assert!(all < most && most < few, "{all} {most} {few}");
    // Ten of a hundred have a tenth of the variance: more than three times the loss, not the one that was planned.
    assert!(few > 3.0 * all, "{few} {all}");
    // Nobody's noise is no event at all: there is no such number of survivors.
    let written = serde_json::to_string(&event(1)).unwrap();
    assert!(serde_json::from_str::<DpEvent>(&written.replace("\"survivors\":1", "\"survivors\":0")).is_err());
}
