//! `T(m) = P(|X| >= m)` for every `m` that 63 bits tell from zero.

use num_bigint::BigInt;

use super::Shape;
use crate::noise::{enclosure::Enclosure, fraction::first_bits, invert::Look};

/// `floor(T(m) 2^63)` for `m` from 0, where `T(0) = 1` stands as a number above all others, to the first that is zero.
pub(super) struct Thresholds(Vec<u64>);

impl Thresholds {
    pub(super) fn compute<S: Shape>(sigma: u64) -> Self {
        // At 16 sigma the weights are far below 2^-128, and Skellam's with small sigma at 64 too.
        let (mut count, mut bits) = (16 * sigma + 64, 128);
        loop {
            if let Some(thresholds) = enclosed::<S>(sigma * sigma, count, bits) {
                return Self(thresholds);
            }
            (count, bits) = (2 * count, 2 * bits);
        }
    }

    /// The magnitude for the fraction that a word begins, looked for from `guess` on. Right whatever the guess.
    #[inline(always)]
    pub(super) fn look(&self, word: u64, guess: u64) -> Look {
        let (known, last) = (first_bits(word), self.0.len() - 1);
        // known < floor(T 2^63) means v < T, and known > floor(T 2^63) means v > T.
        let mut magnitude = (guess as usize).min(last - 1);
        while known < self.0[magnitude + 1] {
            magnitude += 1;
        }
        while known >= self.0[magnitude] {
            magnitude -= 1;
        }
        Look { magnitude: magnitude as u64, sure: known != self.0[magnitude + 1] }
    }
}

/// The thresholds, unless `bits` and `count` leave one of them open.
fn enclosed<S: Shape>(variance: u64, count: u64, bits: u64) -> Option<Vec<u64>> {
    let weights = S::weights(variance, count, bits);
    // Both laws are log-concave, with P(X = m + 1) <= z / (z + m) P(X = m): what lies beyond `count` is a geometric series.
    let rest = weights.last()?.times(variance).over(count);
    let mut sums = vec![Enclosure::between(BigInt::ZERO, rest.high().clone(), bits)];
    for weight in weights[1..].iter().rev() {
        sums.push(sums.last()? + weight);
    }
    sums.reverse();
    let total = &weights[0] + &sums[0].times(2);
    let mut thresholds = vec![u64::MAX];
    for sum in sums {
        let low: BigInt = (sum.low() << 64_u32) / total.high();
        let high: BigInt = (sum.high() << 64_u32) / total.low();
        if low != high {
            return None;
        }
        let threshold = u64::try_from(low).ok()?;
        thresholds.push(threshold);
        if threshold == 0 {
            return Some(thresholds);
        }
    }
    None
}

#[cfg(test)]
impl Thresholds {
    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }
}
