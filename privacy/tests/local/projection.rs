//! Projections: what they keep, what they bias, and what they save.

use murmur_privacy::{
    Grid,
    local::{
        Direction, DirectionRandomiser, HaarProjection, HadamardProjection, LocalError, PrivUnit2, Projected,
        Projection, SEED_BYTES, Seed,
    },
};

use crate::{
    clip, dot, epsilon, norm, seeded,
    statistics::{ALPHA, chi_square_fit, normal_tail},
};

fn seed(number: u64) -> Seed {
    let mut seed = [0; SEED_BYTES];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

pub(crate) fn haar(dimension: usize, sent: usize, number: u64) -> HaarProjection {
    HaarProjection::new(dimension, sent, seed(number)).unwrap()
}

fn hadamard(dimension: usize, sent: usize, number: u64) -> HadamardProjection {
    HadamardProjection::new(dimension, sent, seed(number)).unwrap()
}

fn close(left: &[f64], right: &[f64]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-12)
}

/// Lifts the projection of a direction; where that is zero, the randomiser is given any direction, whose mean is zero too.
fn there_and_back(map: &impl Projection, unit: &Direction) -> Vec<f64> {
    map.lift(map.project(unit).map_or_else(|| vec![0.0; map.sent()], |projected| projected.coordinates().to_vec()))
}

#[test]
fn a_projection_to_all_coordinates_loses_nothing() {
    let mut rng = seeded(4_301);
    for dimension in [2, 3, 8, 100] {
        let unit = Direction::uniform(dimension, &mut rng);
        assert!(close(&there_and_back(&haar(dimension, dimension, 1), &unit), unit.coordinates()));
        let padded = dimension.next_power_of_two();
        let map = hadamard(dimension, padded, 2);
        assert!(close(&there_and_back(&map, &unit), unit.coordinates()), "{dimension}");
        assert_eq!((map.alignment(), map.lifted_square()), (1.0, 1.0));
    }
}

#[test]
fn lifting_is_the_transpose_of_projecting_and_raises_norms_by_the_stated_factor() {
    let mut rng = seeded(4_302);
    let check = |map: &dyn Fn(&Direction) -> Vec<f64>,
                 lift: &dyn Fn(Vec<f64>) -> Vec<f64>,
                 sent: usize,
                 factor: f64,
                 rng: &mut _| {
        let (unit, other) = (Direction::uniform(64, rng), Direction::uniform(sent, rng));
        let lifted = lift(other.coordinates().to_vec());
        // <W u, z> is <u, W^T z> up to the length of W u, which is one for all z.
        let third = Direction::uniform(sent, rng);
        let ratio = |z: &Direction| {
            dot(&lift(z.coordinates().to_vec()), unit.coordinates()) / dot(&map(&unit), z.coordinates())
        };
        assert!((ratio(&other) / ratio(&third) - 1.0).abs() < 1e-9);
        assert!((dot(&lifted, &lifted) / factor - 1.0).abs() < 1e-12);
    };
    let (first, second) = (haar(64, 10, 3), hadamard(64, 10, 4));
    let project = |direction: &Direction| first.project(direction).unwrap().coordinates().to_vec();
    check(&project, &|sent| first.lift(sent), 10, first.lifted_square(), &mut rng);
    let project = |direction: &Direction| second.project(direction).unwrap().coordinates().to_vec();
    check(&project, &|sent| second.lift(sent), 10, second.lifted_square(), &mut rng);
}

#[test]
fn padded_coordinates_pass_through_the_randomiser() {
    // Five coordinates become eight, and any eight of them may be sent: nothing is dropped before the randomiser.
    let unit = Direction::of(&[1.0, -2.0, 3.0, 0.5, 0.25]).unwrap().0;
    let map = hadamard(5, 8, 5);
    let projected = map.project(&unit).unwrap();
    assert_eq!(projected.coordinates().len(), 8);
    assert!((norm(projected.coordinates()) - 1.0).abs() < 1e-12);
    assert!(close(&there_and_back(&map, &unit), unit.coordinates()));
}

