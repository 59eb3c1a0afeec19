//! Buffered linear Toeplitz strategies: the noise of a round is correlated with that of all rounds before it, and a few buffers
//! remember as much of those as is needed.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{
    CorrelationError, Limits,
    banded::block_of,
    dyadic::{FRACTION_BITS, ONE, nearest, value},
    simplex::minimise,
    toeplitz,
};

/// Buffers: more than four change next to nothing (Dvijotham and others 2024).
const BUFFERS_LIMIT: u32 = 8;
/// Binary digits after the point in a buffer. A buffer is a sum of noise over at most 2^16 rounds and fits `i128` by far.
pub(super) const BUFFER_BITS: u32 = 32;

/// A lower-triangular Toeplitz matrix with `c_0 = 1` and `c_t = sum_j w_j theta_j^(t-1)`, decays and weights being multiples of
/// `2^-16`.
///
/// # Source
/// Dvijotham, McMahan, Pillutla, Steinke and Thakurta 2024 (2404.16706); McMahan, Xu and Zhang 2024 (2408.08868).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawBuffered")]
pub struct Buffered {
    rounds: NonZeroU32,
    limits: Limits,
    buffers: Vec<DyadicBuffer>,
}

/// One exponential of a [`Buffered`] strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DyadicBuffer {
    /// `theta` in units of `2^-16`: strictly between 0 and 1.
    pub decay: u32,
    /// `w` in units of `2^-16`: positive.
    pub weight: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBuffered {
    rounds: NonZeroU32,
    limits: Limits,
    buffers: Vec<DyadicBuffer>,
}

impl Buffered {
    /// The strategy with so many buffers for a block of `rounds` rounds that makes the sums of its first rounds most exact at equal
    /// privacy, on average over the block, as far as a walk downhill finds it.
    ///
    /// # Errors
    /// [`CorrelationError`] when the numbers do not fit each other.
    pub fn new(rounds: u32, buffers: u32, limits: Limits) -> Result<Self, CorrelationError> {
        Self::check(rounds, buffers, limits)?;
        let loss = |shape: &[f64]| {
            let pairs = pairs(shape);
            if pairs.iter().map(|(_, weight)| weight).sum::<f64>() > 1.0 {
                return f64::INFINITY;
            }
            toeplitz::loss(&coefficients(&pairs, rounds), &inverse(&pairs, rounds), rounds, limits)
        };
        // From several starts, one buffer after another: a walk downhill may end with two buffers that are one.
        let mut best: Vec<f64> = Vec::new();
        for count in 1..=buffers {
            let nearer = if best.is_empty() { None } else { Some([best.as_slice(), &[0.0, libm::log(0.1)]].concat()) };
            let starts = [Some(start(rounds, count)), Some(start(limits.separation.get(), count)), nearer];
            let walked = starts.into_iter().flatten().map(|start| {
                let steps = [1.0, 0.5, 0.25];
                let shape = steps.into_iter().fold(start, |shape, step| minimise(&shape, step, 200 * count, loss));
                (loss(&shape), shape)
            });
            best = walked.min_by(|one, other| one.0.total_cmp(&other.0)).map_or(best, |(_, shape)| shape);
        }
        let mut chosen: Vec<DyadicBuffer> = pairs(&best).into_iter().map(dyadic).collect();
        chosen.sort_by_key(|buffer| (buffer.decay, buffer.weight));
        // Rounding to nearest may have brought the weights a little above one.
        while chosen.iter().map(|buffer| buffer.weight).sum::<u32>() > ONE {
            if let Some(largest) = chosen.iter_mut().max_by_key(|buffer| buffer.weight) {
                largest.weight -= 1;
            }
        }
        Self::with_buffers(rounds, limits, chosen)
    }

    /// The same with the buffers given. All weights together are at most one, so that the coefficients do not rise.
    ///
    /// # Errors
    /// [`CorrelationError`] for any other buffers.
    pub fn with_buffers(rounds: u32, limits: Limits, buffers: Vec<DyadicBuffer>) -> Result<Self, CorrelationError> {
        let rounds = Self::check(rounds, u32::try_from(buffers.len()).unwrap_or(u32::MAX), limits)?;
        let mut sum = 0_u64;
        for (index, DyadicBuffer { decay, weight }) in buffers.iter().copied().enumerate() {
            if decay == 0 || decay >= ONE {
                let range = "strictly between 0 and 1";
                return Err(CorrelationError::Coefficient { what: "decay", index, numerator: decay, range });
            }
            sum += u64::from(weight);
            if weight == 0 || sum > u64::from(ONE) {
                let range = "positive, and with all weights before it at most 1";
                return Err(CorrelationError::Coefficient { what: "weight", index, numerator: weight, range });
            }
        }
        Ok(Self { rounds, limits, buffers })
    }

