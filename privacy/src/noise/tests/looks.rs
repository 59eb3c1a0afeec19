//! A quick look that is sure is right for every fraction that begins so.

use num_bigint::BigInt;
use rand::Rng;

use super::*;
use crate::noise::{
    fraction::first_bits,
    invert::{Law, Look},
    lattice::Lattice,
};

/// Whether the law gives this magnitude to all fractions beginning as the word does.
fn is_certain(law: &impl Law, word: u64, magnitude: u64) -> bool {
    let (bits, shift) = (127, 64_u32);
    let (least, most) = (BigInt::from(first_bits(word)) << shift, BigInt::from(first_bits(word) + 1) << shift);
    let reached = magnitude == 0 || most <= *law.tail(magnitude, bits).low();
    reached && least >= *law.tail(magnitude + 1, bits).high()
}

fn check(law: &impl Law, name: &str, random: usize, seed: u64) {
    let checked = |word: u64| {
        let Look { magnitude, sure } = law.look(word);
        assert!(!sure || is_certain(law, word, magnitude), "{name}: word {word:#x} is not surely {magnitude}");
        sure
    };
    let mut rng = stream(seed);
    for _ in 0..random {
        checked(rng.next_u64());
    }
    // On both sides of a threshold, nearer and nearer: where a look is sure at all, it is on the right side.
    for _ in 0..random / 40 {
        let magnitude = law.look(rng.next_u64()).magnitude.max(1);
        let threshold = u64::try_from(law.tail(magnitude, 63).low()).unwrap();
        let mut seen = [false; 2];
        for distance in [0, 1, 2, 3, 10, 1 << 5, 1 << 10, 1 << 20, 1 << 30, 1 << 40] {
            let sides = [threshold.checked_sub(distance), threshold.checked_add(distance)];
            for bits in sides.into_iter().flatten().filter(|bits| *bits < 1 << 63) {
                seen[usize::from(checked(word_of(bits)))] = true;
            }
        }
        assert!(seen[0], "{name}: nothing beside the threshold of {magnitude} is open");
    }
}

#[test]
fn of_the_rounded_gaussian() {
    for (sigma, seed) in [1, 2, 3, 7, 10, 1000, 1 << 16, (1 << 24) - 3, 1 << 32, 1 << 38].into_iter().zip(100..) {
        check(&rounded::Inversion::new(sigma), &format!("rounded Gaussian {sigma}"), 2000, seed);
    }
}

#[test]
fn of_the_discrete_laplace() {
    for (scale, seed) in [1, 2, 3, 7, 10, 1000, 1 << 16, (1 << 24) - 3, 1 << 32].into_iter().zip(110..) {
        check(&DiscreteLaplace::new(scale).unwrap(), &format!("discrete Laplace {scale}"), 2000, seed);
    }
}

const LATTICE: [(u64, usize); 9] =
    [(1, 120), (2, 120), (3, 120), (50, 80), (511, 80), (512, 160), (513, 80), (1 << 16, 80), (1 << 32, 80)];

#[test]
fn of_the_discrete_gaussian() {
    for ((sigma, random), seed) in LATTICE.into_iter().zip(120..) {
        let law = Lattice::<discrete_gaussian::Gaussian>::new(sigma).unwrap();
        check(&law, &format!("discrete Gaussian {sigma}"), random, seed);
    }
}

#[test]
fn of_skellam() {
    for ((sigma, random), seed) in LATTICE.into_iter().zip(130..) {
        let law = Lattice::<skellam::Bessel>::new(sigma).unwrap();
        check(&law, &format!("Skellam {sigma}"), random, seed);
    }
}

/// The quick path is what makes the noise quick: it must be the one that is taken.
#[test]
fn nearly_every_look_is_sure() {
    fn open(law: &impl Law, seed: u64) -> usize {
        let mut rng = stream(seed);
        (0..1_000_000).filter(|_| !law.look(rng.next_u64()).sure).count()
    }
    for (sigma, seed) in [1, 10, 1000, 1 << 24, 1 << 32].into_iter().zip(140..) {
        let counts = [
            open(&rounded::Inversion::new(sigma), seed),
            open(&DiscreteLaplace::new(sigma).unwrap(), seed),
            open(&Lattice::<discrete_gaussian::Gaussian>::new(sigma).unwrap(), seed),
            open(&Lattice::<skellam::Bessel>::new(sigma).unwrap(), seed),
        ];
        // The discrete Laplace of scale 1 leaves 2880^-1 of its thresholds' neighbourhoods open.
        let most = if sigma == 1 { 2000 } else { 100 };
        assert!(counts.iter().all(|count| *count <= most), "sigma {sigma}, seed {seed}: {counts:?} of a million");
    }
}
