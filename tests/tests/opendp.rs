//! The privacy crate beside OpenDP 0.16, which was written by others and knows nothing of it.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../../privacy/tests/statistics/mod.rs"]
mod statistics;

use chacha20::ChaCha20Rng;
use murmur_privacy::{accountant::epsilon_of_zcdp, noise::RoundedGaussian, units::DeltaProbability};
use opendp::{
    combinators::make_zCDP_to_approxDP, core::Measurement, domains::AtomDomain, measurements::make_gaussian,
    measures::ZeroConcentratedDivergence, metrics::AbsoluteDistance,
};
use rand::SeedableRng;
use statistics::{ALPHA, chi_square_tail};

const SAMPLES: usize = 40_000;

type Noise = Measurement<AtomDomain<i64>, AbsoluteDistance<f64>, ZeroConcentratedDivergence, i64>;

/// OpenDP's discrete Gaussian (from its own entropy: it takes no seed).
fn theirs(sigma: u32) -> Vec<i64> {
    let domain = AtomDomain::<i64>::new_non_nan();
    let noise: Noise = make_gaussian(domain, AbsoluteDistance::default(), f64::from(sigma), None).unwrap();
    (0..SAMPLES).map(|_| noise.invoke(&0).unwrap()).collect()
}

fn ours(sigma: u32, seed: u64) -> Vec<i64> {
    let (noise, mut rng) = (RoundedGaussian::with_sigma(sigma), ChaCha20Rng::seed_from_u64(seed));
    (0..SAMPLES).map(|_| noise.sample(&mut rng)).collect()
}

/// p-value of two samples of one size coming from one distribution, in cells of a fifth of sigma.
fn two_samples(left: &[i64], right: &[i64], sigma: u32) -> f64 {
    let cell = |sample: i64| (sample as f64 / f64::from(sigma) * 5.0).floor().clamp(-16.0, 15.0) as i64 + 16;
    let mut counts = [[0.0_f64; 2]; 32];
    left.iter().for_each(|sample| counts[cell(*sample) as usize][0] += 1.0);
    right.iter().for_each(|sample| counts[cell(*sample) as usize][1] += 1.0);
    let statistic: f64 = counts.iter().map(|[a, b]| (a - b).powi(2) / (a + b).max(1.0)).sum();
    chi_square_tail(statistic, 31.0)
}

/// From sigma = 50 on, the rounded and the discrete Gaussian differ by less than 1e-4 in total variation (their variances
/// are `sigma^2 + 1/12` and `sigma^2`), and no sample of this size can tell.
#[test]
fn the_rounded_gaussian_is_opendp_s_discrete_gaussian_when_sigma_is_large() {
    for (sigma, seed) in [(50, 1), (1000, 2), (1_000_003, 3)] {
        let (theirs, ours) = (theirs(sigma), ours(sigma, seed));
        let p = two_samples(&ours, &theirs, sigma);
        assert!(p > ALPHA, "sigma {sigma}, our seed {seed}: p = {p:e}");
        let wrong = self::ours(sigma * 19 / 20, seed);
        assert!(two_samples(&wrong, &theirs, sigma) < ALPHA, "sigma {sigma}: five percent less noise passes");
    }
}

/// OpenDP inverts `delta(epsilon)` of Canonne, Kamath and Steinke 2020, Proposition 12; ours minimises epsilon directly.
#[test]
fn epsilon_of_zcdp_is_opendp_s() {
    let domain = AtomDomain::<f64>::new_non_nan();
    let noise: Measurement<_, _, ZeroConcentratedDivergence, f64> =
        make_gaussian(domain, AbsoluteDistance::<f64>::default(), 1.0, None).unwrap();
    let noise = make_zCDP_to_approxDP(noise).unwrap();
    let mut worst = 0.0_f64;
    for rho in [1e-6, 1e-4, 1e-3, 0.01, 0.05, 0.25, 0.5, 1.0, 2.63, 10.0, 40.0] {
        // rho of sigma = 1 at distance d is d^2 / 2.
        let profile = noise.map(&(2.0_f64 * rho).sqrt()).unwrap();
        for delta in [1e-3, 1e-5, 1e-6, 1e-9, 1e-12] {
            let theirs = profile.epsilon(delta).unwrap();
            let ours = epsilon_of_zcdp(rho, DeltaProbability::new(delta).unwrap()).get();
            if theirs == 0.0 {
                assert!(ours < 1e-3, "rho {rho}, delta {delta}: {ours}");
                continue;
            }
            let error = (ours - theirs).abs() / theirs;
            worst = worst.max(error);
            assert!(error < 1e-9, "rho {rho}, delta {delta}: ours {ours}, theirs {theirs}");
        }
    }
    println!("largest relative difference {worst:e}");
}
