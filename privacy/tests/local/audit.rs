//! Direct tests of `M(x)` against `M(y)`: the true mechanism is seen to lose at least half of its claim and never more than it; a
//! mutant that claims the same loses more.

use murmur_privacy::local::{Direction, DirectionRandomiser, PrivUnit2, PrivUnitG, ScalarDp, SignFlip, ln_cap_share};
use rand::Rng;

use crate::{
    clip, dot, epsilon, seeded,
    statistics::{ALPHA, probability_at_least, probability_at_most},
};

const DRAWS: u64 = 200_000;

/// A lower bound of the privacy loss, at level alpha: how much likelier an event is in one world than in the other.
fn loss(mut first: impl FnMut() -> bool, mut second: impl FnMut() -> bool) -> f64 {
    let [seen, rare] = [&mut first as &mut dyn FnMut() -> bool, &mut second]
        .map(|world| (0..DRAWS).filter(|_| world()).count() as u64);
    (probability_at_least(seen, DRAWS, ALPHA / 2.0) / probability_at_most(rare, DRAWS, ALPHA / 2.0)).ln()
}

/// That the output lies in the cap around the first direction, with the direction and with its opposite.
fn directions(made: &impl DirectionRandomiser, reach: f64, rng: &mut impl Rng) -> f64 {
    let unit = Direction::of(&[0.6, -0.8, 0.1, 0.0, 2.0]).unwrap().0;
    let opposite = unit.clone().reversed();
    let rng = std::cell::RefCell::new(rng);
    let lies = |direction: &Direction| dot(&made.randomise(direction, *rng.borrow_mut()), unit.coordinates()) >= reach;
    loss(|| lies(&unit), || lies(&opposite))
}

#[test]
fn privunit2_loses_what_it_claims_and_a_bolder_mutant_more() {
    let mut rng = seeded(4_201);
    for claimed in [0.5, 1.0, 3.0, 6.0] {
        let made = PrivUnit2::new(epsilon(claimed), 5).unwrap();
        let parameters = *made.parameters();
        let lower = directions(&made, parameters.gamma / parameters.m, &mut rng);
        println!("privunit2: claim {claimed}, seen {lower:.3}");
        assert!((claimed / 2.0..=claimed).contains(&lower), "{lower} {claimed}");
        // Halfway from the cap's probability to certainty: nothing else changes, not even the norm's order of magnitude.
        let bold = PrivUnit2::with_cap(5, parameters.gamma, f64::midpoint(parameters.p, 1.0)).unwrap();
        let lower = directions(&bold, parameters.gamma / bold.parameters().m, &mut rng);
        assert!(lower > claimed, "the mutant passes: {lower} {claimed}");
    }
}

#[test]
fn privunitg_loses_what_it_claims() {
    let mut rng = seeded(4_202);
    for claimed in [0.5, 1.0, 3.0, 6.0] {
        let made = PrivUnitG::new(epsilon(claimed), 5).unwrap();
        let lower = directions(&made, made.parameters().gamma / made.parameters().m, &mut rng);
        println!("privunitg: claim {claimed}, seen {lower:.3}");
        assert!((claimed / 2.0..=claimed).contains(&lower), "{lower} {claimed}");
    }
}

#[test]
fn scalardp_loses_what_it_claims() {
    let (mut rng, mut other) = (seeded(4_203), seeded(4_204));
    for (claimed, levels) in [(0.5, 1), (1.0, 2), (4.0, 4), (6.0, 8)] {
        let made = ScalarDp::new(epsilon(claimed), clip(1.0), levels).unwrap();
        let lower = loss(|| made.level(0.0, &mut rng) == 0, || made.level(1.0, &mut other) == 0);
        println!("scalardp: claim {claimed}, seen {lower:.3}");
        assert!((claimed / 2.0..=claimed).contains(&lower), "{lower} {claimed}");
    }
}

/// A direction of another dimension would meet a cap of another share, at another cost.
#[test]
fn a_direction_of_another_dimension_is_any_direction() {
    let mut rng = seeded(4_207);
    let made = PrivUnit2::new(epsilon(8.0), 3).unwrap();
    for other in [vec![], vec![1.0_f32, 0.0], vec![1.0, 0.0, 0.0, 0.0]] {
        let unit = Direction::of(&other).map_or_else(|| Direction::uniform(0, &mut rng), |(unit, _)| unit);
        let mean = (0..50_000).fold(0.0, |mean, _| {
            let sent = made.randomise(&unit, &mut rng);
            assert_eq!(sent.len(), 3);
            mean + sent[0] / 50_000.0
        });
        assert!(mean.abs() < 5.0 * made.output_norm() / 50_000_f64.sqrt(), "{mean}");
    }
}

/// An update that was not sanitised would be seen to be none: zero, or not a number, must look like any other.
#[test]
fn whether_an_update_is_none_at_all_is_private_too() {
    let (mut rng, mut other) = (seeded(4_205), seeded(4_206));
    let claimed = 3.0;
    let made = SignFlip::new(PrivUnit2::new(epsilon(claimed), 3).unwrap(), clip(1.0)).unwrap();
    let share = ln_cap_share(3, made.directions().parameters().gamma).unwrap().exp();
    let reach = made.directions().parameters().gamma / made.directions().parameters().m;
    for none in [[0.0_f32; 3], [f32::NAN, 1.0, 0.0], [f32::INFINITY; 3], [f32::NEG_INFINITY, 0.0, 0.0]] {
        // Nothing is known of its direction: the cap holds its share of the sphere.
        let inside = (0..DRAWS).filter(|_| made.numbers(&none, &mut rng)[0] >= reach).count() as f64 / DRAWS as f64;
        assert!((inside - share).abs() < 5.0 * (share / DRAWS as f64).sqrt(), "{inside} {share}");
        let (real, zero) = ([1.0_f32, 0.0, 0.0], none);
        let lower = loss(|| made.numbers(&real, &mut rng)[0] >= reach, || made.numbers(&zero, &mut other)[0] >= reach);
        assert!(lower <= claimed, "{lower}");
    }
}
