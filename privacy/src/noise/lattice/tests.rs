//! The claims of the module's first page, against [`fourier::tail`].

use num_bigint::BigInt;

use super::*;
use crate::noise::{
    curve::HalfNormal, discrete_gaussian::Gaussian, fraction::octave, normal::Normal, skellam::Bessel, tests::word_of,
};

const BITS: u64 = 160;

/// Magnitudes from 1 to `t = 6.6`.
fn magnitudes(sigma: u64, count: u64) -> impl Iterator<Item = u64> {
    (0..=count).map(move |n| 1 + n * (66 * sigma / 10 - 1) / count)
}

/// Thresholds come from sums of weights; the tail from Fourier's formula.
#[test]
fn thresholds_are_the_tails_in_63_bits() {
    fn check<S: Shape>(sigma: u64) {
        let lattice = Lattice::<S>::new(sigma).unwrap();
        let words = lattice.thresholds.as_ref().unwrap().words();
        let last = words.len() as u64 - 1;
        assert_eq!((words[0], words[last as usize]), (u64::MAX, 0));
        assert!(words.is_sorted_by(|left, right| left >= right));
        for m in (1..=last).step_by(1 + last as usize / 40).chain([last - 1, last]) {
            let tail = lattice.tail(m, 63);
            let word = BigInt::from(words[m as usize]);
            assert!(*tail.low() <= word.clone() + 1 && word <= *tail.high(), "{} {sigma}, {m}", S::NAME);
            let tail = lattice.tail(m, 63 + 40);
            assert_eq!(tail.low() >> 40_u32, word, "{} {sigma}, {m}", S::NAME);
        }
    }
    for sigma in [1, 2, 3, 17, 511] {
        check::<Gaussian>(sigma);
        check::<Bessel>(sigma);
    }
}

/// `k(t)` in units of `1 / (4 sigma^2)`, from `N = odd / 2`.
fn k<S: Shape>(sigma: u64, odd: u64) -> BigInt {
    let four = BigInt::from(4 * sigma * sigma);
    if S::PERIODIC { four * 4 - BigInt::from(odd) * odd } else { four }
}

/// First claim: `|T(m) - H(t)| <= R(t)`.
#[test]
fn tails_differ_from_their_first_terms_by_at_most_the_rest() {
    fn check<S: Shape>(sigma: u64) {
        let (lattice, normal) = (Lattice::<S>::new(sigma).unwrap(), Normal::new(BITS));
        let mut largest = 0.0_f64;
        for m in magnitudes(sigma, 60) {
            let odd = 2 * m - 1;
            let t = Enclosure::ratio(odd, 2 * sigma, BITS);
            // The density of |N(0, 1)| is twice that of N(0, 1).
            let (density, tail) = normal.density_and_tail(&t);
            let scaled = &(&t * &density).over(24 * sigma * sigma);
            let k = k::<S>(sigma, odd);
            let size = scaled.times(k.magnitude().clone()).over(4 * sigma * sigma);
            let h = if k < BigInt::ZERO { &tail + &size } else { &tail - &size };
            let difference = &lattice.tail(m, BITS) - &h;
            let worst = difference.high().max(&-difference.low()).clone();
            // R(t) sigma^4 = 0.0315 + 0.0252 t + 0.0047 t^2
            let ten_thousandths = &(&Enclosure::integer(315, BITS) + &t.times(252)) + &(&t * &t).times(47);
            let rest = ten_thousandths.over(10_000).over(BigInt::from(sigma).pow(4));
            assert!(worst <= *rest.low(), "{} {sigma}, {m}: {worst} and {rest:?}", S::NAME);
            let as_float = |value: &BigInt| value.to_string().parse::<f64>().unwrap();
            largest = largest.max(as_float(&worst) / as_float(rest.low()));
        }
        println!("{} {sigma}: at most {largest:.3} of the bound", S::NAME);
        // The bound is for both laws; Skellam, for which it was made, comes near.
        assert!(!S::PERIODIC || largest > 0.05, "{} {sigma}: {largest}", S::NAME);
    }
    for sigma in [512, 1000, 1 << 14] {
        check::<Gaussian>(sigma);
        check::<Bessel>(sigma);
    }
}

/// Second claim: where `v = T(m)`, what a quick look computes is within `2^(l-2) / sigma^3` of `m - 1/2`.
#[test]
fn thresholds_are_met_within_the_stated_error() {
    fn check<S: Shape>(sigma: u64) {
        let (lattice, table) = (Lattice::<S>::new(sigma).unwrap(), HalfNormal::table());
        let s = sigma as f64;
        let mut largest = 0.0_f64;
        for m in magnitudes(sigma, 100) {
            let word = word_of(u64::try_from(lattice.tail(m, 63).low()).unwrap());
            let octave = octave(word);
            if octave > 31 {
                continue;
            }
            let w = table.at(word).0 as f64 / 2_f64.powi(60);
            let k = if S::PERIODIC { 4.0 - w * w } else { 1.0 };
            let off = (s * w - w * k / (24.0 * s) - (m as f64 - 0.5)).abs();
            let stated = 2_f64.powi(octave as i32 - 2) / s.powi(3);
            // What the table and a float may be off.
            let known = s * (table.error(octave) as f64 / 2_f64.powi(60) + 2_f64.powi(-49));
            assert!(off <= stated + known, "{} {sigma}, {m}: {off:e}, stated {stated:e}", S::NAME);
            largest = largest.max((off - known) / stated);
        }
        println!("{} {sigma}: at most {largest:.3} of the stated error", S::NAME);
        assert!(!S::PERIODIC || largest > 0.02, "{} {sigma}: {largest}", S::NAME);
    }
    for sigma in [512, 700, 1000] {
        check::<Gaussian>(sigma);
        check::<Bessel>(sigma);
    }
}

#[test]
fn corrections_are_within_their_error() {
    fn check<S: Shape>(sigma: u64) {
        let unit = ((1_u128 << 76) / (24 * u128::from(sigma))) as i64;
        for step in 0..=1000_u64 {
            let w = step * ((13 << 59) / 1000);
            // w k(w) in units of 2^-180, exactly.
            let exact = BigInt::from(w);
            let cubic = if S::PERIODIC { (&exact << 122_u32) - exact.pow(3) } else { exact << 120_u32 };
            // Over 24 sigma in units of 2^-64.
            let (scaled, divisor) = (BigInt::from(S::correction(w, unit)) << 116_u32, BigInt::from(24 * sigma));
            let off = scaled * &divisor - cubic;
            let most = (divisor << 116_u32) * CORRECTION_ERROR;
            assert!(*off.magnitude() <= *most.magnitude(), "{} {sigma}, step {step}", S::NAME);
        }
    }
    for sigma in [512, 513, 1000, 1 << 20, LATTICE_LIMIT] {
        check::<Gaussian>(sigma);
        check::<Bessel>(sigma);
    }
}
