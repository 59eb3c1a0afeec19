//! Karney's trials: the reference that the inversion is held against, and what draws beyond `sigma = 2^38`.

use std::convert::Infallible;

use rand::{Rng, TryRng};
use statistics::{ALPHA, binomial_two_sided, chi_square_tail};

use super::{script::Script, *};
use crate::noise::{
    karney::{HalfNormal, round_scaled, rounded},
    uniform::LazyUniform,
};

/// p-value of two samples of one size coming from one law, in cells of an eighth of sigma or single integers.
fn two_samples(left: &[i64], right: &[i64], sigma: u64) -> f64 {
    let width = (sigma / 8).max(1) as i64;
    let cell = |sample: i64| (sample.div_euclid(width).clamp(-40, 39) + 40) as usize;
    let mut counts = [[0.0_f64; 2]; 80];
    left.iter().for_each(|sample| counts[cell(*sample)][0] += 1.0);
    right.iter().for_each(|sample| counts[cell(*sample)][1] += 1.0);
    // Rare cells are pooled.
    let (rare, common): (Vec<[f64; 2]>, Vec<[f64; 2]>) = counts.into_iter().partition(|[a, b]| a + b < 40.0);
    let pooled = rare.iter().fold([0.0, 0.0], |[a, b], [c, d]| [a + c, b + d]);
    let cells: Vec<[f64; 2]> = common.into_iter().chain([pooled]).filter(|[a, b]| a + b > 0.0).collect();
    let statistic: f64 = cells.iter().map(|[a, b]| (a - b).powi(2) / (a + b)).sum();
    chi_square_tail(statistic, cells.len() as f64 - 1.0)
}

#[test]
fn inversion_and_karney_draw_the_same_law() {
    const SAMPLES: usize = 1_000_000;
    for (sigma, seed) in [1, 2, 3, 10, 1000, (1 << 20) + 1, (1 << 38) - 87, 1 << 38].into_iter().zip(5000..) {
        let inverted = samples(&RoundedGaussian::new(sigma).unwrap(), SAMPLES, seed);
        let mut rng = stream(seed + 100);
        let mut reference = |sigma| -> Vec<i64> { (0..SAMPLES).map(|_| rounded(sigma, &mut rng)).collect() };
        let p = two_samples(&inverted, &reference(sigma), sigma);
        assert!(p > ALPHA, "sigma {sigma}, seeds {seed} and {}: p = {p:e}", seed + 100);
        if sigma >= 1000 {
            assert!(two_samples(&inverted, &reference(sigma / 100 * 99), sigma) < ALPHA, "one percent less passes");
        }
    }
}

#[test]
fn beyond_the_inversion_the_law_is_the_same_scaled() {
    const SAMPLES: usize = 300_000;
    for (sigma, seed) in [((1_u64 << 38) + 1, 5200), ((1 << 40) - 87, 5201), (1 << 44, 5202)] {
        let wide = samples(&RoundedGaussian::new(sigma).unwrap(), SAMPLES, seed);
        // In units of sigma / 2^20, whose rounding no sample of this size can tell.
        let scaled = wide.iter().map(|x| (i128::from(*x) * (1 << 20) / i128::from(sigma)) as i64);
        let narrow = samples(&RoundedGaussian::new(1 << 20).unwrap(), SAMPLES, seed + 100);
        let p = two_samples(&scaled.collect::<Vec<_>>(), &narrow, 1 << 20);
        assert!(p > ALPHA, "sigma {sigma}, seed {seed}: p = {p:e}");
        for bit in 0..8 {
            let ones = wide.iter().filter(|x| **x >> bit & 1 == 1).count() as u64;
            let p = binomial_two_sided(ones, SAMPLES as u64, 0.5);
            assert!(p > ALPHA, "sigma {sigma}, seed {seed}, bit {bit}: {ones} ones, p = {p:e}");
        }
    }
}

/// `floor(|x|)` with a sign, and `floor(x)`: the two ways to forget the half.
#[test]
fn a_floor_in_the_place_of_rounding_does_not_pass() {
    const SAMPLES: usize = 200_000;
    for (sigma, seed) in [(1, 5300), (2, 5301), (3, 5302)] {
        let rounded = samples(&RoundedGaussian::new(sigma).unwrap(), SAMPLES, seed);
        let mut rng = stream(seed + 100);
        let mut towards_zero = || {
            let HalfNormal { integer, fraction } = HalfNormal::draw(&mut rng);
            let x = sigma as f64 * (integer as f64 + fraction.first_digit() as f64 / 2_f64.powi(64));
            if rng.next_u32() & 1 == 0 { x.floor() as i64 } else { -(x.floor() as i64) }
        };
        let towards_zero: Vec<i64> = (0..SAMPLES).map(|_| towards_zero()).collect();
        assert!(two_samples(&rounded, &towards_zero, sigma) < ALPHA, "sigma {sigma}");
        let downwards: Vec<i64> = towards_zero.iter().map(|x| if *x < 0 { x - 1 } else { *x }).collect();
        assert!(two_samples(&rounded, &downwards, sigma) < ALPHA, "sigma {sigma}");
    }
}

/// `floor(sigma (k + 0.d0 d1 d2...) + 1/2)` by schoolbook multiplication, least digit first.
fn exact_round(sigma: u64, k: u64, digits: &[u64]) -> u64 {
    // (2 sigma (k 2^(64 n) + digits) + 2^(64 n)) / 2^(64 n + 1)
    let mut carry = 0_u128;
    for digit in digits.iter().rev() {
        carry = (u128::from(*digit) * u128::from(2 * sigma) + carry) >> 64;
    }
    ((u128::from(k) * u128::from(2 * sigma) + carry + 1) >> 1) as u64
}

