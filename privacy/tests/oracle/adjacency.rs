//! What a relation does to the same noise, against dp_accounting, whose accountants disagree about it.

use std::path::Path;

use murmur_privacy::{
    DpEvent, Relation,
    accountant::{Accountant, ExactGaussian, RdpAccountant, Refusal, STANDARD_ORDERS},
    units::SamplingRate,
};
use serde::Deserialize;

use super::{
    TOLERANCE, Worst, delta, scale,
    tables::{grouped, number, value},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    /// `add_or_remove_one`, `replace_special` or `replace_one`.
    adjacency: String,
    multiplier: f64,
    rate: f64,
    steps: u32,
    delta: f64,
    rdp: Option<f64>,
    pld: Option<f64>,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let rows = grouped(oracle, "gaussian_adjacency").into_iter().filter_map(|(inputs, by)| {
        Some(Row {
            adjacency: inputs["adjacency"].as_str()?.to_owned(),
            multiplier: number(&inputs, "noise_multiplier"),
            rate: inputs["sampling_probability"].as_f64()?,
            steps: number(&inputs, "steps") as u32,
            delta: number(&inputs, "delta"),
            rdp: value(&by, "rdp"),
            pld: value(&by, "pld_pessimistic"),
        })
    });
    rows.collect()
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let relation = if row.adjacency == "replace_one" { Relation::ReplaceOne } else { Relation::ZeroOut };
        let rdp = RdpAccountant::with_orders(&STANDARD_ORDERS);
        let of = |bound: f64| {
            let rate = SamplingRate::new(row.rate).unwrap();
            DpEvent::gaussian(scale(row.multiplier), scale(bound), relation).poisson_sampled(rate).repeated(row.steps)
        };
        let epsilon = |bound: f64| rdp.epsilon(&of(bound), delta(row.delta));
        match (row.rdp, relation) {
            (Some(theirs), Relation::ReplaceOne) => {
                // The library takes the multiplier as it comes: its number is for half the bound.
                worst.equal("rdp, replace-one at half the bound", epsilon(0.5).unwrap().get(), theirs, row);
                assert!(epsilon(1.0).unwrap().get() > 1.9 * theirs, "the sensitivity was not doubled: {row:?}");
            }
            (Some(theirs), _) => {
                let ours = epsilon(1.0).unwrap().get();
                assert!(ours <= theirs * (1.0 + TOLERANCE), "higher than the library: {ours} at {row:?}");
                if row.rate == 1.0 {
                    worst.equal("rdp, zero-out", ours, theirs, row);
                } else {
                    // Its series at fractional orders is an upper bound.
                    worst.lower("rdp, zero-out, sampled", ours, theirs);
                }
            }
            (None, Relation::ReplaceOne) if row.rate < 1.0 => {
                let refused = epsilon(1.0).unwrap_err();
                assert!(matches!(refused, Refusal::Relation { .. }), "{refused} at {row:?}");
            }
            (None, _) => {}
        }
        if let (Some(theirs), true) = (row.pld, row.rate == 1.0) {
            // Its distributions know what replacing means; step 1e-4.
            let ours = ExactGaussian.epsilon(&of(1.0), delta(row.delta)).unwrap().get();
            assert!(ours <= theirs + 1e-6 && ours >= theirs - 0.001 * theirs - 1e-3, "{ours} at {row:?}");
            worst.lower("exact, beside the library's distribution", ours, theirs);
        }
    }
    worst.print("adjacency");
}
