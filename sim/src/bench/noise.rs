//! `bench noise`: samples per second of the code that noises a release.

use std::{
    hint::black_box,
    num::{NonZeroU64, NonZeroUsize},
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use murmur_privacy::{
    NoiseRng,
    noise::{DiscreteGaussian, DiscreteLaplace, IntegerNoise, RoundedGaussian, ScaleOutOfRange, Skellam, fill},
};
use opendp::{
    core::{Measure, Measurement, Metric},
    domains::{AtomDomain, VectorDomain},
    error::Fallible,
    measurements::{make_gaussian, make_laplace},
    measures::{MaxDivergence, ZeroConcentratedDivergence},
    metrics::{L1Distance, L2Distance},
};
use serde_json::json;

use super::{BenchError, Timing};

/// Samples under one key, as in the release of a model of a million parameters.
const RELEASE: u64 = 1 << 20;
/// OpenDP is timed on no more than this, which takes it some seconds.
const OPENDP_SAMPLES: u64 = 1_000_000;

/// What to draw, and how much of it.
#[derive(Debug, Args)]
pub struct NoiseArguments {
    /// The law of the noise.
    #[arg(long, value_enum)]
    pub mechanism: NoiseMechanism,
    /// Its parameter in whole steps: sigma, or the scale of the discrete Laplace.
    #[arg(long, value_name = "S")]
    pub sigma: u64,
    /// Samples to draw.
    #[arg(long, value_name = "N")]
    pub samples: NonZeroU64,
    /// Threads that draw; the samples do not depend on it.
    #[arg(long, value_name = "T", default_value_t = NonZeroUsize::MIN)]
    pub threads: NonZeroUsize,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// The laws that can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum NoiseMechanism {
    /// The rounded Gaussian of a task's mechanism "gaussian".
    Gaussian,
    /// The discrete Gaussian.
    DiscreteGaussian,
    /// The discrete Laplace.
    DiscreteLaplace,
    /// The difference of two Poisson variables.
    Skellam,
}

impl NoiseMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "gaussian",
            Self::DiscreteGaussian => "discrete_gaussian",
            Self::DiscreteLaplace => "discrete_laplace",
            Self::Skellam => "skellam",
        }
    }

    /// What OpenDP has that comes nearest.
    fn at_opendp(self) -> Option<Self> {
        match self {
            Self::Gaussian | Self::DiscreteGaussian => Some(Self::DiscreteGaussian),
            Self::DiscreteLaplace => Some(Self::DiscreteLaplace),
            Self::Skellam => None,
        }
    }

    /// What is to be said about the comparison.
    fn note(self) -> &'static str {
        match self {
            Self::Gaussian => "opendp has no rounded Gaussian: its discrete Gaussian was timed",
            Self::DiscreteGaussian | Self::DiscreteLaplace => "the same law",
            Self::Skellam => "opendp has no Skellam noise: nothing was timed",
        }
    }
}

/// So many samples in so much time.
#[derive(Clone, Copy)]
struct Rate {
    samples: u64,
    time: Duration,
}

impl Rate {
    fn per_second(self) -> f64 {
        self.samples as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

pub(super) fn run(arguments: &NoiseArguments) -> Result<Timing, BenchError> {
    let NoiseArguments { mechanism, sigma, samples, threads, .. } = *arguments;
    let (ours, setup) = match mechanism {
        NoiseMechanism::Gaussian => time(|| RoundedGaussian::new(sigma), samples, threads),
        NoiseMechanism::DiscreteGaussian => time(|| DiscreteGaussian::new(sigma), samples, threads),
        NoiseMechanism::DiscreteLaplace => time(|| DiscreteLaplace::new(sigma), samples, threads),
        NoiseMechanism::Skellam => time(|| Skellam::new(sigma), samples, threads),
    }?;
    let theirs =
        mechanism.at_opendp().map(|law| opendp(law, sigma, samples)).transpose().map_err(BenchError::OpenDp)?;
    let json = json!({
        "benchmark": "noise",
        "mechanism": mechanism.name(),
        "sigma": sigma,
        "samples": samples,
        "threads": threads,
        "seconds": ours.time.as_secs_f64(),
        "samples_per_s": ours.per_second(),
        "setup_seconds": setup.as_secs_f64(),
        "opendp_mechanism": mechanism.at_opendp().map(NoiseMechanism::name),
        "opendp_samples": theirs.map(|rate| rate.samples),
        "opendp_seconds": theirs.map(|rate| rate.time.as_secs_f64()),
        "opendp_samples_per_s": theirs.map(Rate::per_second),
        "opendp_note": mechanism.note(),
    });
    let mut text = format!(
        "{} of sigma {sigma}:\n  murmur      {} on {threads} {} (and {:.3} s to make its tables)",
        mechanism.name(),
        said(ours),
        if threads.get() == 1 { "thread" } else { "threads" },
        setup.as_secs_f64()
    );
    if let Some(theirs) = theirs {
        let times = ours.per_second() / theirs.per_second();
        text += &format!("\n  opendp      {} on 1 thread: {times:.1} times as long for each", said(theirs));
    }
    text += &format!("\n  compared    {}", mechanism.note());
    Ok(Timing { json, text })
}

fn said(rate: Rate) -> String {
    let Rate { samples, time } = rate;
    format!("{:.3e} samples/s: {samples} in {:.3} s", rate.per_second(), time.as_secs_f64())
}

/// Draws as a release does: chunk by chunk from the operating system's keys, a fresh one for each release. Also returns what
/// making the sampler took.
fn time<N: IntegerNoise>(
    noise: impl FnOnce() -> Result<N, ScaleOutOfRange>,
    samples: NonZeroU64,
    threads: NonZeroUsize,
) -> Result<(Rate, Duration), BenchError> {
    let start = Instant::now();
    let noise = noise()?;
    let setup = start.elapsed();
    let mut rng = NoiseRng::from_operating_system()?;
    let mut release = vec![0; samples.get().min(RELEASE) as usize];
    // Once before the clock runs: the memory is there then.
    fill(&noise, &mut release, &mut rng, threads);
    let start = Instant::now();
    let mut left = samples.get();
    while left > 0 {
        let count = left.min(RELEASE);
        fill(&noise, black_box(&mut release[..count as usize]), &mut rng, threads);
        left -= count;
    }
    let time = start.elapsed();
    black_box(&release);
    Ok((Rate { samples: samples.get(), time }, setup))
}

/// OpenDP's noise on a vector of zeros.
fn opendp(law: NoiseMechanism, sigma: u64, samples: NonZeroU64) -> Fallible<Rate> {
    fn time<I: Metric, O: Measure>(
        noise: &Measurement<VectorDomain<AtomDomain<i64>>, I, O, Vec<i64>>,
        samples: u64,
    ) -> Fallible<Rate> {
        let zeros = vec![0; samples as usize];
        let start = Instant::now();
        black_box(noise.invoke(&zeros)?);
        Ok(Rate { samples, time: start.elapsed() })
    }
    let (domain, samples) = (VectorDomain::new(AtomDomain::new_non_nan()), samples.get().min(OPENDP_SAMPLES));
    if law == NoiseMechanism::DiscreteLaplace {
        let metric = L1Distance::<f64>::default();
        let noise: Measurement<_, _, MaxDivergence, _> = make_laplace(domain, metric, sigma as f64, None)?;
        return time(&noise, samples);
    }
    let metric = L2Distance::<f64>::default();
    let noise: Measurement<_, _, ZeroConcentratedDivergence, _> = make_gaussian(domain, metric, sigma as f64, None)?;
    time(&noise, samples)
}