    /// Rounds of a block.
    #[must_use]
    pub fn rounds(&self) -> NonZeroU32 {
        self.rounds
    }

    /// How often a device takes part.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The exponentials.
    #[must_use]
    pub fn buffers(&self) -> &[DyadicBuffer] {
        &self.buffers
    }

    pub(super) fn pairs(&self) -> Vec<(f64, f64)> {
        self.buffers.iter().map(|buffer| (value(buffer.decay), value(buffer.weight))).collect()
    }

    pub(super) fn inverse(&self) -> Vec<f64> {
        inverse(&self.pairs(), self.rounds.get())
    }

    /// The block's rounds, if everything fits.
    pub(super) fn check(rounds: u32, buffers: u32, limits: Limits) -> Result<NonZeroU32, CorrelationError> {
        if buffers == 0 || buffers > BUFFERS_LIMIT {
            return Err(CorrelationError::Count { what: "buffers", given: buffers, limit: BUFFERS_LIMIT });
        }
        block_of(rounds, limits)
    }

    /// By how much, in steps, what is fed back may be off the exact linear function on one coordinate in one round, at most:
    /// each buffer is rounded once a round to `2^-32`, which decays with it, and their sum to `2^-16`.
    pub(super) fn error(&self) -> f64 {
        let rounds = f64::from(self.rounds.get());
        let remembered = |decay: f64| (1.0 / (1.0 - decay)).min(rounds);
        let buffers: f64 = self.pairs().iter().map(|(decay, weight)| weight * remembered(*decay)).sum();
        let half = |bits: u32| 0.5 / (1_u64 << bits) as f64;
        buffers * half(BUFFER_BITS) + half(FRACTION_BITS)
    }
}

/// Decays and weights of a point of the search: any two numbers are a decay strictly between 0 and 1 and a positive weight.
fn pairs(shape: &[f64]) -> Vec<(f64, f64)> {
    // `libm`'s exponential, unlike the platform's, is the same on every machine.
    shape.chunks_exact(2).map(|pair| (1.0 / (1.0 + libm::exp(-pair[0])), libm::exp(pair[1]))).collect()
}

/// Where a search starts: what the buffers forget in a round goes from one half down to one over `rounds` by equal ratios, and they
/// weigh as its square roots, one half in all, as in the square root of the matrix of ones.
fn start(rounds: u32, buffers: u32) -> Vec<f64> {
    let longest = (1.0 / f64::from(rounds)).min(0.5);
    let step = if buffers > 1 { libm::log(longest / 0.5) / f64::from(buffers - 1) } else { 0.0 };
    let first = if buffers > 1 { 0.5 } else { (0.5 * longest).sqrt() };
    let forgotten: Vec<f64> = (0..buffers).map(|index| first * libm::exp(step * f64::from(index))).collect();
    let roots: f64 = forgotten.iter().map(|share| share.sqrt()).sum();
    let pair = |share: f64| [libm::log((1.0 - share) / share), libm::log(0.5 * share.sqrt() / roots)];
    forgotten.into_iter().flat_map(pair).collect()
}

fn dyadic((decay, weight): (f64, f64)) -> DyadicBuffer {
    DyadicBuffer { decay: nearest(decay).clamp(1, ONE - 1), weight: nearest(weight).max(1) }
}

fn coefficients(pairs: &[(f64, f64)], rounds: u32) -> Vec<f64> {
    let mut terms: Vec<f64> = pairs.iter().map(|(_, weight)| *weight).collect();
    let mut coefficients = vec![1.0];
    while coefficients.len() < rounds as usize {
        coefficients.push(terms.iter().sum());
        for (term, (decay, _)) in terms.iter_mut().zip(pairs) {
            *term *= decay;
        }
    }
    coefficients
}

/// First column of `C^-1`, by the recursion that makes the noise.
fn inverse(pairs: &[(f64, f64)], rounds: u32) -> Vec<f64> {
    let mut buffers = vec![0.0; pairs.len()];
    let mut noise = 1.0;
    let mut inverse = Vec::with_capacity(rounds as usize);
    for _ in 0..rounds {
        let entry: f64 = noise - buffers.iter().zip(pairs).map(|(buffer, (_, weight))| weight * buffer).sum::<f64>();
        for (buffer, (decay, _)) in buffers.iter_mut().zip(pairs) {
            *buffer = *buffer * decay + entry;
        }
        inverse.push(entry);
        noise = 0.0;
    }
    inverse
}

impl TryFrom<RawBuffered> for Buffered {
    type Error = CorrelationError;

    fn try_from(raw: RawBuffered) -> Result<Self, CorrelationError> {
        Self::with_buffers(raw.rounds.get(), raw.limits, raw.buffers)
    }
}

#[cfg(test)]
mod tests;
