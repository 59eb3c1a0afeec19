//! Renyi divergence of the Poisson-subsampled Gaussian, at any real order above 1.

use super::log_sum::{LogSum, ln_exp_m1, ln_one_plus_exp};

/// Below this multiplier the trapezoidal rule would need too many points, and no epsilon is of any use.
const LEAST_FOR_QUADRATURE: f64 = 0.1;
/// More noise than this is counted as this much, which only costs more: the ends of the quadrature stay finite.
pub(super) const MOST_NOISE: f64 = 1e100;

/// Upper bound on the Renyi divergence of order `order` between `(1-q) N(0, z^2) + q N(1, z^2)` and `N(0, z^2)`, and so, for
/// every order, of the reverse direction too.
///
/// # Source
/// Mironov, Talwar and Zhang 2019: Theorem 4 (these two distributions are the worst case), Theorem 5 (this direction is
/// the larger one). With `r(x) = 1 - q + q exp((2x - 1) / (2 z^2))` the divergence is `ln A / (order - 1)`,
/// `A = E[r(X)^order]` for `X ~ N(0, z^2)`. Since `E[r] = 1`, we sum `A - 1 = E[r^order - 1 - order (r - 1)]`, whose terms
/// are all positive: nothing cancels, and no alternating series has to converge.
pub(super) fn renyi_divergence(rate: f64, multiplier: f64, order: f64) -> f64 {
    if rate == 1.0 {
        return order / (2.0 * multiplier * multiplier);
    }
    let multiplier = multiplier.min(MOST_NOISE);
    let ln_moment = if order.fract() == 0.0 {
        ln_one_plus_exp(binomial_sum(rate, multiplier, order))
    } else if multiplier < LEAST_FOR_QUADRATURE {
        interpolated(rate, multiplier, order)
    } else {
        ln_one_plus_exp(quadrature(rate, multiplier, order))
    };
    ln_moment / (order - 1.0)
}

/// Upper bound on `ln A` between integer orders: `ln E[r^order]` is convex in the order (Wang, Balle and Kasiviswanathan
/// 2019, Corollary 10) and is 0 at order 1.
fn interpolated(rate: f64, multiplier: f64, order: f64) -> f64 {
    let at = |order: f64| {
        if order == 1.0 { 0.0 } else { ln_one_plus_exp(binomial_sum(rate, multiplier, order)) }
    };
    let share = order.fract();
    (1.0 - share) * at(order.floor()) + share * at(order.ceil())
}

/// `ln(A - 1)` for an integer order: `A = sum_i C(order, i) (1-q)^(order-i) q^i exp((i^2 - i) / (2 z^2))` (section 3.3), of
/// which the binomial weights themselves sum to 1.
fn binomial_sum(rate: f64, multiplier: f64, order: f64) -> f64 {
    let (ln_rate, ln_rest) = (rate.ln(), (-rate).ln_1p());
    let mut ln_choose = 0.0;
    let mut sum = LogSum::default();
    let count = order as u32;
    for index in 1..=count {
        let i = f64::from(index);
        ln_choose += ((order - i + 1.0) / i).ln();
        if index < 2 {
            continue;
        }
        let exponent = i * (i - 1.0) / (2.0 * multiplier * multiplier);
        sum.add(ln_choose + i * ln_rate + (order - i) * ln_rest + ln_exp_m1(exponent));
    }
    sum.ln()
}

/// `ln(A - 1)` by the trapezoidal rule.
///
/// The integrand is analytic in the strip `|Im x| < pi z^2` and decays like a Gaussian of width `z`, so with step `h` the rule's
/// relative error is of order `exp(-2 pi^2 z^2 / h^2) + exp(-2 pi^2 z^2 / h)` (Trefethen and Weideman 2014, Theorem 5.1): with
/// `h = min(z, z^2) / 4` below 1e-30. Beyond 14 standard deviations of either peak (at 0 and at `order`) less than 1e-40 of the
/// mass is left. What remains is float error, covered by the slack.
fn quadrature(rate: f64, multiplier: f64, order: f64) -> f64 {
    let variance = multiplier * multiplier;
    let step = multiplier.min(variance) / 4.0;
    let (low, high) = (-14.0 * multiplier, order + 14.0 * multiplier);
    let points = ((high - low) / step).ceil() as u64;
    let ln_weight = (step / multiplier).ln() - (2.0 * std::f64::consts::PI).ln() / 2.0;
    let mut sum = LogSum::default();
    for point in 0..=points {
        let x = low + step * point as f64;
        let likelihood = (2.0 * x - 1.0) / (2.0 * variance);
        sum.add(ln_weight - x * x / (2.0 * variance) + ln_convex_excess(rate, likelihood, order));
    }
    sum.ln()
}

/// `ln(r^order - 1 - order (r - 1))` for `r = 1 + q (e^likelihood - 1)`.
fn ln_convex_excess(rate: f64, likelihood: f64, order: f64) -> f64 {
    let excess = rate * likelihood.exp_m1();
    if excess > 1e30 {
        // Here r is its second term alone, and only order * r can matter beside r^order (for orders near 1).
        return ln_power_less_linear(rate.ln() + likelihood, order);
    }
    if (order * excess).abs() < 0.02 {
        // Binomial series from the second term on; twelve terms leave less than 1e-19 of the first.
        let (mut term, mut series) = (order * (order - 1.0) / 2.0, 0.0);
        for power in 2..14 {
            series += term;
            term *= excess * (order - f64::from(power)) / f64::from(power + 1);
        }
        return series.ln() + 2.0 * excess.abs().ln();
    }
    let ln_power = order * excess.ln_1p();
    if ln_power > 600.0 {
        return ln_power_less_linear(excess.ln_1p(), order);
    }
    (ln_power.exp_m1() - order * excess).ln()
}

/// `ln(r^order - order r)` for `r` so large that a constant beside it is below its last digit.
fn ln_power_less_linear(ln_ratio: f64, order: f64) -> f64 {
    order * ln_ratio + (-order * (-(order - 1.0) * ln_ratio).exp()).ln_1p()
}
