//! Laplace noise against dp_accounting.

use std::{num::NonZeroU64, path::Path};

use murmur_privacy::{
    DpEvent, Relation,
    accountant::{Accountant, RdpAccountant, STANDARD_ORDERS, ZcdpAccountant},
};
use serde::Deserialize;

use super::{
    Worst, delta, scale,
    tables::{grouped, number, value},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    multiplier: f64,
    steps: u32,
    delta: f64,
    epsilon: f64,
    pld: f64,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "discrete_mechanisms").into_iter().filter_map(|(inputs, by)| {
        (inputs["mechanism"] == "laplace").then(|| Row {
            multiplier: number(&inputs, "noise_multiplier"),
            steps: number(&inputs, "steps") as u32,
            delta: number(&inputs, "delta"),
            epsilon: value(&by, "rdp").unwrap(),
            pld: value(&by, "pld_pessimistic").unwrap(),
        })
    });
    rows.collect()
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let event = DpEvent::Laplace {
            scale: scale(row.multiplier),
            bound: scale(1.0),
            dimension: NonZeroU64::MIN,
            relation: Relation::ZeroOut,
        }
        .repeated(row.steps);
        let ours = RdpAccountant::with_orders(&STANDARD_ORDERS).epsilon(&event, delta(row.delta)).unwrap().get();
        worst.equal("rdp at the standard orders", ours, row.epsilon, row);
        // The library's privacy-loss distribution is an upper bound within 2e-4 or so of the truth here.
        let fine = RdpAccountant::default().epsilon(&event, delta(row.delta)).unwrap().get();
        let zcdp = ZcdpAccountant.epsilon(&event, delta(row.delta)).unwrap().get();
        assert!(fine <= ours && ours.min(fine).min(zcdp) >= row.pld * 0.999, "{fine} {zcdp} at {row:?}");
    }
    worst.print("laplace");
}
