//! Tails against mpmath (tests/vectors/noise.py), and the curves against the tails.

use num_bigint::BigInt;
use rand::Rng;
use serde::Deserialize;

use super::*;
use crate::noise::{
    curve::{Exponential, HalfNormal},
    enclosure::{Enclosure, exp_negative},
    fraction::first_bits,
    invert::Law,
    lattice::Lattice,
    normal::Normal,
};

/// Bits after the point of the figures.
const BITS: u64 = 192;

#[derive(Deserialize)]
struct Figures {
    rows: Vec<(String, u64, u64, String)>,
}

fn figures() -> Vec<(String, u64, u64, BigInt)> {
    let figures: Figures = serde_json::from_str(include_str!("../../../../tests/vectors/noise.json")).unwrap();
    let parse = |digits: &str| BigInt::parse_bytes(digits.as_bytes(), 16).unwrap();
    figures.rows.into_iter().map(|(law, scale, m, tail)| (law, scale, m, parse(&tail))).collect()
}

fn tail(law: &str, scale: u64, m: u64, bits: u64) -> Enclosure {
    match law {
        "rounded_gaussian" => rounded::Inversion::new(scale).tail(m, bits),
        "discrete_gaussian" => Lattice::<discrete_gaussian::Gaussian>::new(scale).unwrap().tail(m, bits),
        "discrete_laplace" => DiscreteLaplace::new(scale).unwrap().tail(m, bits),
        "skellam" => Lattice::<skellam::Bessel>::new(scale).unwrap().tail(m, bits),
        _ => panic!("no law {law}"),
    }
}

#[test]
fn tails_enclose_the_figures_of_mpmath_narrowly() {
    let figures = figures();
    assert!(figures.len() > 150, "{} figures", figures.len());
    for (law, scale, m, figure) in figures {
        for bits in [63, 127, 180] {
            let tail = tail(&law, scale, m, bits);
            // The figure is rounded down.
            let (low, high) = (tail.low() << (BITS - bits), tail.high() << (BITS - bits));
            assert!(low <= figure && figure <= high, "{law} {scale} {m} at {bits}: {tail:?} and {figure}");
            assert!(tail.high() - tail.low() <= BigInt::from(8), "{law} {scale} {m} at {bits}: {tail:?}");
        }
    }
}

#[test]
fn far_tails_are_enclosed_between_zero_and_one_unit() {
    for law in ["rounded_gaussian", "discrete_gaussian", "discrete_laplace", "skellam"] {
        for scale in [1, 10, 1 << 20] {
            for m in [1000 * scale, 1 << 60] {
                let tail = tail(law, scale, m, 127);
                assert!(*tail.low() == BigInt::ZERO && *tail.high() <= BigInt::from(3), "{law} {scale} {m}: {tail:?}");
            }
        }
    }
}

/// `P(|N(0, 1)| >= x / 2^60)` to 128 bits.
fn normal_tail(x: u64) -> Enclosure {
    let w = Enclosure::ratio(x, 1_u64 << 60, 160);
    Normal::new(160).density_and_tail(&w).1.coarser(128)
}

/// `exp(-x / 2^57)` to 128 bits.
fn exponential_tail(x: u64) -> Enclosure {
    exp_negative(&Enclosure::ratio(x, 1_u64 << 57, 128))
}

/// The true quantile lies within `error` of `value` for every fraction that begins with these bits, because its tail lies
/// between the tails of `value - error` and `value + error`.
fn encloses(word: u64, value: u64, error: u64, tail: impl Fn(u64) -> Enclosure) -> bool {
    let (least, most) = (BigInt::from(first_bits(word)) << 65_u32, BigInt::from(first_bits(word) + 1) << 65_u32);
    let above = *tail(value + error).high() <= least;
    let below = value <= error || *tail(value - error).low() >= most;
    above && below
}

#[test]
fn the_curves_are_within_the_error_that_they_state() {
    let (normal, exponential) = (HalfNormal::table(), Exponential::table());
    let mut rng = stream(91);
    for octave in 0..63_u32 {
        // The ends of pieces, where a Taylor polynomial is worst, and words in between.
        let ends = (0..33_u64).flat_map(|piece| [(piece << 59).wrapping_sub(1 << 40), piece << 59]);
        let random = std::iter::repeat_with(|| rng.next_u64()).take(30);
        for word in ends.chain(random) {
            let word = (word >> (octave + 1) >> 1 << 1 | 1) << (octave + 1);
            let (value, seen) = exponential.at(word);
            assert_eq!(seen as u32, octave);
            let error = exponential.error(seen);
            assert!(encloses(word, value, error, exponential_tail), "-ln, octave {octave}, word {word:#x}");
            let (value, _) = normal.at(word);
            match normal.error(seen) {
                u64::MAX => assert!(octave >= 32, "octave {octave} is promised"),
                error => assert!(encloses(word, value, error, normal_tail), "w, octave {octave}, word {word:#x}"),
            }
        }
    }
    assert_eq!((normal.error(63), exponential.error(63)), (u64::MAX, u64::MAX));
}

#[test]
fn the_stated_errors_are_small_and_not_all_slack() {
    let (normal, exponential) = (HalfNormal::table(), Exponential::table());
    // Half of all words are in octave 0: their quantile is known to 2^-50 and better.
    assert!(
        normal.error(0) < 1 << 10 && exponential.error(0) < 1 << 10,
        "{} {}",
        normal.error(0),
        exponential.error(0)
    );
    assert!((0..20).all(|octave| normal.error(octave) < 1 << 20));
    // A claim a thousand times narrower is false somewhere.
    let mut rng = stream(92);
    let narrower = |word: u64| {
        let ((w, octave), (e, _)) = (normal.at(word), exponential.at(word));
        let error = normal.error(octave).min(exponential.error(octave)) / 1000;
        encloses(word, w, error, normal_tail) && encloses(word, e, error, exponential_tail)
    };
    assert!(!(0..200).all(|_| narrower(rng.next_u64())));
}