/// Mean of what is lifted over seeds, and the standard error of each coordinate.
fn mean(unit: &Direction, seeds: u64, map: &dyn Fn(u64) -> Vec<f64>) -> (Vec<f64>, Vec<f64>) {
    let dimension = unit.coordinates().len();
    let (mut sum, mut squares) = (vec![0.0; dimension], vec![0.0; dimension]);
    for number in 0..seeds {
        for ((sum, square), value) in sum.iter_mut().zip(&mut squares).zip(map(number)) {
            (*sum, *square) = (*sum + value, *square + value * value);
        }
    }
    let n = seeds as f64;
    let mean: Vec<f64> = sum.iter().map(|sum| sum / n).collect();
    let errors = squares.iter().zip(&mean).map(|(square, mean)| ((square / n - mean * mean) / n).sqrt()).collect();
    (mean, errors)
}

#[test]
fn a_uniform_subspace_is_unbiased_after_its_one_constant() {
    for (dimension, sent) in [(4, 2), (9, 3), (16, 12)] {
        let unit = Direction::of(&(0..dimension).map(|at| (at as f32).sin() + 0.2).collect::<Vec<_>>()).unwrap().0;
        let (mean, errors) = mean(&unit, 50_000, &|number| there_and_back(&haar(dimension, sent, number), &unit));
        for ((mean, error), truth) in mean.iter().zip(errors).zip(unit.coordinates()) {
            assert!(2.0 * normal_tail((mean - truth).abs() / error) > ALPHA, "{mean} {truth} {error}");
        }
    }
}

/// Directions on which the transform does its worst: one coordinate, two, a row of the transform, all kinds.
fn awkward(dimension: usize) -> Vec<(&'static str, Direction)> {
    let of = |value: &dyn Fn(usize) -> f32| Direction::of(&(0..dimension).map(value).collect::<Vec<_>>()).unwrap().0;
    vec![
        ("one coordinate", of(&|at| if at == 3 { 1.0 } else { 0.0 })),
        ("two coordinates", of(&|at| if at < 2 { 1.0 } else { 0.0 })),
        ("a few coordinates", of(&|at| if at < 5 { 1.0 } else { 0.0 })),
        ("all the same", of(&|_| 1.0)),
        ("all kinds", of(&|at| (at as f32 * 1.7).sin() * (1.0 + at as f32))),
    ]
}

#[test]
fn the_bias_of_random_signs_and_a_transform_is_measured_and_within_its_bound() {
    for (dimension, sent) in [(60, 4), (60, 16), (256, 16), (256, 64)] {
        for (what, unit) in awkward(dimension) {
            let seeds = 20_000;
            let (mean, errors) =
                mean(&unit, seeds, &|number| there_and_back(&hadamard(dimension, sent, number), &unit));
            let map = hadamard(dimension, sent, 0);
            let along = dot(&mean, unit.coordinates());
            let away = norm(&mean.iter().zip(unit.coordinates()).map(|(mean, unit)| mean - unit).collect::<Vec<_>>());
            // The squared distance of a mean holds the squared errors of all coordinates.
            let noise = norm(&errors);
            println!(
                "{dimension} to {sent}, {what}: component {along:.4} (at least {:.4}), distance {away:.4} (noise {noise:.4}, bound {:.4})",
                map.alignment(),
                (2.0 - 2.0 * map.alignment()).sqrt()
            );
            // The component is a mean of values of standard deviation at most the square root of P / k.
            let error = 5.0 * (map.lifted_square() / seeds as f64).sqrt();
            assert!(along > map.alignment() - error && along < 1.0 + error, "{along}");
            assert!(away < (2.0 - 2.0 * map.alignment()).sqrt() + 2.0 * noise, "{away}");
        }
    }
}

