//! Renyi divergence of any mechanism on a sample of fixed size, under replace-one.

use super::{
    log_sum::{LogSum, ln_exp_m1, ln_one_plus_exp},
    release::{Release, between_integers},
    sampled_gaussian::MOST_NOISE,
};

/// Up to this order the moments of the Gaussian's likelihood ratio are worth their quadrature.
const LARGEST_MOMENT: u32 = 256;

/// Upper bounds at `orders` for `release` on a sample of this `share` of the population, below 1.
///
/// # Source
/// Wang, Balle and Kasiviswanathan 2019 (1808.00087), Theorem 9, and Theorem 27 for the Gaussian: at integer orders
/// `ln(1 + sum_(j=2)^alpha C(alpha, j) q^j b_j) / (alpha - 1)` with `b_2 = min(4 (e^(r(2)) - 1), 2 e^(r(2)))` and
/// `b_j = 2 e^((j-1) r(j))` above, for the Gaussian the smaller of this and `4 sqrt(B(2 floor(j/2)) B(2 ceil(j/2)))`, where
/// `B(l) = E[(likelihood ratio - 1)^l]`. Never more than without sampling, as in
/// [`poisson`](super::poisson::divergences).
pub(super) fn divergences(share: f64, release: &Release, orders: &[f64]) -> Vec<f64> {
    let largest = orders.iter().fold(2.0, |largest: f64, order| largest.max(order.ceil())) as u32;
    let ln_even_moments: Vec<f64> = match release {
        Release::Gaussian { mu } if mu.is_finite() => (0..=largest.min(LARGEST_MOMENT).div_ceil(2))
            .map(|half| ln_even_moment((1.0 / mu).min(MOST_NOISE), 2 * half))
            .collect(),
        _ => Vec::new(),
    };
    let ln_bound: Vec<f64> = (0..=largest)
        .map(|j| {
            let index = j as usize;
            let r = release.divergence(f64::from(j.max(2)));
            let general = 2_f64.ln() + (f64::from(j) - 1.0) * r;
            match j {
                0 | 1 => f64::NEG_INFINITY,
                2 => general.min(4_f64.ln() + ln_exp_m1(r)),
                _ => match (ln_even_moments.get(index / 2), ln_even_moments.get(index.div_ceil(2))) {
                    (Some(low), Some(high)) => general.min(4_f64.ln() + (low + high) / 2.0),
                    _ => general,
                },
            }
        })
        .collect();
    let at_integer = |order: f64| {
        let (mut sum, mut ln_choose) = (LogSum::default(), 0.0);
        for (j, bound) in ln_bound.iter().enumerate().take(order as usize + 1).skip(1) {
            let j = j as f64;
            ln_choose += ((order - j + 1.0) / j).ln();
            sum.add(ln_choose + j * share.ln() + bound);
        }
        ln_one_plus_exp(sum.ln()) / (order - 1.0)
    };
    orders.iter().map(|order| between_integers(*order, at_integer).min(release.divergence(*order))).collect()
}

/// `ln E[(e^((2x - 1) / (2 z^2)) - 1)^power]` for `x ~ N(0, z^2)` and an even power, enlarged by the slack of sums.
///
/// By the trapezoidal rule: the integrand is entire and positive, so nothing cancels. A shift of the line of integration by `a z`
/// into the complex plane enlarges it by at most `e^(a^2)` where `z` is large (there the ratio minus 1 is nearly linear), and by
/// what [`sampled_gaussian`](super::sampled_gaussian) says where it is small, so a step of `min(z, z^2) / 4` leaves a relative
/// error below 1e-30. The mass lies within `sqrt(power)` standard deviations of 0 and of `power`, but for a Gaussian tail.
fn ln_even_moment(multiplier: f64, power: u32) -> f64 {
    if power == 0 {
        return 0.0;
    }
    let variance = multiplier * multiplier;
    if multiplier < 0.1 {
        // Too many points, and no epsilon is of any use: the general bound is taken.
        return f64::INFINITY;
    }
    let step = multiplier.min(variance) / 4.0;
    let power = f64::from(power);
    let reach = (14.0 + power.sqrt()) * multiplier;
    let points = ((power + 2.0 * reach) / step).ceil() as u64;
    let ln_weight = (step / multiplier).ln() - (2.0 * std::f64::consts::PI).ln() / 2.0;
    let mut sum = LogSum::default();
    for point in 0..=points {
        let x = step * point as f64 - reach;
        let likelihood = (2.0 * x - 1.0) / (2.0 * variance);
        let ln_distance = if likelihood > 30.0 { likelihood } else { likelihood.exp_m1().abs().ln() };
        sum.add(ln_weight - x * x / (2.0 * variance) + power * ln_distance);
    }
    sum.ln() + super::log_sum::SLACK.ln()
}
