//! Events as lists of releases with dominating pairs.

use super::{
    super::{
        Refusal,
        gaussian::{everybody, one_gaussian},
    },
    pair::{IntegerNoise, Release},
    truncated::Truncated,
};
use crate::event::{DpEvent, Relation};

const NAME: &str = "pld";
/// Integer noise is enumerated; no more outcomes than this.
const MOST_OUTCOMES: f64 = (1_u64 << 22) as f64;

/// The releases of an event and how often each happens; `None` if something in it is not private at all.
pub(super) fn releases_of(event: &DpEvent) -> Result<Option<Vec<(Release, u64)>>, Refusal> {
    event.relation()?;
    let mut list = List { releases: Vec::new(), mu_squared: 0.0, not_private: false };
    list.add(event, 1)?;
    if list.mu_squared > 0.0 {
        // Gaussians without sampling compose to one Gaussian: Dong, Roth and Su 2022, Corollary 3.3.
        list.releases.push((Release::Gaussian { mu: list.mu_squared.sqrt(), rate: 1.0 }, 1));
    }
    Ok((!list.not_private).then_some(list.releases))
}

struct List {
    releases: Vec<(Release, u64)>,
    /// Sum of `mu^2` over the Gaussians without sampling.
    mu_squared: f64,
    not_private: bool,
}

impl List {
    fn add(&mut self, event: &DpEvent, times: u64) -> Result<(), Refusal> {
        let event = everybody(event);
        if let Some(mu) = one_gaussian(event) {
            self.mu_squared += times as f64 * mu * mu;
            return Ok(());
        }
        match event {
            DpEvent::NonPrivate => self.not_private |= times > 0,
            DpEvent::Repeated { count, of } => self.add(of, times.saturating_mul(u64::from(*count)))?,
            DpEvent::Composed { of } => of.iter().try_for_each(|event| self.add(event, times))?,
            DpEvent::PoissonSampled { rate, of } => self.push(sampled(event, of, rate.get())?, times),
            DpEvent::TruncatedPoisson(sample) => {
                let DpEvent::Gaussian { sigma, bound, relation } = sample.of() else {
                    return Err(Refusal::new(NAME, event));
                };
                let (population, rate, cap) = (sample.population().get(), sample.rate().get(), sample.cap().get());
                let truncated = Truncated::new(bound.get() / sigma.get(), *relation, population, rate, cap);
                self.push(Release::Truncated(truncated), times);
            }
            DpEvent::Allocation(block) => {
                let DpEvent::Gaussian { sigma, bound, relation } = block.of() else {
                    return Err(Refusal::new(NAME, event));
                };
                if *relation != Relation::ZeroOut {
                    return Err(Refusal::relation(NAME, event, *relation, Relation::ZeroOut));
                }
                // A uniform choice of `selected` rounds is one of each block of a uniform partition into blocks of this length (and a
                // rest): the worst partition bounds their mixture (Feldman and Shenfeld 2025).
                let rounds = block.rounds().get() / block.selected().get();
                let release = Release::OneOf { rounds, mu: bound.get() / sigma.get() };
                self.push(release, times.saturating_mul(u64::from(block.selected().get())));
            }
            other => match unsampled(other, 1.0) {
                Some(release) => self.push(release, times),
                None => return Err(Refusal::new(NAME, other)),
            },
        }
        Ok(())
    }

    fn push(&mut self, release: Release, times: u64) {
        if times == 0 {
            return;
        }
        match self.releases.iter_mut().find(|(known, _)| *known == release) {
            Some((_, count)) => *count = count.saturating_add(times),
            None => self.releases.push((release, times)),
        }
    }
}

/// `of` on a Poisson sample.
fn sampled(event: &DpEvent, of: &DpEvent, rate: f64) -> Result<Release, Refusal> {
    match of {
        DpEvent::Gaussian { sigma, bound, relation } => {
            let mu = bound.get() / sigma.get();
            Ok(match relation {
                Relation::ZeroOut => Release::Gaussian { mu, rate },
                Relation::ReplaceOne => Release::ReplacedGaussian { mu, rate },
            })
        }
        DpEvent::Laplace { relation, .. }
        | DpEvent::DiscreteLaplace { relation, .. }
        | DpEvent::DiscreteGaussian { relation, .. }
            if *relation != Relation::ZeroOut =>
        {
            Err(Refusal::relation(NAME, event, *relation, Relation::ZeroOut))
        }
        _ => unsampled(of, rate).ok_or_else(|| Refusal::new(NAME, event)),
    }
}

/// A mechanism other than the Gaussian, on a sample of this rate.
fn unsampled(event: &DpEvent, rate: f64) -> Option<Release> {
    match event {
        // One coordinate only: what dominates in several dimensions is not known here.
        DpEvent::Laplace { scale, bound, dimension, relation } if dimension.get() == 1 => {
            Some(Release::Laplace { shift: relation.sensitivity(bound.get()) / scale.get(), rate })
        }
        DpEvent::DiscreteLaplace { scale, bound, dimension, relation } if dimension.get() == 1 => {
            let shift = bound.get().checked_mul(u64::from(relation.factor()))?;
            let noise = IntegerNoise::Laplace { decay: 1.0 / scale.get() };
            let shift = u32::try_from(shift).ok().filter(|shift| f64::from(*shift) <= MOST_OUTCOMES)?;
            Some(Release::Integer { noise, shift, rate })
        }
        DpEvent::DiscreteGaussian { sigma, bound, dimension, relation } if dimension.get() == 1 => {
            let shift = relation.sensitivity(bound.get());
            let integer = shift.floor();
            let noise = IntegerNoise::Gaussian { sigma: sigma.get() };
            // No tail above the least float is farther out than 40 sigma, on either side.
            let outcomes = integer + 80.0 * sigma.get();
            (outcomes <= MOST_OUTCOMES).then_some(Release::Integer { noise, shift: integer as u32, rate })
        }
        _ => None,
    }
}
