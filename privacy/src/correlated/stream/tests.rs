//! Is the noise what the proofs say? Releases are computed again from what the proofs say they are functions of, in exact integers.

use std::num::NonZeroU32;

use rand::{Rng, SeedableRng};

use super::*;
use crate::{
    correlated::{
        Banded, Buffered, DyadicBuffer, Limits, Tree,
        dyadic::{ONE, rounded},
    },
    noise::{NoiseRng, RoundedGaussian},
    units::Clip,
};

const SIGMA: u64 = 40;

fn limits(participations: u32, separation: u32) -> Limits {
    let [participations, separation] = [participations, separation].map(|n| NonZeroU32::new(n).unwrap());
    Limits { participations, separation }
}

fn banded() -> Correlation {
    // A steep, a flat and an empty step.
    Banded::with_coefficients(13, limits(2, 6), vec![ONE, 40_001, 40_001, 7, 0]).map(Correlation::Banded).unwrap()
}

fn buffered(rounds: u32) -> Correlation {
    let pairs = [(ONE / 2, 20_001), (ONE / 4 * 3, 10_000)];
    let buffers = pairs.map(|(decay, weight)| DyadicBuffer { decay, weight }).to_vec();
    Buffered::with_buffers(rounds, limits(3, 2), buffers).map(Correlation::Buffered).unwrap()
}

fn grid(dimension: usize) -> Grid {
    Grid::fit(Clip::new(1.0).unwrap(), dimension).unwrap()
}

fn gaussian(sigma: u64) -> RoundedGaussian {
    RoundedGaussian::new(sigma).unwrap()
}

fn secret(seed: u64) -> Secret {
    NoiseRng::seeded(seed).secret()
}

fn stream_of(correlation: &Correlation, dimension: usize, seed: u64) -> NoiseStream {
    let mechanism = Mechanism::with_sigma(correlation.clone(), SIGMA).unwrap();
    NoiseStream::new(&mechanism, grid(dimension), Digest::of(b"task"), 0, &secret(seed)).unwrap()
}

fn noises(correlation: &Correlation, dimension: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut stream = stream_of(correlation, dimension, seed);
    (0..correlation.rounds().get()).map(|place| stream.noise(place).unwrap()).collect()
}

/// Sums of some rounds, of both signs.
fn sums(rounds: u32, dimension: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut rng = chacha20::ChaCha20Rng::seed_from_u64(seed);
    (0..rounds).map(|_| (0..dimension).map(|_| i64::from(rng.next_u32() as i16)).collect()).collect()
}

fn releases(sums: &[Vec<i64>], noises: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let add = |(sum, noise): (&Vec<i64>, &Vec<i64>)| sum.iter().zip(noise).map(|(x, n)| x + n).collect();
    sums.iter().zip(noises).map(add).collect()
}

#[test]
fn a_banded_release_is_a_function_of_the_noised_strategy_alone() {
    let (correlation, dimension, seed) = (banded(), 3, 11);
    let Correlation::Banded(strategy) = &correlation else { unreachable!() };
    let coefficients = strategy.coefficients();
    let (sums, source) = (sums(correlation.rounds().get(), dimension, seed), Source::new(&secret(seed), dimension));
    let released = releases(&sums, &noises(&correlation, dimension, seed));
    for coordinate in 0..dimension {
        let mut earlier: Vec<i64> = Vec::new();
        for (t, release) in released.iter().enumerate() {
            let back = |series: &dyn Fn(usize) -> i64, from: usize| -> i128 {
                let steps = coefficients.iter().enumerate().skip(from).take_while(|(step, _)| *step <= t);
                steps.map(|(step, c)| i128::from(*c) * i128::from(series(t - step))).sum()
            };
            // 2^16 (C x + z') is all that is known of x and z.
            let fresh = source.draw(t as u32, 0, &gaussian(SIGMA << 16))[coordinate];
            let noised = back(&|round| sums[round][coordinate], 0) + i128::from(fresh);
            let output = rounded(noised - back(&|round| earlier[round], 1));
            assert_eq!(output, release[coordinate], "round {t}");
            earlier.push(output);
        }
    }
}

