//! Exact normal deviates: Karney, "Sampling exactly from the normal distribution", ACM TOMS 42 (2016), Algorithm N.
//!
//! `|N(0, 1)|` is drawn as an integer part `k` and a lazy uniform fraction `x`, using comparisons of uniform deviates
//! only. Running time depends on the sample (privacy.md, B3): do not expose the time of a single draw.

use rand::Rng;

use super::uniform::LazyUniform;

/// `round(N(0, sigma^2))` for `sigma <= 2^44`.
pub(super) fn rounded<R: Rng + ?Sized>(sigma: u64, rng: &mut R) -> i64 {
    let HalfNormal { integer, fraction } = HalfNormal::draw(rng);
    let magnitude = round_scaled(sigma, integer, fraction, rng) as i64;
    if rng.next_u32() & 1 == 0 { magnitude } else { -magnitude }
}

/// The absolute value `k + x` of a standard normal deviate.
pub(super) struct HalfNormal {
    pub(super) integer: u64,
    pub(super) fraction: LazyUniform,
}

impl HalfNormal {
    /// Algorithm N, steps N1 to N4.
    pub(super) fn draw<R: Rng + ?Sized>(rng: &mut R) -> Self {
        loop {
            // N1: k with probability exp(-k/2) (1 - exp(-1/2)).
            let mut integer = 0_u64;
            while exp_minus_half(rng) {
                integer += 1;
            }
            // N2: accept k with probability exp(-k (k-1) / 2).
            if !(0..integer * integer.saturating_sub(1)).all(|_| exp_minus_half(rng)) {
                continue;
            }
            // N3, N4: accept x with probability exp(-x (2k + x) / 2), as k + 1 trials of Algorithm B.
            let mut fraction = LazyUniform::draw(rng);
            if (0..=integer).all(|_| trial(integer, &mut fraction, rng)) {
                return Self { integer, fraction };
            }
        }
    }
}

/// Algorithm H: true with probability `exp(-1/2)`. A decreasing run of uniforms below one half has length at least `n`
/// with probability `(1/2)^n / n!`; the run is of even length with the alternating sum of these.
fn exp_minus_half<R: Rng + ?Sized>(rng: &mut R) -> bool {
    let mut last = LazyUniform::draw(rng);
    // A fair bit decides `u < 1/2`: the deviate's first binary digit.
    if last.first_digit() >> 63 == 1 {
        return true;
    }
    let mut even = false;
    loop {
        let mut next = LazyUniform::draw(rng);
        if !next.is_below(&mut last, rng) {
            return even;
        }
        last = next;
        even = !even;
    }
}

/// Algorithm B: true with probability `exp(-x (2k + x) / (2k + 2))`. The run of [`exp_minus_half`], starting below `x`,
/// where each step also has to pass a coin of probability `(2k + x) / (2k + 2)`.
fn trial<R: Rng + ?Sized>(k: u64, x: &mut LazyUniform, rng: &mut R) -> bool {
    let mut last: Option<LazyUniform> = None;
    let mut even = true;
    loop {
        let mut next = LazyUniform::draw(rng);
        let below = match &mut last {
            None => next.is_below(x, rng),
            Some(last) => next.is_below(last, rng),
        };
        if !below || !coin(k, x, rng) {
            return even;
        }
        last = Some(next);
        even = !even;
    }
}

/// True with probability `(2k + x) / (2k + 2)`: of `2k + 2` equally likely cases `2k` are true, one is false, and one is
/// decided by `r < x`.
fn coin<R: Rng + ?Sized>(k: u64, x: &mut LazyUniform, rng: &mut R) -> bool {
    match below(2 * k + 2, rng) {
        0 => false,
        1 => LazyUniform::draw(rng).is_below(x, rng),
        _ => true,
    }
}

/// Uniform in `0..bound`, by rejection.
fn below<R: Rng + ?Sized>(bound: u64, rng: &mut R) -> u64 {
    let fair = u64::MAX - u64::MAX % bound;
    loop {
        let word = rng.next_u64();
        if word < fair {
            return word % bound;
        }
    }
}

/// `floor(sigma (k + x) + 1/2)`, deciding on as many digits of `x` as it takes.
///
/// With one 64-bit digit `X` of `x`, the value `2 sigma (k + x) + 1` lies in `[L, L + 2 sigma / 2^64)` for
/// `L = 2 sigma (k + X / 2^64) + 1`; its half rounds down to the same integer over the whole interval unless an even
/// integer lies inside. Then the next digits of `x` are compared with those of that rational point, which long
/// division by `2 sigma` yields one at a time.
pub(super) fn round_scaled<R: Rng + ?Sized>(sigma: u64, k: u64, mut x: LazyUniform, rng: &mut R) -> u64 {
    // Numerators over the common denominator 2^64; `sigma <= 2^44` and `k` far below 2^16 keep them inside u128.
    let twice = 2 * u128::from(sigma);
    let low = twice * ((u128::from(k) << 64) + u128::from(x.first_digit())) + (1 << 64);
    let floor = |numerator: u128| (numerator >> 65) as u64;
    let (least, most) = (floor(low), floor(low + twice - 1));
    if least == most {
        return least;
    }
    // `most` is reached once twice * x >= (2 most - 1) - twice * k; the part of that point below digit 0 remains.
    let point = ((u128::from(most) * 2) << 64) - low;
    // The interval's width is `twice` numerator units per unit of digit 0, so the point's next digits are those of
    // `point / twice`, which lies in [0, 1).
    let mut remainder = point;
    for index in 1.. {
        let scaled = remainder << 64;
        let (digit, next) = (scaled / twice, scaled % twice);
        let drawn = u128::from(x.digit(index, rng));
        if drawn != digit {
            return if drawn > digit { most } else { least };
        }
        if next == 0 {
            // The point ends here and every further digit of x is at or above it.
            return most;
        }
        remainder = next;
    }
    most
}