#[test]
fn every_choice_of_coordinates_is_equally_likely() {
    // A single number moved through the transform of two of four coordinates shows which were chosen: lift a basis vector each.
    let mut counts = std::collections::BTreeMap::new();
    for number in 0..12_000 {
        let map = hadamard(4, 2, number);
        let rows: Vec<Vec<i8>> = [[1.0, 0.0], [0.0, 1.0]]
            .iter()
            .map(|z| {
                let lifted = map.lift(z.to_vec());
                // Signs relative to the first coordinate's: the random signs are told apart from the row by the second basis vector.
                lifted.iter().map(|value| if *value > 0.0 { 1 } else { -1 }).collect()
            })
            .collect();
        // The product of the two rows has no random sign: it is the row of the exclusive or of the two numbers.
        let product: Vec<i8> = rows[0].iter().zip(&rows[1]).map(|(left, right)| left * right).collect();
        *counts.entry(product).or_insert(0_u64) += 1;
    }
    // Three differences, two of the six subsets each.
    let counts: Vec<u64> = counts.into_values().collect();
    assert_eq!(counts.len(), 3, "{counts:?}");
    assert!(chi_square_fit(&counts, &[1.0 / 3.0; 3]) > ALPHA, "{counts:?}");
}

#[test]
fn fewer_numbers_are_fewer_bytes_and_the_same_promise() {
    let (dimension, sent) = (7_850, 1_000);
    let projected = Projected::new(hadamard(dimension, sent, 9), PrivUnit2::new(epsilon(16.0), sent).unwrap()).unwrap();
    let whole = PrivUnit2::new(epsilon(16.0), dimension).unwrap();
    assert_eq!((projected.dimension(), projected.sent()), (dimension, sent));
    assert!(projected.guarantee().epsilon().get() <= 16.0 && projected.output_bound().norm < whole.output_bound().norm);
    let grid = |numbers, norm| Grid::fit(clip(norm), numbers).unwrap().with_ring_for(100, 0).unwrap();
    let bytes = |own| projected.upload_bytes(&grid(sent, projected.output_bound().norm), own);
    let full = murmur_privacy::Upload::encoded_len(&grid(dimension, whole.output_bound().norm));
    assert_eq!(bytes(true), bytes(false) + 32);
    assert!(bytes(false) * 7 < full, "{} {full}", bytes(false));
    let unit = Direction::uniform(dimension, &mut seeded(4_303));
    let decoded = projected.decode(projected.randomise(&unit, &mut seeded(4_304)));
    assert_eq!(decoded.len(), dimension);
    assert!(dot(&decoded, &decoded) <= projected.decoded_square() * (1.0 + 1e-9));
}

#[test]
fn a_direction_that_projects_to_zero_is_any_direction() {
    // Two coordinates that cancel in half of the transform's: a choice of two there sees nothing.
    let unit = Direction::of(&[1.0, 1.0, 0.0, 0.0]).unwrap().0;
    let unseen = (0..200).map(|number| hadamard(4, 2, number)).find(|map| map.project(&unit).is_none()).unwrap();
    let projected = Projected::new(unseen, PrivUnit2::new(epsilon(4.0), 2).unwrap()).unwrap();
    let mut rng = seeded(4_305);
    let sums = (0..20_000).fold([0.0; 2], |sums, _| {
        let sent = projected.randomise(&unit, &mut rng);
        assert!(norm(&sent) > 0.0);
        [sums[0] + sent[0], sums[1] + sent[1]]
    });
    let error = projected.output_bound().norm * 20_000_f64.sqrt();
    assert!(sums.iter().all(|sum| sum.abs() < 5.0 * error), "{sums:?}");
}

#[test]
fn projections_that_cannot_be_are_refused() {
    for (dimension, sent) in [(1, 1), (10, 0), (10, 1), (10, 17)] {
        assert!(HadamardProjection::new(dimension, sent, seed(0)).is_err(), "{dimension} {sent}");
    }
    for (dimension, sent) in [(1, 1), (10, 1), (10, 11), (1 << 20, 17)] {
        assert!(HaarProjection::new(dimension, sent, seed(0)).is_err(), "{dimension} {sent}");
    }
    let other = Projected::new(hadamard(10, 4, 0), PrivUnit2::new(epsilon(1.0), 5).unwrap()).unwrap_err();
    assert_eq!(other, LocalError::Mismatch { projected: 4, randomised: 5 });
}