#[test]
fn a_tree_release_is_a_function_of_the_noised_nodes_alone() {
    for leaves in [1, 2, 6, 8, 13] {
        let (dimension, seed) = (2, u64::from(leaves));
        let correlation = Correlation::tree(leaves).unwrap();
        let shares = Tree::new(leaves).unwrap().shares();
        let (sums, source) = (sums(leaves, dimension, seed), Source::new(&secret(seed), dimension));
        let released = releases(&sums, &noises(&correlation, dimension, seed));
        for coordinate in 0..dimension {
            let sum = |from: u32, to: u32| (from..to).map(|round| sums[round as usize][coordinate]).sum::<i64>();
            let noised = |level: u8, end: u32| {
                sum(end - (1 << level), end) + source.draw(end - 1, level, &gaussian(SIGMA))[coordinate]
            };
            // Estimates by recursion from the root downwards, where the stream goes upwards.
            fn estimate(noised: &dyn Fn(u8, u32) -> i64, shares: &[u32], level: u8, end: u32) -> i128 {
                let own = i128::from(noised(level, end)) << 16;
                if level == 0 {
                    return own;
                }
                let share = i128::from(shares[usize::from(level)]);
                let left = estimate(noised, shares, level - 1, end - (1 << (level - 1)));
                let children = left + estimate(noised, shares, level - 1, end);
                i128::from(rounded(share * own + (65_536 - share) * children))
            }
            let mut before = 0;
            for rounds in 1..=leaves {
                let (mut start, mut total) = (0, 0);
                for level in (0..8_u8).rev().filter(|level| rounds >> level & 1 == 1) {
                    start += 1 << level;
                    total += estimate(&noised, &shares, level, start);
                }
                let prefix = rounded(total);
                assert_eq!(
                    prefix - before,
                    released[rounds as usize - 1][coordinate],
                    "{leaves} leaves, round {rounds}"
                );
                before = prefix;
            }
        }
    }
}

/// `f_t(n)` without rounding: in units of `2^-16 4^-t`, for decays that are multiples of one quarter.
fn exactly_fed_back(strategy: &Buffered, noise: &[i64], t: usize) -> i128 {
    let quarters = |decay: u32| i128::from(decay / (ONE / 4));
    let term = |buffer: &DyadicBuffer, back: usize| {
        let power = 4_i128.pow((t - back + 1) as u32) * quarters(buffer.decay).pow(back as u32 - 1);
        i128::from(buffer.weight) * power * i128::from(noise[t - back])
    };
    strategy.buffers().iter().map(|buffer| (1..=t).map(|back| term(buffer, back)).sum::<i128>()).sum()
}

#[test]
fn what_buffers_feed_back_is_linear_up_to_the_error_that_is_charged() {
    let (rounds, seed) = (20, 5);
    let Correlation::Buffered(strategy) = buffered(rounds) else { unreachable!() };
    let error = strategy.error();
    let mut state = buffered::State::new(&strategy, gaussian(SIGMA << 16), 1);
    let noise: Vec<i64> = sums(rounds, 1, seed).into_iter().map(|sum| sum[0]).collect();
    let mut worst: f64 = 0.0;
    for t in 0..rounds as usize {
        let scale = 4_i128.pow(t as u32);
        let off = (state.fed_back(0) * scale - exactly_fed_back(&strategy, &noise, t)) as f64;
        worst = worst.max(off.abs() / scale as f64 / 65_536.0);
        state.remember(0, noise[t]);
    }
    assert!(worst <= error, "{worst} is above the error of {error}");
    assert!(worst >= error / 10.0, "{worst} is no test of {error}");
}

