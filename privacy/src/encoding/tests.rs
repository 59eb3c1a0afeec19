use super::*;
use crate::update::{Plain, Seal, Upload, UploadError};

fn shares(values: &[f64]) -> Vec<Share> {
    values.iter().map(|value| Share::new(*value).unwrap()).collect()
}

fn fitted(clip: f64, dimension: usize, values: &[f64]) -> Encoding {
    let shares = shares(values);
    let grid =
        Encoding::fit(Clip::new(clip).unwrap(), dimension, &shares).unwrap().with_ring_for(1000, 1 << 20).unwrap();
    Encoding::new(grid, &shares).unwrap()
}

/// What a device would send, coordinate by coordinate.
fn sent(encoding: &Encoding, values: Vec<f32>, measures: &[f64]) -> Vec<i64> {
    encoding.encode(&Delta::new(values), measures).vector().centered().collect()
}

#[test]
fn the_bounds_squares_sum_to_the_grids_and_the_updates_own_is_the_clip() {
    for (clip, dimension, values) in [
        (0.3, 7_850, vec![0.01]),
        (1.0, 10, vec![0.3, 0.3, 0.3]),
        (1e-3, 225_034, vec![0.001, 0.02]),
        (2.0, 100, vec![]),
    ] {
        let encoding = fitted(clip, dimension, &values);
        let square = |bound: u64| u128::from(bound) * u128::from(bound);
        let measures: u128 = encoding.measure_bounds().iter().copied().map(square).sum();
        let whole = square(encoding.grid().bound());
        let used = square(encoding.model_bound()) + measures;
        assert!(used <= whole && used as f64 > whole as f64 * 0.99, "{used} of {whole}");
        assert!(encoding.clip() <= clip && encoding.clip() > clip * 0.99, "{} {clip}", encoding.clip());
        assert_eq!(encoding.model_dimension(), dimension);
        for (bound, share) in encoding.measure_bounds().iter().zip(&values) {
            let part = square(*bound) as f64 / whole as f64;
            assert!(part <= *share && part > share * 0.95, "{part} of {share}");
        }
    }
}

#[test]
fn a_clipped_update_leaves_its_measures_alone() {
    let encoding = fitted(0.5, 50, &[0.04, 0.01]);
    let bounds = encoding.measure_bounds().to_vec();
    let small = sent(&encoding, vec![1e-3; 50], &[1.0, -0.5]);
    let large = sent(&encoding, vec![1e30; 50], &[1.0, -0.5]);
    assert_eq!(small[50..], large[50..], "one clip for all would shrink the measures with the update");
    assert_eq!(large[50], bounds[0] as i64);
    assert_eq!(large[51], -((bounds[1] as f64) / 2.0).round_ties_even() as i64);
    assert_ne!(small[..50], large[..50]);
}

#[test]
fn measures_are_cut_off_and_what_is_no_number_is_nothing() {
    let encoding = fitted(0.5, 50, &[0.04, 0.04, 0.04]);
    let bound = encoding.measure_bounds()[0] as i64;
    assert_eq!(sent(&encoding, vec![0.0; 50], &[7.0, -7.0, f64::NAN])[50..], [bound, -bound, 0]);
    assert_eq!(sent(&encoding, vec![f32::NAN; 50], &[f64::INFINITY, 1.0])[50..], [0, bound, 0]);
    assert_eq!(sent(&encoding, vec![1.0; 49], &[])[..], [0; 53], "another dimension is no update");
}

#[test]
fn an_upload_is_held_against_every_bound_by_itself() {
    let encoding = fitted(0.5, 50, &[0.04, 0.01]);
    let honest = Plain.seal(encoding.encode(&Delta::new(vec![1.0; 50]), &[1.0, -1.0])).to_bytes();
    assert!(Upload::from_plain_bytes(&encoding, &honest).is_ok());
    let forged = |place: usize, value: i64| {
        let values = (0..52).map(move |index| if index == place { value } else { 0 });
        Plain.seal(Bounded::of(RingVector::from_signed(encoding.grid(), values))).to_bytes()
    };
    let (model, measures) = (encoding.model_bound(), encoding.measure_bounds().to_vec());
    let read = |bytes: &[u8]| Upload::from_plain_bytes(&encoding, bytes).map(|_| ());
    assert_eq!(read(&forged(0, model as i64)), Ok(()));
    assert_eq!(read(&forged(0, -(model as i64) - 1)), Err(UploadError::NormExceeded { bound: model }));
    // The whole vector is within the grid's bound, and the measure is not within its own.
    for (measure, bound) in measures.into_iter().enumerate() {
        assert_eq!(read(&forged(50 + measure, -(bound as i64))), Ok(()));
        assert_eq!(read(&forged(50 + measure, bound as i64 + 1)), Err(UploadError::MeasureExceeded { measure, bound }));
    }
}