/// The digits of `(2 m - 1) / (2 sigma) - k`, where `sigma (k + x) + 1/2` reaches the integer `m`.
fn boundary(sigma: u64, k: u64, m: u64, count: usize) -> Vec<u64> {
    let twice = u128::from(2 * sigma);
    let mut remainder = u128::from(2 * m - 1) - u128::from(k) * twice;
    assert!(remainder < twice, "the boundary lies between k and k + 1");
    let mut digits = Vec::new();
    for _ in 0..count {
        digits.push(((remainder << 64) / twice) as u64);
        remainder = (remainder << 64) % twice;
    }
    digits
}

#[test]
fn rounding_near_a_boundary_reads_as_many_digits_as_it_takes() {
    for sigma in [1, 3, 5, 7, 100, 999_983, (1 << 40) - 87, (1 << 44) - 1] {
        for k in [0, 1, 2, 9] {
            // The first, a middle and the last integer that is reached between k and k + 1.
            let first = k * sigma + 1;
            for m in [first, first + (sigma - 1) / 2, first + sigma - 1] {
                let point = boundary(sigma, k, m, 6);
                for tied in 1..5 {
                    for (change, expected) in [(-1_i64, m - 1), (1, m)] {
                        // Equal to the boundary in `tied` digits, then just beside it.
                        let mut digits = point[..=tied].to_vec();
                        let Some(moved) = digits[tied].checked_add_signed(change) else { continue };
                        digits[tied] = moved;
                        digits.extend([0, 0]);
                        assert_eq!(exact_round(sigma, k, &digits), expected, "the reference itself");
                        let mut script = Script::new(&digits[..=tied]);
                        let x = LazyUniform::draw(&mut script);
                        assert_eq!(round_scaled(sigma, k, x, &mut script), expected, "{sigma} {k} {m} {tied} {change}");
                        assert!(script.finished() || boundary(sigma, k, m, 8)[tied..].iter().all(|digit| *digit == 0));
                    }
                }
            }
        }
    }
}

#[test]
fn a_boundary_that_ends_in_its_first_digit_belongs_to_the_upper_integer() {
    for sigma in [1, 2, 4, 1 << 20, 1 << 44] {
        for (k, m) in [(0, 1), (0, sigma), (3, 3 * sigma + 1)] {
            let [digit] = boundary(sigma, k, m, 1)[..] else { unreachable!() };
            for (first, expected) in [(digit - 1, m - 1), (digit, m), (digit + 1, m)] {
                let mut script = Script::new(&[first]);
                let x = LazyUniform::draw(&mut script);
                assert_eq!(round_scaled(sigma, k, x, &mut script), expected);
            }
        }
    }
}

#[test]
fn random_digits_round_as_exact_arithmetic_does() {
    let mut rng = stream(78);
    for round in 0..20_000_u64 {
        let sigma = 1 + (rng.next_u64() >> (20 + round % 44));
        let (k, digits) = (round % 7, [rng.next_u64(), rng.next_u64(), rng.next_u64()]);
        let mut script = Script::new(&digits);
        let x = LazyUniform::draw(&mut script);
        assert_eq!(round_scaled(sigma, k, x, &mut script), exact_round(sigma, k, &digits), "{sigma} {k} {digits:?}");
    }
}

#[test]
fn equal_words_are_no_answer_to_which_is_smaller() {
    let words = [5, 5, 9, 9, 9, 9, 4, 3];
    let mut script = Script::new(&words);
    let (mut x, mut y) = (LazyUniform::draw(&mut script), LazyUniform::draw(&mut script));
    assert!(!x.is_below(&mut y, &mut script), "5.9.9.4 is above 5.9.9.3");
    assert!(script.finished());
    assert!(y.is_below(&mut x, &mut script), "and stays above: no digit is drawn twice");
    assert!(!x.is_below(&mut y, &mut script));
    // x knows four digits; a fresh deviate is compared with those, not with new ones.
    let mut script = Script::new(&[5, 9, 9, 3]);
    let mut z = LazyUniform::draw(&mut script);
    assert!(z.is_below(&mut x, &mut script) && script.finished());
}

/// Words of few values: ties in half of all comparisons. Deviates whose digits are not uniform are still exchangeable,
/// so that runs keep their probabilities: `1/2` for two, `1/6` for a falling run of three.
struct Coarse(ChaCha20Rng);

impl TryRng for Coarse {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64() & 1)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

#[test]
fn ties_do_not_change_the_odds_of_a_run() {
    let seed = 79;
    let mut rng = Coarse(stream(seed));
    let (mut pairs, mut triples) = (0, 0);
    for _ in 0..100_000 {
        let [mut x, mut y, mut z] = std::array::from_fn(|_| LazyUniform::draw(&mut rng));
        let falls = y.is_below(&mut x, &mut rng);
        pairs += u64::from(falls);
        triples += u64::from(falls && z.is_below(&mut y, &mut rng));
    }
    for (seen, odds) in [(pairs, 1.0 / 2.0), (triples, 1.0 / 6.0)] {
        let p = binomial_two_sided(seen, 100_000, odds);
        assert!(p > ALPHA, "seed {seed}: {seen} at {odds}, p = {p:e}");
    }
}
