//! A million draws: what is sent has the input as its mean, and exactly the squared error that is stated.

use murmur_privacy::local::{
    Direction, DirectionRandomiser, PrivUnit2, PrivUnitG, Projected, ScalarDp, Separated, SignFlip,
};

use crate::{
    clip, dot, epsilon, seeded,
    statistics::{ALPHA, normal_two_sided},
};

const DRAWS: usize = 1_000_000;

/// A sample's mean against an expectation: the central limit theorem at a million draws of bounded or Gaussian values.
#[derive(Default)]
struct Sample {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sample {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }

    fn has_mean(&self, expected: f64, what: &str) {
        let variance = self.squares / self.count - self.mean() * self.mean();
        // What is constant to float accuracy has no standard error to speak of, and the sum of so many one of its own.
        let error = (variance.max(0.0) / self.count).sqrt() + 1e-9 * expected.abs();
        let z = (self.mean() - expected) / error;
        assert!(normal_two_sided(z) > ALPHA, "{what}: mean {} of {expected}, {z:.2} standard errors", self.mean());
    }
}

/// Mean, coordinate by coordinate, and mean squared error of what `draw` gives for `input`.
fn meets(what: &str, input: &[f64], squared_error: f64, draws: usize, mut draw: impl FnMut() -> Vec<f64>) {
    let mut coordinates: Vec<Sample> = input.iter().map(|_| Sample::default()).collect();
    let mut error = Sample::default();
    for _ in 0..draws {
        let sent = draw();
        let difference: Vec<f64> = sent.iter().zip(input).map(|(sent, input)| sent - input).collect();
        error.add(dot(&difference, &difference));
        coordinates.iter_mut().zip(&difference).for_each(|(sample, value)| sample.add(*value));
    }
    for sample in &coordinates {
        sample.has_mean(0.0, what);
    }
    error.has_mean(squared_error, what);
    println!("{what}: squared error {:.6}, stated {squared_error:.6}, {draws} draws", error.mean());
}

fn direction() -> Direction {
    Direction::of(&[0.3, -1.7, 0.0, 4.0, 0.05, 1e-9]).unwrap().0
}

#[test]
fn privunit2_is_unbiased_with_the_stated_error() {
    let (unit, mut rng) = (direction(), seeded(4_001));
    // Caps found by waiting, and caps drawn.
    for loss in [0.5, 12.0] {
        let made = PrivUnit2::new(epsilon(loss), 6).unwrap();
        let what = format!("privunit2, epsilon {loss}");
        meets(&what, unit.coordinates(), made.squared_error(), DRAWS, || made.randomise(&unit, &mut rng));
    }
}

#[test]
fn privunitg_is_unbiased_with_the_stated_error() {
    let (unit, mut rng) = (direction(), seeded(4_002));
    for loss in [0.5, 12.0] {
        let made = PrivUnitG::new(epsilon(loss), 6).unwrap();
        let what = format!("privunitg, epsilon {loss}");
        meets(&what, unit.coordinates(), made.squared_error(), DRAWS, || made.randomise(&unit, &mut rng));
    }
}

#[test]
fn scalardp_is_unbiased_with_the_stated_variance() {
    let mut rng = seeded(4_003);
    for (loss, levels, magnitude) in [(0.5, 1, 1.7), (2.0, 3, 0.0), (6.0, 8, 2.9), (6.0, 8, 3.0)] {
        let made = ScalarDp::new(epsilon(loss), clip(3.0), levels).unwrap();
        let what = format!("scalardp, epsilon {loss}, {levels} levels, magnitude {magnitude}");
        meets(&what, &[magnitude], made.variance(magnitude), DRAWS, || vec![made.randomise(magnitude, &mut rng)]);
    }
}

/// Shorter than the clip, longer than it, and zero.
fn updates() -> [(Vec<f32>, Vec<f64>); 3] {
    let short = vec![0.5_f32, -0.25, 1.0, 0.0];
    let long = vec![0.0_f32, 30.0, -40.0, 0.0];
    [
        (short.clone(), short.iter().map(|&value| f64::from(value)).collect()),
        (long, vec![0.0, 1.2, -1.6, 0.0]),
        (vec![0.0; 4], vec![0.0; 4]),
    ]
}

#[test]
fn whole_updates_are_unbiased_with_the_stated_error() {
    let mut rng = seeded(4_004);
    let flip = SignFlip::new(PrivUnit2::new(epsilon(4.0), 4).unwrap(), clip(2.0)).unwrap();
    let separated = Separated::new(PrivUnit2::new(epsilon(4.0), 4).unwrap(), clip(2.0), epsilon(3.0), 3).unwrap();
    for (update, clipped) in updates() {
        let length = dot(&clipped, &clipped).sqrt();
        let (flipped, apart) = (flip.squared_error(length), separated.squared_error(length));
        meets("sign flip", &clipped, flipped, DRAWS / 5, || flip.numbers(&update, &mut rng));
        meets("separated", &clipped, apart, DRAWS / 5, || separated.numbers(&update, &mut rng));
    }
}

#[test]
fn projections_by_a_uniform_subspace_are_unbiased_with_the_stated_error() {
    let (unit, mut rng) = (direction(), seeded(4_005));
    let made = |seed: u64| {
        let map = crate::projection::haar(6, 3, seed);
        Projected::new(map, PrivUnit2::new(epsilon(6.0), 3).unwrap()).unwrap()
    };
    let stated = made(0).decoded_square() - 1.0;
    let randomiser = PrivUnit2::new(epsilon(6.0), 3).unwrap();
    let mut seed = 0;
    meets("projunit", unit.coordinates(), stated, 100_000, || {
        seed += 1;
        // The parameters are looked up once, not for every seed.
        let projected = Projected::new(crate::projection::haar(6, 3, seed), randomiser.clone()).unwrap();
        projected.decode(projected.randomise(&unit, &mut rng))
    });
}
