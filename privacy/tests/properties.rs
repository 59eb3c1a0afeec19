//! The path of an update, for all inputs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

use std::ops::RangeInclusive;

use murmur_privacy::{
    Delta, Digest, Encoding, Grid, Ledger, Mechanism, NoiseRng, Plain, Provenance, Receipt, Release, Seal, Sum, Upload,
    ledger::Opening,
    units::{Clip, DeltaProbability, Epsilon},
    update::UploadError,
};
use proptest::{collection::vec, prelude::*};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Any finite f32, most of them of no ordinary size.
fn finite() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |x| x.is_finite()),
        2 => -1.0_f32..1.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, -1e-45, 1.0]),
    ]
}

/// Vectors of one to 5,000 coordinates: each its own value, or all of one size, or one among zeros.
fn delta() -> impl Strategy<Value = Vec<f32>> {
    prop_oneof![
        vec(finite(), 1..40),
        (finite(), 1_usize..5000).prop_map(|(value, length)| vec![value; length]),
        (finite(), 1_usize..5000, any::<prop::sample::Index>()).prop_map(|(value, length, at)| {
            let mut values = vec![0.0; length];
            values[at.index(length)] = value;
            values
        }),
        (vec(finite(), 1..8), 1_usize..5000).prop_map(|(some, length)| some.into_iter().cycle().take(length).collect()),
    ]
}

/// Clips over the whole range for which a grid exists.
fn clip() -> impl Strategy<Value = f64> {
    prop_oneof![(-30.0..30.0_f64).prop_map(f64::exp), (-150.0..150.0_f64).prop_map(f64::exp)]
}

fn fitted(clip: f64, dimension: usize) -> Grid {
    Grid::fit(Clip::new(clip).unwrap(), dimension).unwrap()
}

fn packed(values: &[i64], ring_bits: u8) -> Vec<u8> {
    let mut bytes = vec![0_u8; (values.len() * usize::from(ring_bits)).div_ceil(8)];
    for (index, value) in values.iter().enumerate() {
        for bit in 0..usize::from(ring_bits) {
            let at = index * usize::from(ring_bits) + bit;
            bytes[at / 8] |= ((value >> bit & 1) as u8) << (at % 8);
        }
    }
    bytes
}

fn unpacked(bytes: &[u8], ring_bits: u8, count: usize) -> Vec<i64> {
    let bits = usize::from(ring_bits);
    let value = |index: usize| {
        let word = (0..bits).fold(0_u64, |word, bit| {
            let at = index * bits + bit;
            word | u64::from(bytes[at / 8] >> (at % 8) & 1) << bit
        });
        ((word << (64 - bits)) as i64) >> (64 - bits)
    };
    (0..count).map(value).collect()
}

fn receipt(grid: &Grid, mechanism: &Mechanism) -> Receipt {
    let opening =
        Opening::new("test".into(), Epsilon::INFINITE, DeltaProbability::new(0.5).unwrap(), Provenance::Simulated);
    let (mut ledger, entry) = Ledger::open(opening).unwrap();
    ledger.persisted(entry.index).unwrap();
    let at = DeltaProbability::new(1e-5).unwrap();
    let entry = ledger.reserve(Digest::ZERO, mechanism.event(grid), 1, 10, Epsilon::INFINITE, at).unwrap();
    ledger.persisted(entry.index).unwrap();
    let entry = ledger.open_round(Digest::ZERO, 0).unwrap();
    ledger.persisted(entry.index).unwrap();
    let entry = ledger.spend(Digest::ZERO, 0).unwrap();
    ledger.persisted(entry.index).unwrap().unwrap()
}

fn release(sum: Sum, mechanism: &Mechanism, seed: u64) -> Release {
    let paid = receipt(&sum.grid(), mechanism);
    sum.release(mechanism, paid, &mut NoiseRng::seeded(seed)).unwrap()
}