#[test]
fn shares_that_leave_nothing_are_refused() {
    let clip = Clip::new(1.0).unwrap();
    let refused = |dimension, values: &[f64]| Encoding::fit(clip, dimension, &shares(values)).unwrap_err();
    assert!(matches!(refused(10, &[0.5, 0.5]), EncodingError::NothingLeft { shares } if shares == 1.0));
    assert!(matches!(refused(10, &[1e-9]), EncodingError::ShareTooSmall { least: 64, .. }));
    assert!(matches!(
        Encoding::new(Grid::fit(clip, 2).unwrap(), &shares(&[0.1, 0.1])),
        Err(EncodingError::NoModel { .. })
    ));
    for value in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(Share::new(value).is_err());
    }
}

#[test]
fn a_moving_clip_moves_the_step_and_no_integer() {
    let encoding = fitted(0.5, 50, &[0.01]);
    let moved = encoding.clone().scaled_to(Clip::new(5.0).unwrap());
    assert_eq!((moved.grid(), moved.model_bound()), (encoding.grid(), encoding.model_bound()));
    assert!((moved.clip() - 5.0).abs() < 1e-12);
    assert_eq!(
        sent(&encoding, vec![0.01; 50], &[0.5]),
        sent(&moved, vec![0.1 * 5.0 / encoding.clip() as f32 * 0.1; 50], &[0.5])
    );
}

/// So many measures, and a ring for a thousand devices and some noise.
fn alone(measures: usize) -> Encoding {
    let grid = Encoding::fit_measures(measures).unwrap().with_ring_for(1000, 1 << 24).unwrap();
    Encoding::of_measures(grid, measures).unwrap()
}

#[test]
fn measures_alone_use_the_whole_budget_and_no_more() {
    for measures in [1, 2, 3, 5, 7, 65, 1_000] {
        let encoding = alone(measures);
        let square = |bound: u64| u128::from(bound) * u128::from(bound);
        let used: u128 = encoding.measure_bounds().iter().copied().map(square).sum();
        let whole = square(encoding.grid().bound());
        assert!(used <= whole && used as f64 > whole as f64 * 0.999, "{used} of {whole}");
        assert_eq!((encoding.model_dimension(), encoding.model_bound(), encoding.clip()), (0, 0, 0.0));
        assert_eq!(encoding.measure_bounds().len(), measures);
        let bound = encoding.measure_bounds()[0] as i64;
        // Everything at its most, in both directions: nothing is cut off by anything else.
        let extreme: Vec<f64> = (0..measures).map(|index| if index % 2 == 0 { 9.0 } else { -9.0 }).collect();
        let expected: Vec<i64> = (0..measures).map(|index| if index % 2 == 0 { bound } else { -bound }).collect();
        assert_eq!(sent(&encoding, Vec::new(), &extreme), expected);
        assert_eq!(sent(&encoding, Vec::new(), &[]), vec![0; measures]);
        let half = (bound as f64 / 2.0).round_ties_even() as i64;
        let nothing_then_half = sent(&encoding, Vec::new(), &[f64::NAN, 0.5]);
        let expected_half = |place| if place == 1 { half } else { 0 };
        assert!(nothing_then_half.iter().enumerate().all(|(place, value)| *value == expected_half(place)));
        // A delta has no place here, whatever is in it.
        assert_eq!(sent(&encoding, vec![1.0; 3], &extreme), expected);
        assert_eq!(encoding.clone().scaled_to(Clip::new(7.0).unwrap()), encoding);
    }
}

#[test]
fn a_measure_that_is_sent_alone_is_held_against_its_bound() {
    let encoding = alone(5);
    let bound = encoding.measure_bounds()[0];
    let honest = Plain.seal(encoding.encode(&Delta::new(Vec::new()), &[1.0, -1.0, 1.0, -1.0, 0.25])).to_bytes();
    assert!(Upload::from_plain_bytes(&encoding, &honest).is_ok());
    for measure in 0..5 {
        for (value, admitted) in [(bound as i64, true), (-(bound as i64), true), (bound as i64 + 1, false)] {
            // All the others are zero: the norm of the whole is far within the grid's bound.
            let values = (0..5).map(|index| if index == measure { value } else { 0 });
            let bytes = Plain.seal(Bounded::of(RingVector::from_signed(encoding.grid(), values))).to_bytes();
            let read = Upload::from_plain_bytes(&encoding, &bytes).map(|_| ());
            let expected = if admitted { Ok(()) } else { Err(UploadError::MeasureExceeded { measure, bound }) };
            assert_eq!(read, expected, "measure {measure}, {value}");
        }
    }
}

#[test]
fn grids_that_are_not_for_measures_alone_are_refused() {
    let grid = Encoding::fit_measures(5).unwrap();
    assert!(matches!(
        Encoding::of_measures(grid, 4),
        Err(EncodingError::NotMeasuresAlone { dimension: 5, measures: 4 })
    ));
    assert!(matches!(Encoding::fit_measures(0), Err(EncodingError::Grid(GridError::NoCoordinates))));
    let coarse = Grid::new(0, 16, 100, 9, 1, 0).unwrap();
    assert!(matches!(Encoding::of_measures(coarse, 9), Err(EncodingError::ShareTooSmall { bound: 33, .. })));
    // A sum of all devices at their most, and of sixteen standard deviations of noise, stays within the ring.
    let fitted = grid.with_ring_for(1000, 1 << 24).unwrap();
    assert!((1000_u64 << 20) + (16 << 24) < 1 << (fitted.ring_bits() - 1));
}
