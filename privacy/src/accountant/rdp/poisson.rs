//! Renyi divergence of any mechanism on a Poisson sample.

use super::{
    log_sum::{LogSum, ln_exp_m1, ln_one_plus_exp},
    release::{Release, between_integers},
};

/// Upper bounds at `orders` for `release` on a sample at `rate` below 1.
///
/// # Source
/// Zhu and Wang 2019 (1910.01327), Theorem 5, for a mechanism about which nothing but its divergences `r` is known and for integer
/// orders: `ln(A) / (alpha - 1)`, where `A` is the sum over `j` of the binomial weights `C(alpha, j) (1-q)^(alpha-j) q^j` times 1
/// for `j < 2`, `e^(r(2))` for 2 and `3 e^((j-1) r(j))` above. The weights sum to 1 and `A - 1` is summed, of positive terms.
/// Never more than without sampling: the divergence of two mixtures with equal weights is at most the largest between their
/// parts.
pub(super) fn divergences(rate: f64, release: &Release, orders: &[f64]) -> Vec<f64> {
    let largest = orders.iter().fold(2.0, |largest: f64, order| largest.max(order.ceil())) as u32;
    // ln(e^((j-1) r(j)) - 1) for 2, ln(3 e^((j-1) r(j)) - 1) above.
    let ln_gain: Vec<f64> = (0..=largest)
        .map(|j| match j {
            0 | 1 => f64::NEG_INFINITY,
            2 => ln_exp_m1(release.divergence(2.0)),
            j => ln_exp_m1((f64::from(j) - 1.0) * release.divergence(f64::from(j)) + 3_f64.ln()),
        })
        .collect();
    let (ln_rate, ln_rest) = (rate.ln(), (-rate).ln_1p());
    let at_integer = |order: f64| {
        let (mut sum, mut ln_choose) = (LogSum::default(), 0.0);
        for (j, gain) in ln_gain.iter().enumerate().take(order as usize + 1).skip(1) {
            let j = j as f64;
            ln_choose += ((order - j + 1.0) / j).ln();
            sum.add(ln_choose + j * ln_rate + (order - j) * ln_rest + gain);
        }
        ln_one_plus_exp(sum.ln()) / (order - 1.0)
    };
    orders.iter().map(|order| between_integers(*order, at_integer).min(release.divergence(*order))).collect()
}
