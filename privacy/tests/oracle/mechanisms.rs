//! Divergences of every mechanism but the Gaussian against their definition, summed or integrated by mpmath to 40 digits.

use std::num::{NonZeroU32, NonZeroU64};

use murmur_privacy::{
    DpEvent, Relation,
    accountant::RdpAccountant,
    event::{DistributedNoise, SampledWithoutReplacement},
    units::SamplingRate,
};
use serde::Deserialize;

use super::{Worst, scale};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    kind: String,
    /// `equal`: the divergence of this very pair is known; `bound`: the pair is one of many that a theorem bounds.
    worth: String,
    /// Of one share, where there are shares.
    noise: f64,
    shift: u64,
    /// Sampling rate, or number of shares.
    rate: f64,
    order: f64,
    divergence: f64,
}

fn event(row: &Row) -> DpEvent {
    let (noise, shift, relation) = (scale(row.noise), scale(row.shift as f64), Relation::ZeroOut);
    let steps = NonZeroU64::new(row.shift).unwrap();
    let shares = || DistributedNoise {
        sigma: noise,
        bound: shift,
        dimension: NonZeroU64::MIN,
        survivors: NonZeroU32::new(row.rate as u32).unwrap(),
        relation,
    };
    let laplace = DpEvent::Laplace { scale: noise, bound: shift, dimension: NonZeroU64::MIN, relation };
    match row.kind.as_str() {
        "laplace" => laplace,
        "poisson_laplace" => laplace.poisson_sampled(SamplingRate::new(row.rate).unwrap()),
        "discrete_laplace" => {
            DpEvent::DiscreteLaplace { scale: noise, bound: steps, dimension: NonZeroU64::MIN, relation }
        }
        "discrete_gaussian" => {
            DpEvent::DiscreteGaussian { sigma: noise, bound: shift, dimension: NonZeroU64::MIN, relation }
        }
        "without_replacement" => {
            let [population, cohort] = [1000.0, 1000.0 * row.rate].map(|count| NonZeroU64::new(count as u64).unwrap());
            let of = DpEvent::gaussian(noise, scale(row.shift as f64 / 2.0), Relation::ReplaceOne);
            DpEvent::SampledWithoutReplacement(SampledWithoutReplacement::new(population, cohort, of).unwrap())
        }
        "skellam" => DpEvent::DistributedSkellam(shares()),
        "distributed_discrete_gaussian" => DpEvent::DistributedDiscreteGaussian(shares()),
        other => panic!("a kind without a test: {other}"),
    }
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let curve = RdpAccountant::with_orders(&[row.order]).curve(&event(row)).unwrap();
        let (_, ours) = curve.divergences().next().unwrap();
        assert!(ours >= row.divergence * (1.0 - 1e-14), "no upper bound: {ours} at {row:?}");
        match row.worth.as_str() {
            "equal" => worst.equal("the divergence of this pair", ours, row.divergence, row),
            _ => worst.lower("the divergence of a pair under the bound", row.divergence, ours),
        }
    }
    worst.print("mechanisms");
}
