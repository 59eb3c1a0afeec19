//! Statistics at alpha = 1e-6 from printed seeds for every law, and mutants that must fail them.

use statistics::{ALPHA, binomial_two_sided, chi_square_fit, normal_tail, normal_two_sided, rounded_normal};

use super::*;

const SAMPLES: usize = 1_000_000;
const SCALES: [u64; 9] = [1, 2, 3, 10, 511, 512, 1000, 1 << 16, (1 << 24) + 1];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Rounded,
    Gaussian,
    Laplace,
    Skellam,
}

const KINDS: [Kind; 4] = [Kind::Rounded, Kind::Gaussian, Kind::Laplace, Kind::Skellam];

/// What a law promises, in floats.
struct Expected {
    kind: Kind,
    scale: f64,
    /// `P(X = n)` for `n >= 0`; empty where the scale is so large that a continuous law serves: the difference, of relative
    /// order `1 / scale^2`, is far below what so few samples can tell.
    weights: Vec<f64>,
}

impl Expected {
    fn new(kind: Kind, scale: u64) -> Self {
        let z = (scale * scale) as f64;
        let s = scale as f64;
        let count = 60 * scale as usize + 60;
        let mut weights: Vec<f64> = match kind {
            _ if scale > 2000 => Vec::new(),
            Kind::Rounded => (0..count).map(|n| rounded_normal(s, n as f64, n as f64)).collect(),
            Kind::Gaussian => (0..count).map(|n| (-((n * n) as f64) / (2.0 * z)).exp()).collect(),
            Kind::Laplace => (0..count).map(|n| (-(n as f64) / s).exp()).collect(),
            Kind::Skellam => {
                let mut down = vec![0.0_f64, 1e-300];
                for n in (1..count).rev() {
                    let [above, here] = [down[down.len() - 2], down[down.len() - 1]];
                    // Far out nothing is left of the start, so it may be scaled down on the way.
                    if here > 1e200 {
                        down.iter_mut().for_each(|weight| *weight *= 1e-250);
                        let [above, here] = [down[down.len() - 2], down[down.len() - 1]];
                        down.push(above + 2.0 * n as f64 / z * here);
                    } else {
                        down.push(above + 2.0 * n as f64 / z * here);
                    }
                }
                down.reverse();
                down
            }
        };
        let total = weights.iter().skip(1).sum::<f64>() * 2.0 + weights.first().copied().unwrap_or(0.0);
        weights.iter_mut().for_each(|weight| *weight /= total);
        Self { kind, scale: s, weights }
    }

    /// `P(X >= n)` for `n >= 1`.
    fn at_least(&self, n: i64) -> f64 {
        match (self.weights.is_empty(), self.kind) {
            (false, _) => self.weights.iter().skip(n as usize).rev().sum(),
            (true, Kind::Laplace) => (-(n as f64) / self.scale).exp() / (1.0 + (-1.0 / self.scale).exp()),
            (true, _) => normal_tail((n as f64 - 0.5) / self.scale),
        }
    }

    /// `E X^power` for an even power.
    fn moment(&self, power: i32) -> f64 {
        let s = self.scale;
        match (self.weights.is_empty(), self.kind, power) {
            (false, ..) => {
                let terms = self.weights.iter().enumerate().skip(1);
                2.0 * terms.map(|(n, weight)| (n as f64).powi(power) * weight).sum::<f64>()
            }
            (true, Kind::Laplace, 2) => 2.0 * s * s,
            (true, Kind::Laplace, _) => 24.0 * s.powi(4),
            (true, _, 2) => s * s,
            (true, ..) => 3.0 * s.powi(4),
        }
    }

    /// p-value of samples: in single integers where the scale is small, in intervals where it is large.
    fn fit(&self, samples: &[i64]) -> f64 {
        let edge = |eighth: i64| (self.scale * eighth as f64 / 8.0).round().max(1.0) as i64;
        let mut edges: Vec<i64> =
            if self.scale < 20.0 { (1..=30 * self.scale as i64).collect() } else { (1..=120).map(edge).collect() };
        edges.dedup();
        // From the far left over zero to the far right.
        let mut counts = vec![0_u64; 2 * edges.len() + 1];
        for sample in samples {
            let cell = edges.partition_point(|edge| *edge <= sample.abs());
            counts[if *sample < 0 { edges.len() - cell } else { edges.len() + cell }] += 1;
        }
        let beyond: Vec<f64> = edges.iter().map(|edge| self.at_least(*edge)).collect();
        let right = beyond.iter().enumerate().map(|(i, p)| p - beyond.get(i + 1).copied().unwrap_or(0.0));
        let right: Vec<f64> = right.collect();
        let middle = 1.0 - 2.0 * beyond[0];
        let probabilities: Vec<f64> =
            right.iter().rev().copied().chain([middle]).chain(right.iter().copied()).collect();
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        chi_square_fit(&counts, &probabilities)
    }

    /// p-values of mean and variance.
    fn moments(&self, samples: &[i64]) -> [f64; 2] {
        let n = samples.len() as f64;
        let (variance, fourth) = (self.moment(2), self.moment(4));
        let mean = samples.iter().map(|x| *x as f64).sum::<f64>() / n;
        let square = samples.iter().map(|x| (*x as f64).powi(2)).sum::<f64>() / n;
        let spread = (fourth - variance * variance).sqrt();
        [normal_two_sided(mean / (variance / n).sqrt()), normal_two_sided((square - variance) / (spread / n.sqrt()))]
    }

