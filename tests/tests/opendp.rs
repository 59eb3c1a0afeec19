//! The privacy crate beside OpenDP 0.16, which was written by others and knows nothing of it.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../../privacy/tests/statistics/mod.rs"]
mod statistics;

use chacha20::ChaCha20Rng;
use murmur_privacy::{
    accountant::epsilon_of_zcdp,
    noise::{DiscreteGaussian, DiscreteLaplace, IntegerNoise, RoundedGaussian, ScaleOutOfRange, Skellam},
    units::DeltaProbability,
};
use opendp::{
    combinators::make_zCDP_to_approxDP,
    core::{Measure, Measurement, Metric},
    domains::{AtomDomain, VectorDomain},
    measurements::{make_gaussian, make_laplace},
    measures::{MaxDivergence, ZeroConcentratedDivergence},
    metrics::{AbsoluteDistance, L1Distance, L2Distance},
};
use rand::SeedableRng;
use statistics::{ALPHA, two_samples};

const SAMPLES: usize = 200_000;

type Domain = VectorDomain<AtomDomain<i64>>;

/// Noise on zeros, from OpenDP's own entropy: it takes no seed.
fn drawn<I: Metric, O: Measure>(noise: &Measurement<Domain, I, O, Vec<i64>>) -> Vec<i64> {
    noise.invoke(&vec![0; SAMPLES]).unwrap()
}

fn domain() -> Domain {
    VectorDomain::new(AtomDomain::new_non_nan())
}

fn their_gaussian(sigma: u64) -> Vec<i64> {
    let noise: Measurement<_, _, ZeroConcentratedDivergence, _> =
        make_gaussian(domain(), L2Distance::<f64>::default(), sigma as f64, None).unwrap();
    drawn(&noise)
}

fn their_laplace(scale: u64) -> Vec<i64> {
    let noise: Measurement<_, _, MaxDivergence, _> =
        make_laplace(domain(), L1Distance::<f64>::default(), scale as f64, None).unwrap();
    drawn(&noise)
}

fn ours<N: IntegerNoise>(noise: Result<N, ScaleOutOfRange>, seed: u64) -> Vec<i64> {
    let mut samples = vec![0; SAMPLES];
    noise.unwrap().fill(&mut samples, &mut ChaCha20Rng::seed_from_u64(seed));
    samples
}

/// Thresholds from a table, a quick look with a correction, and wide ones.
const SCALES: [u64; 6] = [1, 2, 10, 511, 1000, 1_000_003];

#[test]
fn the_discrete_gaussian_is_opendp_s() {
    for (sigma, seed) in SCALES.into_iter().zip(10..) {
        let theirs = their_gaussian(sigma);
        let p = two_samples(&ours(DiscreteGaussian::new(sigma), seed), &theirs, sigma);
        assert!(p > ALPHA, "sigma {sigma}, our seed {seed}: p = {p:e}");
        if sigma == 1 {
            // Rounding adds a twelfth to the variance, and Skellam has heavier tails.
            assert!(two_samples(&ours(RoundedGaussian::new(sigma), seed), &theirs, sigma) < ALPHA, "sigma {sigma}");
            assert!(two_samples(&ours(Skellam::new(sigma), seed), &theirs, sigma) < ALPHA, "sigma {sigma}");
        }
    }
}

#[test]
fn the_discrete_laplace_is_opendp_s() {
    for (scale, seed) in SCALES.into_iter().zip(20..) {
        let theirs = their_laplace(scale);
        let p = two_samples(&ours(DiscreteLaplace::new(scale), seed), &theirs, scale);
        assert!(p > ALPHA, "scale {scale}, our seed {seed}: p = {p:e}");
        if scale > 20 {
            let wrong = ours(DiscreteLaplace::new(scale * 19 / 20), seed);
            assert!(two_samples(&wrong, &theirs, scale) < ALPHA, "scale {scale}: five percent less noise passes");
        }
    }
}

/// From sigma = 50 on, the rounded and the discrete Gaussian differ by less than 1e-4 in total variation (their variances
/// are `sigma^2 + 1/12` and `sigma^2`), and no sample of this size can tell. The same holds of Skellam from some hundreds on.
#[test]
fn the_rounded_gaussian_is_opendp_s_discrete_gaussian_when_sigma_is_large() {
    for (sigma, seed) in [(50, 1), (1000, 2), (1_000_003, 3)] {
        let theirs = their_gaussian(sigma);
        let p = two_samples(&ours(RoundedGaussian::new(sigma), seed), &theirs, sigma);
        assert!(p > ALPHA, "sigma {sigma}, our seed {seed}: p = {p:e}");
        if sigma > 500 {
            let p = two_samples(&ours(Skellam::new(sigma), seed), &theirs, sigma);
            assert!(p > ALPHA, "Skellam, sigma {sigma}, our seed {seed}: p = {p:e}");
        }
        let wrong = ours(RoundedGaussian::new(sigma * 19 / 20), seed);
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