/// An order of `0..count`, and where to cut it.
fn arrangement(count: RangeInclusive<usize>) -> impl Strategy<Value = (Vec<usize>, Vec<bool>)> {
    count.prop_flat_map(|n| (Just((0..n).collect::<Vec<_>>()).prop_shuffle(), vec(any::<bool>(), n)))
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn every_finite_delta_encodes_within_the_bound(values in delta(), clip in clip()) {
        let grid = fitted(clip, values.len());
        let bytes = Plain.seal(grid.encode(&Delta::new(values.clone()))).to_bytes();
        // What the coordinator checks, and the same from the bytes alone.
        prop_assert!(Upload::from_plain_bytes(&Encoding::plain(grid), &bytes).is_ok());
        let integers = unpacked(&bytes, grid.ring_bits(), values.len());
        let norm: u128 = integers.iter().map(|q| u128::from(q.unsigned_abs()).pow(2)).sum();
        prop_assert!(norm <= u128::from(grid.bound()).pow(2));
        for (value, integer) in values.iter().zip(&integers) {
            prop_assert!(*integer == 0 || (*integer > 0) == (*value > 0.0), "signs survive: {value} {integer}");
        }
    }

    #[test]
    fn a_delta_that_is_not_finite_or_of_another_length_encodes_as_zero(
        values in delta(), bad in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        at in any::<prop::sample::Index>(),
    ) {
        let grid = fitted(1.0, values.len());
        let zero = Plain.seal(grid.encode(&Delta::new(vec![0.0; values.len()]))).to_bytes();
        prop_assert!(zero.iter().all(|byte| *byte == 0));
        let mut poisoned = values.clone();
        poisoned[at.index(values.len())] = bad;
        prop_assert_eq!(Plain.seal(grid.encode(&Delta::new(poisoned))).to_bytes(), zero.clone());
        let mut longer = values;
        longer.push(0.5);
        prop_assert_eq!(Plain.seal(grid.encode(&Delta::new(longer))).to_bytes(), zero);
    }

    #[test]
    fn a_delta_within_the_clip_is_rounded_to_the_nearest_step(
        direction in vec(-1.0_f32..1.0, 1..300), share in 0.0..0.99_f64, clip in 1e-6..1e6_f64,
    ) {
        let grid = fitted(clip, direction.len());
        let norm = direction.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-30);
        // Below the radius from which encoding shrinks.
        let radius = share * (grid.bound() as f64 - (direction.len() as f64).sqrt() / 2.0) * grid.step();
        let values: Vec<f32> = direction.iter().map(|x| (f64::from(*x) * radius / norm) as f32).collect();
        let bytes = Plain.seal(grid.encode(&Delta::new(values.clone()))).to_bytes();
        for (value, integer) in values.iter().zip(unpacked(&bytes, grid.ring_bits(), values.len())) {
            prop_assert!((f64::from(*value) - integer as f64 * grid.step()).abs() <= grid.step() / 2.0);
        }
    }

    #[test]
    fn a_delta_beyond_the_clip_keeps_its_direction_and_almost_the_whole_clip(
        direction in vec(-1.0_f32..1.0, 1..300), times in 1.0..1e6_f64,
    ) {
        prop_assume!(direction.iter().any(|x| x.abs() > 0.1));
        let grid = fitted(1.0, direction.len());
        let norm = direction.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let values: Vec<f32> = direction.iter().map(|x| (f64::from(*x) * times / norm) as f32).collect();
        let bytes = Plain.seal(grid.encode(&Delta::new(values.clone()))).to_bytes();
        let integers = unpacked(&bytes, grid.ring_bits(), values.len());
        let (mut dot, mut square) = (0.0, 0.0);
        for (value, integer) in values.iter().zip(&integers) {
            dot += f64::from(*value) / times * *integer as f64;
            square += (*integer as f64).powi(2);
        }
        prop_assert!(square.sqrt() >= 0.98 * grid.bound() as f64);
        prop_assert!(dot / square.sqrt() > 0.999);
    }

    #[test]
    fn any_order_and_any_partition_give_the_same_release(
        (order, cuts) in arrangement(1..=12), values in vec(vec(finite(), 40), 12), seed in any::<u64>(),
    ) {
        let grid = fitted(1.0, 40).with_ring_for(12, 3000).unwrap();
        let mechanism = Mechanism::Gaussian { sigma: 1000 };
        let uploads: Vec<Upload> = values.into_iter().map(|v| Plain.seal(grid.encode(&Delta::new(v)))).collect();
        let mut straight = Sum::new(grid);
        (0..order.len()).try_for_each(|at| straight.add(&uploads[at])).unwrap();
        let mut parts = vec![Sum::new(grid)];
        for (at, cut) in order.iter().zip(&cuts) {
            if *cut {
                parts.push(Sum::new(grid));
            }
            // As it was made, or as it came in; many such wait to be added together.
            let part = parts.last_mut().unwrap();
            if *at == 3 {
                part.add(&uploads[*at]).unwrap();
            } else {
                let bytes = uploads[*at].to_bytes();
                part.take_in(Upload::from_plain_bytes(&Encoding::plain(grid), &bytes).unwrap()).unwrap();
            }
        }
        let mut merged = Sum::new(grid);
        parts.into_iter().rev().try_for_each(|mut part| merged.append(&mut part)).unwrap();
        let (left, right) = (release(straight, &mechanism, seed), release(merged, &mechanism, seed));
        prop_assert!(left.steps().eq(right.steps()));
        // The noise is the same for every sum, so what remains is the sum itself.
        let empty = release(Sum::new(grid), &mechanism, seed);
        let integers: Vec<Vec<i64>> =
            uploads[..order.len()].iter().map(|upload| unpacked(&upload.to_bytes(), grid.ring_bits(), 40)).collect();
        for (coordinate, (noised, noise)) in left.steps().zip(empty.steps()).enumerate() {
            prop_assert_eq!(noised - noise, integers.iter().map(|update| update[coordinate]).sum::<i64>());
        }
    }

    #[test]
    fn packing_is_exact_for_every_width(
        ring_bits in 1_u8..=64, words in vec(any::<u64>(), 1..70), large in any::<bool>(),
    ) {
        let grid: Grid = serde_json::from_value(serde_json::json!({
            "fraction_bits": 0, "ring_bits": ring_bits, "bound": if large { 1_u64 << 40 } else { 100 },
            "dimension": words.len(),
        })).unwrap();
        let values: Vec<i64> = words.iter().map(|word| ((word << (64 - ring_bits)) as i64) >> (64 - ring_bits)).collect();
        let bytes = packed(&values, ring_bits);
        prop_assert_eq!(bytes.len(), Upload::encoded_len(&grid));
        let norm = values.iter().fold(0_u128, |sum, v| sum.saturating_add(u128::from(v.unsigned_abs()).pow(2)));
        let read = Upload::from_plain_bytes(&Encoding::plain(grid), &bytes);
        if norm <= u128::from(grid.bound()).pow(2) {
            let upload = read.unwrap();
            prop_assert_eq!(upload.to_bytes(), bytes.clone());
            // And through the sum: a release without noise is the vector itself.
            let mut sum = Sum::new(grid);
            sum.add(&upload).unwrap();
            prop_assert!(release(sum, &Mechanism::None, 0).steps().eq(values));
        } else {
            prop_assert_eq!(read.unwrap_err(), UploadError::NormExceeded { bound: grid.bound() });
        }
        let padding = bytes.len() * 8 - words.len() * usize::from(ring_bits);
        for bit in 0..padding {
            let mut padded = bytes.clone();
            *padded.last_mut().unwrap() |= 0x80 >> bit;
            prop_assert!(matches!(Upload::from_plain_bytes(&Encoding::plain(grid), &padded), Err(UploadError::Packing(_))));
        }
        for wrong in [bytes[..bytes.len() - 1].to_vec(), [bytes.clone(), vec![0]].concat(), Vec::new()] {
            prop_assert!(matches!(Upload::from_plain_bytes(&Encoding::plain(grid), &wrong), Err(UploadError::Packing(_))));
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(
        ring_bits in 1_u8..=64, dimension in 1_usize..50, bytes in vec(any::<u8>(), 0..420), fit in any::<bool>(),
    ) {
        let grid: Grid = serde_json::from_value(serde_json::json!({
            "fraction_bits": 0, "ring_bits": ring_bits, "bound": 1_u64 << 30, "dimension": dimension,
        })).unwrap();
        let mut bytes = bytes;
        if fit {
            bytes.resize(Upload::encoded_len(&grid), 0);
        }
        if let Ok(upload) = Upload::from_plain_bytes(&Encoding::plain(grid), &bytes) {
            prop_assert_eq!(upload.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_hostile_grid_is_refused_or_sound(
        fraction_bits in any::<i32>(), ring_bits in any::<i16>(), bound in any::<u64>(), dimension in any::<u64>(),
        shifts in (0_u32..64, 0_u32..64, 0_u32..16, 0_u32..8),
    ) {
        let text = serde_json::json!({
            "fraction_bits": fraction_bits >> (shifts.2 + 16), "ring_bits": ring_bits >> shifts.3,
            "bound": bound >> shifts.0, "dimension": dimension >> shifts.1,
        }).to_string();
        if let Ok(grid) = serde_json::from_str::<Grid>(&text) {
            prop_assert!(grid.bound() <= 1 << 40 && (1..=64).contains(&grid.ring_bits()));
            prop_assert!(grid.bound() as f64 >= 8.0 * (grid.dimension() as f64).sqrt());
            prop_assert!(grid.step() > 0.0 && grid.step().is_finite());
            // The length in bytes is the true one, so no short input passes for a huge vector.
            prop_assert!(Upload::encoded_len(&grid) >= grid.dimension() / 8);
            prop_assert!(Upload::from_plain_bytes(&Encoding::plain(grid), &[]).is_err());
            prop_assert_eq!(serde_json::from_str::<Grid>(&serde_json::to_string(&grid).unwrap()).unwrap(), grid);
        }
    }

    #[test]
    fn grid_text_of_any_kind_never_panics(text in ".{0,60}", bytes in vec(any::<u8>(), 0..80)) {
        let _ = serde_json::from_str::<Grid>(&text);
        let _ = serde_json::from_slice::<Grid>(&bytes);
    }
}

#[test]
fn a_norm_of_exactly_the_bound_is_accepted_and_one_step_more_is_not() {
    for bound in [100_i64, 1 << 20, 1 << 40] {
        let grid: Grid = serde_json::from_value(serde_json::json!({
            "fraction_bits": 0, "ring_bits": 64, "bound": bound, "dimension": 3,
        }))
        .unwrap();
        let read = |values: [i64; 3]| Upload::from_plain_bytes(&Encoding::plain(grid), &packed(&values, 64));
        assert!(read([bound, 0, 0]).is_ok() && read([0, -bound, 0]).is_ok());
        let exceeded = UploadError::NormExceeded { bound: bound as u64 };
        assert_eq!(read([bound + 1, 0, 0]).unwrap_err(), exceeded);
        assert_eq!(read([0, 0, -bound - 1]).unwrap_err(), exceeded);
        assert_eq!(read([bound, 1, 0]).unwrap_err(), exceeded, "one step on another coordinate is too many");
        assert_eq!(read([i64::MIN, i64::MIN, i64::MIN]).unwrap_err(), exceeded, "no square overflows");
    }
}

#[test]
fn an_addend_of_another_grid_is_refused() {
    let (grid, other) = (fitted(1.0, 10), fitted(0.5, 10));
    let mut sum = Sum::new(grid);
    assert!(sum.add(&Plain.seal(other.encode(&Delta::new(vec![0.1; 10])))).is_err());
    assert!(sum.append(&mut Sum::new(other)).is_err());
}

#[test]
fn what_holds_one_device_s_values_prints_none_of_them() {
    let grid = fitted(1.0, 3);
    let bounded = grid.encode(&Delta::new(vec![0.123, 0.456, 0.789]));
    let mut printed = format!("{bounded:?}");
    let upload = Plain.seal(bounded);
    printed += &format!("{upload:?}");
    let steps = unpacked(&upload.to_bytes(), grid.ring_bits(), 3);
    let mut sum = Sum::new(grid);
    sum.add(&upload).unwrap();
    printed += &format!("{sum:?} {:?}", NoiseRng::seeded(987_654));
    for step in steps {
        assert!(step != 0 && !printed.contains(&step.to_string()), "{printed}");
    }
    assert!(!printed.contains("987654"));
}
