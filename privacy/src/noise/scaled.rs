//! Quick looks: a scaled quantile, rounded where no digit to come can change the outcome.

use super::{
    curve::{Exponential, HalfNormal},
    invert::Look,
    reach::Reach,
};

/// The integer nearest to `sigma w(v)`, less a correction, for `w` of [`HalfNormal`] and `1 <= sigma <= 2^38`.
#[derive(Clone)]
pub(super) struct ScaledNormal {
    curve: &'static HalfNormal,
    /// `sigma` in units in which its product with `w` has 64 bits after the point.
    factor: u64,
    reach: Reach,
}

impl ScaledNormal {
    /// `slack` is what a correction may be off, by octave of the fraction, in units of `2^-64`.
    pub(super) fn new(sigma: u64, slack: impl Fn(usize) -> u128) -> Self {
        const UNITS: u32 = 64 - HalfNormal::SCALE as u32;
        let curve = HalfNormal::table();
        let product_error = |octave| (u128::from(curve.error(octave)) * (u128::from(sigma) + 1)) << UNITS;
        Self { curve, factor: sigma << UNITS, reach: Reach::new(|octave| product_error(octave) + slack(octave)) }
    }

    /// The `correction` is a function of `w 2^60` that moves by at most one when `w` does, in units of `2^-64`.
    #[inline(always)]
    pub(super) fn look(&self, word: u64, correction: impl Fn(u64) -> i64) -> Look {
        let (w, octave) = self.curve.at(word);
        let product = u128::from(self.factor) * u128::from(w) + (1 << 63);
        let value = product.wrapping_sub(i128::from(correction(w)) as u128);
        Look { magnitude: (value >> 64) as u64, sure: self.reach.allows(octave, value as u64) }
    }
}

/// The integer part of `-scale ln(v) + shift` for `1 <= scale <= 2^32` and `0 <= shift <= 1`.
#[derive(Clone)]
pub(super) struct ScaledExponential {
    curve: &'static Exponential,
    /// `scale` in units in which its product with `-ln v` has 64 bits after the point.
    factor: u64,
    /// In units of `2^-64`.
    shift: u64,
    reach: Reach,
}

impl ScaledExponential {
    /// `shift` and how far it may be off, in units of `2^-64`.
    pub(super) fn new(scale: u64, shift: u64, slack: u64) -> Self {
        const UNITS: u32 = 64 - Exponential::SCALE as u32;
        let curve = Exponential::table();
        let product_error = |octave| (u128::from(curve.error(octave)) * u128::from(scale)) << UNITS;
        let reach = Reach::new(|octave| product_error(octave) + u128::from(slack));
        Self { curve, factor: scale << UNITS, shift, reach }
    }

    #[inline(always)]
    pub(super) fn look(&self, word: u64) -> Look {
        let (minus_logarithm, octave) = self.curve.at(word);
        let value = u128::from(self.factor) * u128::from(minus_logarithm) + u128::from(self.shift);
        Look { magnitude: (value >> 64) as u64, sure: self.reach.allows(octave, value as u64) }
    }
}
