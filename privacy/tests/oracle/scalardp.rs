//! ScalarDP: constants and moments by enumeration.

use std::path::Path;

use murmur_privacy::{
    local::ScalarDp,
    units::{Clip, Epsilon},
};
use serde::Deserialize;

use super::{
    Worst,
    tables::{grouped, number},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    epsilon: f64,
    max: f64,
    levels: u64,
    magnitude: f64,
    a: f64,
    b: f64,
    variance: f64,
    keep_probability: f64,
    least: f64,
    most: f64,
    usual_levels: u64,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "scalardp").into_iter().map(|(inputs, by)| {
        let value = &by["exact"]["value"];
        Row {
            epsilon: number(&inputs, "epsilon"),
            max: number(&inputs, "r_max"),
            levels: number(&inputs, "k") as u64,
            magnitude: number(&inputs, "r"),
            a: number(value, "a"),
            b: number(value, "b"),
            variance: number(value, "variance"),
            keep_probability: number(value, "keep_probability"),
            least: number(value, "output_min"),
            most: number(value, "output_max"),
            usual_levels: number(value, "k_default") as u64,
        }
    });
    rows.collect()
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let epsilon = Epsilon::new(row.epsilon).unwrap();
        let made = ScalarDp::new(epsilon, Clip::new(row.max).unwrap(), row.levels).unwrap();
        worst.equal("a", made.a(), row.a, row);
        worst.equal("b", made.b(), row.b, row);
        worst.equal("variance", made.variance(row.magnitude), row.variance, row);
        worst.equal("keep probability", made.keep_probability(), row.keep_probability, row);
        worst.equal("least", made.value(0), row.least, row);
        worst.equal("most", made.value(row.levels), row.most, row);
        assert_eq!(made.output_bound(), made.value(row.levels));
        assert_eq!(ScalarDp::usual_levels(epsilon), row.usual_levels, "{row:?}");
        assert!(made.worst_variance().1 >= row.variance, "{row:?}");
        assert!(made.epsilon() <= epsilon && made.epsilon().get() > row.epsilon * (1.0 - 1e-11), "{row:?}");
    }
    worst.print("scalardp");
}
