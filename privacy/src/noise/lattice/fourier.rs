//! `P(|X| >= m)` to any precision, by Fourier's formula.

use num_bigint::BigInt;

use super::Shape;
use crate::noise::enclosure::{Enclosure, pi, sines};

/// `P(|X| >= m)` for `m >= 1` to about `bits` bits after the point.
///
/// With `n = m - 1` and `D(x) = sin((2n + 1) x / 2) / sin(x / 2)`, the sum of `exp(ijx)` over `|j| <= n`, the mean of `c(x) D(x)` over
/// the points `x = 2 pi k / M` is the sum of `P(X = j + l M)` over `|j| <= n` and all `l`: `1 - P(|X| >= m)` and the folded rest
/// `P(|X| >= M - n)` at most, where `M >= 2n + 1`. For the discrete Gaussian all `k` are summed, for Skellam one period.
///
/// Both laws have `P(|X| >= x) <= 2 max(exp(-0.45 x^2 / z), exp(-0.51 x))`, by Chernoff's bound: `E exp(a X) <= exp(z a^2 / 2)` for
/// the discrete Gaussian (shifting a theta series by a fraction makes it smaller), with `a = x / z`; and
/// `E exp(a X) = exp(z (cosh(a) - 1)) <= exp(0.5431 z a^2)` for Skellam and `a <= 1`, with `a = min(0.9 x / z, 1)`.
pub(super) fn tail<S: Shape>(sigma: u64, m: u64, bits: u64) -> Enclosure {
    let (variance, beyond) = (u128::from(sigma) * u128::from(sigma), u128::from(bits) + 4);
    let square = |value: u128| BigInt::from(value) * value;
    // 0.45 x^2 / z and 0.51 x are at least ln 2 times `beyond` (0.7 is more than ln 2).
    if square(u128::from(m)) >= BigInt::from(variance) * beyond * 2 && u128::from(m) >= 2 * beyond {
        return Enclosure::between(BigInt::ZERO, BigInt::from(1), bits);
    }
    // The same for x = M / 2, which is at most M - n.
    let mut points = (4 * u128::from(m)).max(3 * beyond).next_power_of_two();
    while square(points) < BigInt::from(variance) * beyond * 13_u32 / 2_u32 {
        points *= 2;
    }
    // Twice the bits of M and of sigma cover dividing by the sine and multiplying by 2 z.
    let size = |value: u128| u64::from(128 - value.leading_zeros());
    let fine = bits + 2 * size(points) + size(variance) + 32;
    let pi = &pi(fine);
    let (odd, period) = (BigInt::from(2 * u128::from(m) - 1), BigInt::from(points));
    let mut characteristic = S::characteristic(variance, points, pi);
    let mut sum = Enclosure::integer(odd.clone(), fine);
    for ((index, divisor), dividend) in
        (1_u128..).zip(sines(&BigInt::from(1), &period, pi)).zip(sines(&odd, &period, pi))
    {
        let weight = characteristic(&divisor);
        let term = if index.is_multiple_of(points) {
            weight.times(odd.clone())
        } else {
            &weight * &quotient(dividend, divisor)
        };
        if S::PERIODIC && 2 * index == points {
            // Its own partner.
            sum = &sum + &term;
            break;
        }
        // Those of k and -k.
        sum = &sum + &term.times(2);
        if *weight.high() <= BigInt::from(1) {
            break;
        }
    }
    // What was left out: |D| <= M / 2, and c falls. In one period there are at most M / 2 pairs; otherwise c falls at least as
    // a geometric series whose sum is at most c z^-1 M^2 / 39 times the last. Divided by M, both are below M^2 units.
    let mean = sum.over(period).off_by(square(points));
    let within = &mean / &S::normaliser(variance, pi);
    (&Enclosure::integer(1, fine) - &within).coarser(bits).off_by(1)
}

/// A quotient of numbers of which the divisor is not zero, but may be negative.
fn quotient(dividend: Enclosure, divisor: Enclosure) -> Enclosure {
    if *divisor.low() > BigInt::ZERO {
        return &dividend / &divisor;
    }
    let zero = Enclosure::integer(0, divisor.bits());
    &(&zero - &dividend) / &(&zero - &divisor)
}
