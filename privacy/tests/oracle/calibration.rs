//! Least noise for a target against dp_accounting.

use std::path::Path;

use murmur_privacy::{
    DpEvent, Relation,
    accountant::{Accountant, Calibration, ExactGaussian, PldAccountant, RdpAccountant, STANDARD_ORDERS},
    units::{Epsilon, SamplingRate},
};
use serde::Deserialize;

use super::{
    TOLERANCE, Worst, delta, scale,
    tables::{grouped, number, value},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    target: f64,
    delta: f64,
    rate: f64,
    steps: u32,
    exact: Option<f64>,
    rdp: Option<f64>,
    pld: Option<f64>,
}

/// What the library's search leaves between its answer and the least noise.
const LIBRARY_TOLERANCE: f64 = 1e-5;
/// The same, of its search by loss distributions.
const LIBRARY_PLD_TOLERANCE: f64 = 2e-4;

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "sigma_calibration").into_iter().map(|(inputs, by)| Row {
        target: number(&inputs, "target_epsilon"),
        delta: number(&inputs, "delta"),
        rate: number(&inputs, "sampling_probability"),
        steps: number(&inputs, "steps") as u32,
        exact: value(&by, "exact_gaussian"),
        rdp: value(&by, "rdp"),
        pld: value(&by, "pld"),
    });
    let single = grouped(oracle, "gaussian_adjacency").into_iter().filter_map(|(inputs, by)| {
        let exact = Some(value(&by, "exact_sigma")?);
        let (target, delta) = (number(&inputs, "target_epsilon"), number(&inputs, "delta"));
        Some(Row { target, delta, rate: 1.0, steps: 1, exact, rdp: None, pld: None })
    });
    rows.chain(single).collect()
}

/// The least noise by bisection between `low`, which is too little, and `high`, which is enough.
fn least(target: f64, epsilon: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    assert!(epsilon(high) <= target, "the upper end is not enough: {high}");
    assert!(epsilon(low) > target, "the lower end is enough: {low}");
    for _ in 0..40 {
        let middle = low + (high - low) / 2.0;
        if epsilon(middle) <= target { high = middle } else { low = middle }
    }
    high
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let event = |multiplier: f64| {
            let rate = SamplingRate::new(row.rate).unwrap();
            DpEvent::gaussian(scale(multiplier), scale(1.0), Relation::ZeroOut)
                .poisson_sampled(rate)
                .repeated(row.steps)
        };
        if let Some(theirs) = row.exact {
            let epsilon = |multiplier: f64| ExactGaussian.epsilon(&event(multiplier), delta(row.delta)).unwrap().get();
            let ours = least(row.target, epsilon, theirs * 0.99, theirs * 1.01);
            worst.equal("exact", ours, theirs, row);
        }
        if let Some(theirs) = row.rdp {
            let standard = RdpAccountant::with_orders(&STANDARD_ORDERS);
            let epsilon = |multiplier: f64| standard.epsilon(&event(multiplier), delta(row.delta)).unwrap().get();
            // Theirs affords the target by our price too; where its fractional orders are loose or lost, less does.
            assert!(epsilon(theirs) <= row.target * (1.0 + TOLERANCE), "more noise than the library at {row:?}");
            if row.rate == 1.0 {
                let below = theirs - 2.0 * LIBRARY_TOLERANCE;
                assert!(epsilon(below) > row.target * (1.0 - TOLERANCE), "less noise than the library at {row:?}");
            }
            worst.lower("rdp: the price at the library's noise is below the target by", epsilon(theirs), row.target);
        }
        if let Some(theirs) = row.pld {
            let target = Epsilon::new(row.target).unwrap();
            let by_losses = Calibration::by(&PldAccountant, target, delta(row.delta));
            let found = by_losses.noise(|multiplier| event(multiplier.get())).unwrap();
            let ours = found.parameter.get();
            assert!(found.quote.epsilon <= target, "{found:?}");
            assert!(ours <= theirs * 1.0001 + LIBRARY_PLD_TOLERANCE, "more noise than the library: {ours} at {row:?}");
            // From the other side: with a little less noise even the optimistic bound is above the target.
            let bounds = PldAccountant.bounds(&event(ours / 1.002), delta(row.delta)).unwrap();
            assert!(bounds.lower > target, "not the least noise: {bounds:?} at {row:?}");
        }
    }
    worst.print("calibration");
}