    /// Smallest p-value of the tails beyond 1, 2, 3, 4, 5 and 6 times the scale, and of the signs.
    fn tails(&self, samples: &[i64]) -> f64 {
        let total = samples.len() as u64;
        let beyond = |times: i64| {
            let least = times * self.scale as i64;
            let seen = samples.iter().filter(|x| x.abs() >= least).count() as u64;
            binomial_two_sided(seen, total, 2.0 * self.at_least(least))
        };
        let positive = samples.iter().filter(|x| **x > 0).count() as u64;
        let signed = samples.iter().filter(|x| **x != 0).count() as u64;
        (1..=6).map(beyond).fold(binomial_two_sided(positive, signed, 0.5), f64::min)
    }
}

fn samples_of(kind: Kind, scale: u64, seed: u64) -> Vec<i64> {
    match kind {
        Kind::Rounded => samples(&RoundedGaussian::new(scale).unwrap(), SAMPLES, seed),
        Kind::Gaussian => samples(&DiscreteGaussian::new(scale).unwrap(), SAMPLES, seed),
        Kind::Laplace => samples(&DiscreteLaplace::new(scale).unwrap(), SAMPLES, seed),
        Kind::Skellam => samples(&Skellam::new(scale).unwrap(), SAMPLES, seed),
    }
}

fn every_case() -> impl Iterator<Item = (Kind, u64, u64)> {
    KINDS
        .into_iter()
        .flat_map(|kind| SCALES.map(|scale| (kind, scale)))
        .zip(1000..)
        .map(|((kind, scale), seed)| (kind, scale, seed))
}

#[test]
fn every_integer_or_interval_has_the_probability_of_the_law() {
    for (kind, scale, seed) in every_case() {
        let p = Expected::new(kind, scale).fit(&samples_of(kind, scale, seed));
        assert!(p > ALPHA, "{kind:?} {scale}, seed {seed}: p = {p:e}");
    }
}

#[test]
fn mean_variance_tails_and_signs_are_those_of_the_law() {
    for (kind, scale, seed) in every_case() {
        let (expected, samples) = (Expected::new(kind, scale), samples_of(kind, scale, 1000 + seed));
        let [mean, variance] = expected.moments(&samples);
        assert!(mean > ALPHA && variance > ALPHA, "{kind:?} {scale}, seed {seed}: p = {mean:e}, {variance:e}");
        let tails = expected.tails(&samples);
        assert!(tails > ALPHA, "{kind:?} {scale}, seed {seed}: p = {tails:e}");
    }
}

#[test]
fn the_variances_are_those_of_the_textbook() {
    let close = |kind, scale, variance: f64| {
        let found = Expected::new(kind, scale).moment(2);
        assert!((found / variance - 1.0).abs() < 1e-9, "{kind:?} {scale}: {found} and {variance}");
    };
    close(Kind::Rounded, 10, 100.0 + 1.0 / 12.0);
    close(Kind::Gaussian, 10, 100.0);
    close(Kind::Skellam, 3, 9.0);
    close(Kind::Skellam, 1000, 1e6);
    let p = (-0.5_f64).exp();
    close(Kind::Laplace, 2, 2.0 * p / (1.0 - p).powi(2));
}

#[test]
fn the_lowest_bits_are_fair_when_the_scale_is_large() {
    for (kind, seed) in KINDS.into_iter().zip(3000..) {
        let samples = samples_of(kind, (1 << 24) + 1, seed);
        for bit in 0..8 {
            let ones = samples.iter().filter(|x| **x >> bit & 1 == 1).count() as u64;
            let p = binomial_two_sided(ones, SAMPLES as u64, 0.5);
            assert!(p > ALPHA, "{kind:?}, seed {seed}, bit {bit}: {ones} ones, p = {p:e}");
        }
    }
}

/// The same tests must be able to fail.
#[test]
fn another_law_or_another_scale_does_not_pass() {
    for (sampled, claimed, scale, seed) in [
        (Kind::Rounded, Kind::Gaussian, 1, 4000),
        (Kind::Rounded, Kind::Gaussian, 2, 4001),
        (Kind::Gaussian, Kind::Rounded, 3, 4002),
        (Kind::Skellam, Kind::Gaussian, 1, 4003),
        (Kind::Gaussian, Kind::Skellam, 2, 4004),
        (Kind::Skellam, Kind::Rounded, 3, 4005),
        (Kind::Laplace, Kind::Gaussian, 10, 4006),
    ] {
        let p = Expected::new(claimed, scale).fit(&samples_of(sampled, scale, seed));
        assert!(p < ALPHA, "{sampled:?} passes for {claimed:?} at {scale}, seed {seed}: p = {p:e}");
    }
    for (kind, seed) in KINDS.into_iter().zip(4100..) {
        for (scale, wrong) in [(1000, 990), (1 << 24, (1 << 24) / 100 * 101)] {
            let (expected, samples) = (Expected::new(kind, scale), samples_of(kind, wrong, seed));
            assert!(expected.fit(&samples) < ALPHA, "{kind:?} {wrong} passes for {scale}, seed {seed}");
            assert!(expected.moments(&samples)[1] < ALPHA, "{kind:?}: the variance of {wrong} passes for {scale}");
        }
    }
    // A sign bit that is off by one percent, and a tail that is cut off at 4 sigma.
    let mut skewed = samples_of(Kind::Rounded, 3, 4200);
    skewed.iter_mut().step_by(50).for_each(|x| *x = x.abs());
    assert!(Expected::new(Kind::Rounded, 3).tails(&skewed) < ALPHA);
    let mut cut = samples_of(Kind::Rounded, 1000, 4201);
    cut.iter_mut().for_each(|x| *x = (*x).clamp(-3999, 3999));
    assert!(Expected::new(Kind::Rounded, 1000).tails(&cut) < ALPHA);
}
