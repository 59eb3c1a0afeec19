//! The few distribution functions that the statistical tests decide by. Each is checked against known values below.
#![allow(dead_code, unreachable_pub, reason = "every test file that includes this module uses a part of it")]

/// Every test fails a correct sampler with at most this probability.
pub const ALPHA: f64 = 1e-6;

/// `P(Z >= z)` of a standard normal.
pub fn normal_tail(z: f64) -> f64 {
    libm::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// `P(|Z| >= |z|)`.
pub fn normal_two_sided(z: f64) -> f64 {
    2.0 * normal_tail(z.abs())
}

/// `P(a - 1/2 <= sigma Z < b + 1/2)` for integers `a <= b`; either may be infinite.
pub fn rounded_normal(sigma: f64, a: f64, b: f64) -> f64 {
    let (low, high) = ((a - 0.5) / sigma, (b + 0.5) / sigma);
    // On the side where tails are small, so that nothing cancels.
    if low > 0.0 { normal_tail(low) - normal_tail(high) } else { normal_tail(-high) - normal_tail(-low) }
}

/// `P(X >= x)` for chi-square with `freedom` degrees.
pub fn chi_square_tail(x: f64, freedom: f64) -> f64 {
    let (a, x) = (freedom / 2.0, x / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - libm::lgamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-16 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return 1.0 - front * sum;
    }
    // Lentz's continued fraction of the upper incomplete gamma function.
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..10_000 {
        let an = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * h
}

/// `P(X >= successes)` for `X ~ Binomial(trials, p)`, summed outwards from `successes` in logarithms.
pub fn binomial_at_least(successes: u64, trials: u64, p: f64) -> f64 {
    if successes == 0 {
        return 1.0;
    }
    if successes as f64 <= p * trials as f64 {
        return 1.0 - binomial_at_least(trials - successes + 1, trials, 1.0 - p);
    }
    let (k, n) = (successes as f64, trials as f64);
    let ln_choose = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let mut term = (ln_choose + k * p.ln() + (n - k) * (-p).ln_1p()).exp();
    let (mut sum, mut at) = (0.0, k);
    while at <= n && term > sum * 1e-17 {
        sum += term;
        term *= (n - at) / (at + 1.0) * p / (1.0 - p);
        at += 1.0;
    }
    sum
}

/// Two-sided p-value of `successes` out of `trials` at probability `p`.
pub fn binomial_two_sided(successes: u64, trials: u64, p: f64) -> f64 {
    let above = binomial_at_least(successes, trials, p);
    let below = binomial_at_least(trials - successes, trials, 1.0 - p);
    (2.0 * above.min(below)).min(1.0)
}

/// Clopper and Pearson: the smallest `p` not excluded at `level` by at least this many successes.
pub fn probability_at_least(successes: u64, trials: u64, level: f64) -> f64 {
    let (mut low, mut high) = (0.0, successes as f64 / trials as f64);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if binomial_at_least(successes, trials, middle) <= level { low = middle } else { high = middle }
    }
    low
}

/// The largest `p` not excluded at `level` by at most this many successes.
pub fn probability_at_most(successes: u64, trials: u64, level: f64) -> f64 {
    1.0 - probability_at_least(trials - successes, trials, level)
}

/// p-value of counts against probabilities (which sum to one); cells that expect fewer than 20 are pooled with the next.
pub fn chi_square_fit(counts: &[u64], probabilities: &[f64]) -> f64 {
    let total: u64 = counts.iter().sum();
    let mut cells: Vec<(f64, f64)> = Vec::new();
    let mut open = (0.0, 0.0);
    for (count, probability) in counts.iter().zip(probabilities) {
        open = (open.0 + *count as f64, open.1 + probability * total as f64);
        if open.1 >= 20.0 {
            cells.push(std::mem::take(&mut open));
        }
    }
    if let Some(last) = cells.last_mut() {
        *last = (last.0 + open.0, last.1 + open.1);
    }
    let statistic: f64 = cells.iter().map(|(seen, expected)| (seen - expected).powi(2) / expected).sum();
    chi_square_tail(statistic, cells.len() as f64 - 1.0)
}

/// p-value of two samples of one size coming from one law of this scale, in cells of an eighth of it or single integers.
pub fn two_samples(left: &[i64], right: &[i64], scale: u64) -> f64 {
    assert_eq!(left.len(), right.len());
    let width = (scale / 8).max(1) as i64;
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
fn the_distribution_functions_meet_known_values() {
    let close = |left: f64, right: f64| assert!((left / right - 1.0).abs() < 1e-9, "{left} {right}");
    // mpmath 1.3.0: gammainc(a, x, regularized=True), and sums of binomial terms.
    close(chi_square_tail(3.841_458_820_694_124, 1.0), 0.05);
    close(chi_square_tail(10.0, 7.0), 0.188_573_467_513_450_08);
    close(chi_square_tail(90.0, 40.0), 1.023_704_644_107_924_4e-5);
    close(normal_tail(4.0), 3.167_124_183_311_997e-5);
    close(binomial_at_least(8, 10, 0.5), 56.0 / 1024.0);
    close(binomial_at_least(1, 3, 0.25), 37.0 / 64.0);
    close(probability_at_least(10, 10, 0.05), 0.05_f64.powf(0.1));
}
