//! Noise in shares against the accounting of google-research/federated.

use std::{
    collections::HashMap,
    num::{NonZeroU32, NonZeroU64},
    path::Path,
};

use murmur_privacy::{
    DpEvent, Relation,
    accountant::RdpAccountant,
    event::{DistributedNoise, rounded_bound},
    units::SamplingRate,
};
use serde::Deserialize;

use super::{
    Worst, delta, scale,
    tables::{grouped, number, value},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    skellam: bool,
    dimension: u64,
    devices: u32,
    clip: f64,
    granularity: f64,
    local: f64,
    rejection: f64,
    rate: f64,
    steps: u32,
    delta: f64,
    epsilon: f64,
    /// Norm after rounding, in steps, where the library says it.
    bound: Option<f64>,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "ddgauss_skellam").into_iter().map(|(inputs, by)| Row {
        skellam: inputs["mechanism"] == "distributed_skellam",
        dimension: number(&inputs, "dim") as u64,
        devices: number(&inputs, "num_clients") as u32,
        clip: number(&inputs, "l2_clip"),
        granularity: number(&inputs, "granularity"),
        local: number(&inputs, "local_stddev"),
        rejection: number(&inputs, "beta"),
        rate: number(&inputs, "sampling_probability"),
        steps: number(&inputs, "steps") as u32,
        delta: number(&inputs, "delta"),
        epsilon: value(&by, "rdp").unwrap(),
        bound: by["rdp"]["rounded_l2_norm_integer_grid"].as_f64(),
    });
    rows.collect()
}

pub(crate) fn hold(rows: &[Row]) {
    let (mut worst, mut known) = (Worst::default(), HashMap::new());
    for row in rows {
        let dimension = NonZeroU64::new(row.dimension).unwrap();
        let bound = rounded_bound(scale(row.clip / row.granularity), dimension, delta(row.rejection)).unwrap();
        if let Some(theirs) = row.bound {
            worst.equal("norm after rounding", bound.get(), theirs, row);
        }
        let survivors = NonZeroU32::new(row.devices).unwrap();
        let sigma = scale(row.local / row.granularity);
        let noise = DistributedNoise { sigma, bound, dimension, survivors, relation: Relation::ZeroOut };
        let release =
            if row.skellam { DpEvent::DistributedSkellam(noise) } else { DpEvent::DistributedDiscreteGaussian(noise) };
        let event = release.poisson_sampled(SamplingRate::new(row.rate).unwrap());
        // The library evaluates integer orders only, up to 64 or so.
        let key = serde_json::to_string(&event).unwrap();
        let curve = known.entry(key).or_insert_with(|| {
            let integers: Vec<f64> = (2..=100).map(f64::from).collect();
            RdpAccountant::with_orders(&integers).curve(&event).unwrap()
        });
        let ours = curve.repeated(row.steps).epsilon(delta(row.delta)).get();
        worst.equal("rdp", ours, row.epsilon, row);
    }
    worst.print("distributed");
}
