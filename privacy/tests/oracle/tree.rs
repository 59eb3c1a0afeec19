//! Tree aggregation against dp_accounting, whose `RdpAccountant` knows it.

use std::{num::NonZeroU32, path::Path};

use murmur_privacy::{
    DpEvent, Relation,
    accountant::{Accountant, ExactGaussian, RdpAccountant, STANDARD_ORDERS, ZcdpAccountant},
};
use serde::Deserialize;

use super::{
    Worst, delta, scale,
    tables::{grouped, number, value},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    multiplier: f64,
    leaves: u32,
    trees: u32,
    delta: f64,
    epsilon: f64,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "tree_aggregation").into_iter().map(|(inputs, by)| Row {
        multiplier: number(&inputs, "noise_multiplier"),
        leaves: number(&inputs, "step_counts") as u32,
        trees: number(&inputs, "restarts") as u32,
        delta: number(&inputs, "delta"),
        epsilon: value(&by, "rdp").unwrap(),
    });
    rows.collect()
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let [leaves, trees] = [row.leaves, row.trees].map(|count| NonZeroU32::new(count).unwrap());
        let (sigma, bound, relation) = (scale(row.multiplier), scale(1.0), Relation::ZeroOut);
        let event = DpEvent::TreeAggregation { sigma, bound, leaves, trees, relation };
        let standard = RdpAccountant::with_orders(&STANDARD_ORDERS).epsilon(&event, delta(row.delta)).unwrap().get();
        worst.equal("rdp at the standard orders", standard, row.epsilon, row);
        let one = DpEvent::TreeAggregation { sigma, bound, leaves, trees: NonZeroU32::MIN, relation };
        let exact = |event: &DpEvent| ExactGaussian.epsilon(event, delta(row.delta)).unwrap().get();
        worst.equal("exact: trees compose", exact(&one.repeated(row.trees)), exact(&event), row);
        let zcdp = ZcdpAccountant.epsilon(&event, delta(row.delta)).unwrap().get();
        assert!(exact(&event) <= zcdp && zcdp <= standard * (1.0 + 1e-9), "{row:?}");
    }
    worst.print("tree aggregation");
}