#[test]
fn buffered_noise_is_what_the_buffers_leave_of_fresh_noise() {
    let (correlation, dimension, seed) = (buffered(20), 2, 17);
    let Correlation::Buffered(strategy) = &correlation else { unreachable!() };
    let source = Source::new(&secret(seed), dimension);
    let made = noises(&correlation, dimension, seed);
    for coordinate in 0..dimension {
        let noise: Vec<i64> = made.iter().map(|noise| noise[coordinate]).collect();
        for t in 0..noise.len() {
            let scale = 4_f64.powi(t as i32) * 65_536.0;
            let fresh = source.draw(t as u32, 0, &gaussian(SIGMA << 16))[coordinate] as f64 / 65_536.0;
            let rest = fresh - exactly_fed_back(strategy, &noise, t) as f64 / scale;
            assert!((noise[t] as f64 - rest).abs() <= 0.5 + strategy.error() + 1e-9, "round {t}");
        }
    }
}

#[test]
fn the_same_place_has_the_same_noise_however_it_is_reached() {
    for correlation in [banded(), buffered(13), Correlation::tree(13).unwrap()] {
        let straight = noises(&correlation, 5_000, 3);
        for lost in [0, 4, 12] {
            // A process that starts anew at this place, and one that passes over the place before.
            let mut anew = stream_of(&correlation, 5_000, 3);
            assert_eq!(anew.noise(lost), Some(straight[lost as usize].clone()));
            let mut passing = stream_of(&correlation, 5_000, 3);
            let _ = lost.checked_sub(2).map(|before| passing.noise(before));
            assert_eq!(passing.noise(lost), Some(straight[lost as usize].clone()));
            for used in 0..=lost {
                assert_eq!(passing.noise(used), None, "given out or passed over");
            }
        }
        assert_eq!(stream_of(&correlation, 5_000, 3).noise(13), None, "beyond the block");
        let other = noises(&correlation, 5_000, 4);
        assert!(straight.iter().zip(&other).all(|(one, other)| one != other), "another secret, another noise");
    }
}

#[test]
fn the_bits_of_a_secret_are_those_of_its_version() {
    // Whoever changes these changes STREAM_VERSION with them: a kept secret would mean other noise than was released.
    let correlation = Correlation::tree(2).unwrap();
    let mechanism = Mechanism::with_sigma(correlation, SIGMA).unwrap();
    let fixed = Secret::restored([7; 32], Provenance::Simulated);
    let mut stream = NoiseStream::new(&mechanism, grid(5_000), Digest::ZERO, 0, &fixed).unwrap();
    let [first, second] = [0, 1].map(|place| stream.noise(place).unwrap());
    let some = [&first[..3], &first[4_096..4_099], &second[..3]].concat();
    assert_eq!((STREAM_VERSION, some), (1, vec![-35, 77, -7, 48, 39, 14, 13, -93, 33]));
}

#[test]
fn a_stream_is_made_for_correlated_noise_within_its_limits_and_shows_nothing() {
    let stream = |mechanism: &Mechanism| NoiseStream::new(mechanism, grid(4), Digest::ZERO, 0, &secret(1));
    assert_eq!(stream(&Mechanism::Gaussian { sigma: 4 }).unwrap_err(), StreamError::NotCorrelated);
    assert_eq!(stream(&Mechanism::None).unwrap_err(), StreamError::NotCorrelated);
    for sigma in [0, SIGMA_LIMIT + 1] {
        let written = Mechanism::Correlated { sigma, correlation: banded() };
        assert_eq!(stream(&written).unwrap_err(), StreamError::Sigma { sigma });
        assert_eq!(written.event(&grid(4)), crate::DpEvent::NonPrivate);
        assert!(Mechanism::with_sigma(banded(), sigma).is_err());
    }
    let most = Mechanism::with_sigma(banded(), SIGMA_LIMIT).unwrap();
    let largest = stream(&most).unwrap();
    assert!(!format!("{largest:?}").contains("key"), "{largest:?}");
    for correlation in [banded(), buffered(13), Correlation::tree(13).unwrap()] {
        let mut stream = NoiseStream::new(
            &Mechanism::with_sigma(correlation, SIGMA_LIMIT).unwrap(),
            grid(4),
            Digest::ZERO,
            0,
            &secret(1),
        )
        .unwrap();
        assert!(stream.noise(12).is_some(), "the largest noise does not overflow");
    }
}
