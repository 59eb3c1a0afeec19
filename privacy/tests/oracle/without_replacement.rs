//! Samples of fixed size against dp_accounting, under replace-one. The library takes the noise relative to the replace-one
//! sensitivity; ours derives that from a bound of one half.

use std::{collections::HashMap, num::NonZeroU64, path::Path};

use murmur_privacy::{
    DpEvent, Relation,
    accountant::{RdpAccountant, STANDARD_ORDERS},
    event::SampledWithoutReplacement,
};
use serde::Deserialize;

use super::{
    Worst, delta, scale,
    tables::{grouped, number, value},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    multiplier: f64,
    population: u64,
    cohort: u64,
    steps: u32,
    delta: f64,
    epsilon: f64,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "fixed_size_wor").into_iter().map(|(inputs, by)| Row {
        multiplier: number(&inputs, "noise_multiplier"),
        population: number(&inputs, "population") as u64,
        cohort: number(&inputs, "cohort") as u64,
        steps: number(&inputs, "steps") as u32,
        delta: number(&inputs, "delta"),
        epsilon: value(&by, "rdp").unwrap(),
    });
    rows.collect()
}

pub(crate) fn hold(rows: &[Row]) {
    let (mut worst, mut known) = (Worst::default(), HashMap::new());
    for row in rows {
        let [population, cohort] = [row.population, row.cohort].map(|count| NonZeroU64::new(count).unwrap());
        let of = DpEvent::gaussian(scale(row.multiplier), scale(0.5), Relation::ReplaceOne);
        let sampled = SampledWithoutReplacement::new(population, cohort, of).unwrap();
        let event = DpEvent::SampledWithoutReplacement(sampled);
        let curve = known
            .entry((row.multiplier.to_bits(), population, cohort))
            .or_insert_with(|| RdpAccountant::with_orders(&STANDARD_ORDERS).curve(&event).unwrap());
        let ours = curve.repeated(row.steps).epsilon(delta(row.delta)).get();
        worst.equal("rdp at the standard orders", ours, row.epsilon, row);
    }
    worst.print("fixed size without replacement");
}
