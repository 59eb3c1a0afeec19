//! PrivUnitG: the best parameters by an independent search.

use std::path::Path;

use murmur_privacy::{
    local::{DirectionRandomiser as _, PrivUnitG},
    units::Epsilon,
};
use serde::Deserialize;

use super::{
    Worst,
    tables::{grouped, number},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    dimension: usize,
    epsilon: f64,
    gamma: f64,
    p: f64,
    m: f64,
    component_square: f64,
    squared_error: f64,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "privunitg").into_iter().filter_map(|(inputs, by)| {
        let value = &by.get("optimal")?["value"];
        Some(Row {
            dimension: number(&inputs, "d") as usize,
            epsilon: number(&inputs, "epsilon"),
            gamma: number(value, "gamma"),
            p: number(value, "p"),
            m: number(value, "m"),
            component_square: number(value, "expected_alpha_sq"),
            squared_error: number(value, "l2_squared_error"),
        })
    });
    rows.collect()
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let epsilon = Epsilon::new(row.epsilon).unwrap();
        let made = PrivUnitG::new(epsilon, row.dimension).unwrap();
        let found = made.parameters();
        worst.equal("m of the best parameters", found.m, row.m, row);
        // The table's search stops where m is flat, so its threshold is near the best one only; ours is where gamma meets m.
        assert!((found.gamma / found.m - 1.0).abs() < 1e-9, "{found:?} {row:?}");
        for (ours, theirs) in [(found.gamma, row.gamma), (found.p, row.p), (made.squared_error(), row.squared_error)] {
            assert!((ours / theirs - 1.0).abs() < 1e-6, "{ours} {theirs} {row:?}");
        }
        let given = PrivUnitG::with_tail(row.dimension, row.gamma, row.p).unwrap();
        worst.equal("m of given parameters", given.parameters().m, row.m, row);
        worst.equal("mean square along", given.component_square(), row.component_square, row);
        worst.equal("squared error", given.squared_error(), row.squared_error, row);
        worst.equal("epsilon of given parameters", given.guarantee().epsilon().get(), row.epsilon, row);
        let spent = made.guarantee().epsilon();
        assert!(spent <= epsilon && spent.get() > row.epsilon * (1.0 - 1e-11), "{spent} {row:?}");
    }
    worst.print("privunitg");
}
