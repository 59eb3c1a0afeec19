//! The accountants against published ones: committed vectors always, the full tables where they lie.
//!
//! The vectors were drawn by `tests/vectors/draw.py`; each file names the libraries and versions that computed it. What a
//! value is worth differs by column, and so does what is asserted:
//! - exact values (mpmath, closed forms): equal to 1e-9, and never below.
//! - dp_accounting's Renyi values at integer orders: equal. At fractional orders it adds an alternating series by absolute
//!   value, which is an upper bound (up to 2.4 times the truth in these tables), or gives up: ours is never higher.
//! - dp_accounting's epsilons: equal at the integer orders when its own best order is one of them; never lower than ours.
//! - `prv_lower`: a lower bound of the truth; no sound epsilon is below it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

#[path = "oracle/adjacency.rs"]
mod adjacency;
#[path = "oracle/calibration.rs"]
mod calibration;
#[path = "oracle/distributed.rs"]
mod distributed;
#[path = "oracle/laplace.rs"]
mod laplace;
#[path = "oracle/matrix.rs"]
mod matrix;
#[path = "oracle/mechanisms.rs"]
mod mechanisms;
#[path = "oracle/privunit2.rs"]
mod privunit2;
#[path = "oracle/privunitg.rs"]
mod privunitg;
#[path = "oracle/scalardp.rs"]
mod scalardp;
#[path = "oracle/tables.rs"]
mod tables;
#[path = "oracle/tree.rs"]
mod tree;
#[path = "oracle/without_replacement.rs"]
mod without_replacement;

use std::collections::HashMap;

use murmur_privacy::{
    DpEvent, Relation,
    accountant::{
        Accountant, ExactGaussian, RdpAccountant, RdpCurve, STANDARD_ORDERS, ZcdpAccountant, epsilon_of_zcdp,
    },
    units::{DeltaProbability, SamplingRate, Scale},
};
use tables::{GaussianRow, OrderRow, SampledRow, Tables, ZcdpRow};

const TOLERANCE: f64 = 1e-9;

/// The largest relative difference of each comparison, for the record (`--nocapture`).
#[derive(Default)]
struct Worst(HashMap<&'static str, (usize, f64)>);

impl Worst {
    fn equal(&mut self, what: &'static str, ours: f64, theirs: f64, row: &dyn std::fmt::Debug) {
        let error = (ours - theirs).abs() / theirs.abs().max(f64::MIN_POSITIVE);
        let (count, worst) = self.0.entry(what).or_default();
        (*count, *worst) = (*count + 1, worst.max(error));
        assert!(error <= TOLERANCE, "{what}: ours {ours}, theirs {theirs}, relative error {error:e} at {row:?}");
    }

    /// Records by how much ours is lower; what that may be is for the caller to assert.
    fn lower(&mut self, what: &'static str, ours: f64, theirs: f64) {
        let (count, worst) = self.0.entry(what).or_default();
        (*count, *worst) = (*count + 1, worst.max(1.0 - ours / theirs));
    }

    fn print(&self, table: &str) {
        for (what, (count, error)) in &self.0 {
            println!("{table}: {what}: {count} rows, largest relative difference {error:.2e}");
        }
    }
}

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn scale(value: f64) -> Scale {
    Scale::new(value).unwrap()
}

fn gaussian(multiplier: f64) -> DpEvent {
    DpEvent::gaussian(scale(multiplier), scale(1.0), Relation::ZeroOut)
}

fn sampled(multiplier: f64, rate: f64) -> DpEvent {
    gaussian(multiplier).poisson_sampled(SamplingRate::new(rate).unwrap())
}

/// Curves at three sets of orders, computed once for each mechanism.
struct Curves {
    standard: RdpCurve,
    integer: RdpCurve,
    fine: RdpCurve,
}

impl Curves {
    fn of(multiplier: f64, rate: f64) -> Self {
        let event = sampled(multiplier, rate);
        let integers: Vec<f64> = STANDARD_ORDERS.iter().copied().filter(|order| order.fract() == 0.0).collect();
        Self {
            standard: RdpAccountant::with_orders(&STANDARD_ORDERS).curve(&event).unwrap(),
            integer: RdpAccountant::with_orders(&integers).curve(&event).unwrap(),
            fine: RdpAccountant::default().curve(&event).unwrap(),
        }
    }
}

fn sampled_gaussian(rows: &[SampledRow]) {
    let (mut worst, mut known) = (Worst::default(), HashMap::new());
    for row in rows {
        let key = (row.noise_multiplier.to_bits(), row.sampling_probability.to_bits());
        let curves = known.entry(key).or_insert_with(|| Curves::of(row.noise_multiplier, row.sampling_probability));
        let epsilon = |curve: &RdpCurve| curve.repeated(row.steps).epsilon(delta(row.delta)).get();
        let (standard, integer, fine) = (epsilon(&curves.standard), epsilon(&curves.integer), epsilon(&curves.fine));
        assert!(fine <= standard, "finer orders must not cost more: {fine} > {standard} at {row:?}");
        if let Some(exact) = row.rdp_exact {
            worst.equal("rdp at the standard orders, exact divergences", standard, exact, row);
            assert!(standard >= exact, "rounded the wrong way: {standard} < {exact} at {row:?}");
        }
        if let (Some(theirs), Some(order)) = (row.rdp, row.rdp_order) {
            assert!(
                standard <= theirs * (1.0 + TOLERANCE),
                "higher than the library: {standard} > {theirs} at {row:?}"
            );
            if order.fract() == 0.0 {
                worst.equal("rdp at the integer orders", integer, theirs, row);
            } else {
                worst.lower("rdp, the library's best order is fractional", standard, theirs);
                assert!(integer >= theirs * (1.0 - TOLERANCE), "the library would have taken it: {integer} at {row:?}");
            }
        }
        if let Some(truth_at_least) = row.prv_lower {
            assert!(fine >= truth_at_least, "unsound: {fine} is below the lower bound of prv at {row:?}");
        }
        if let Some(exact) = row.exact_gaussian {
            assert_eq!(row.sampling_probability, 1.0);
            let event = gaussian(row.noise_multiplier).repeated(row.steps);
            let found = ExactGaussian.epsilon(&event, delta(row.delta)).unwrap().get();
            worst.equal("exact", found, exact, row);
            assert!(fine >= exact, "unsound: {fine} is below the exact epsilon at {row:?}");
        }
    }
    worst.print("sampled gaussian");
}

fn renyi_orders(rows: &[OrderRow]) {
    let mut worst = Worst::default();
    for row in rows {
        let event = sampled(row.noise_multiplier, row.sampling_probability);
        let curve = RdpAccountant::with_orders(&[row.order]).curve(&event).unwrap();
        let (_, ours) = curve.divergences().next().unwrap();
        if let Some(exact) = row.exact {
            worst.equal("exact divergence", ours, exact, row);
            assert!(ours >= exact * (1.0 - 1e-15), "no upper bound: {ours} < {exact} at {row:?}");
        }
        match row.library {
            Some(theirs) if row.order.fract() == 0.0 || row.sampling_probability == 1.0 => {
                worst.equal("library, integer order or no sampling", ours, theirs, row);
            }
            Some(theirs) => {
                worst.lower("library, fractional order", ours, theirs);
                assert!(ours <= theirs * (1.0 + TOLERANCE), "higher than the library's upper bound: {ours} at {row:?}");
            }
            None => assert!(ours.is_finite() && row.order.fract() != 0.0, "{row:?}"),
        }
    }
    worst.print("renyi orders");
}

fn zcdp(rows: &[ZcdpRow]) {
    let mut worst = Worst::default();
    for row in rows {
        let ours = epsilon_of_zcdp(row.rho, delta(row.delta)).get();
        // The optimum is interior in every row (no epsilon is clipped at zero), so both minimise the same function.
        worst.equal("best order", ours, row.optimal_alpha, row);
        assert!(ours <= row.default_orders * (1.0 + TOLERANCE), "a grid of orders beat the best order: {row:?}");
        assert!(ours >= row.exact_if_gaussian, "unsound: {ours} at {row:?}");
        // rho of a Gaussian is 1 / (2 z^2).
        let event = gaussian((1.0 / (2.0 * row.rho)).sqrt());
        let found = ZcdpAccountant.epsilon(&event, delta(row.delta)).unwrap().get();
        worst.equal("best order, through the event", found, row.optimal_alpha, row);
        let found = ExactGaussian.epsilon(&event, delta(row.delta)).unwrap().get();
        worst.equal("exact", found, row.exact_if_gaussian, row);
        let curve = RdpAccountant::with_orders(&STANDARD_ORDERS).curve(&event).unwrap();
        worst.equal("rdp at the standard orders", curve.epsilon(delta(row.delta)).get(), row.default_orders, row);
    }
    worst.print("zcdp");
}

fn exact(rows: &[GaussianRow]) {
    let mut worst = Worst::default();
    for row in rows {
        let found = ExactGaussian.epsilon(&gaussian(row.noise_multiplier), delta(row.delta)).unwrap().get();
        worst.equal("exact", found, row.epsilon, row);
        assert!(found >= row.epsilon * (1.0 - 1e-12), "rounded the wrong way: {found} at {row:?}");
    }
    worst.print("gaussian");
}

fn hold(tables: &Tables) {
    sampled_gaussian(&tables.sampled);
    renyi_orders(&tables.orders);
    zcdp(&tables.zcdp);
    exact(&tables.gaussian);
}

#[test]
fn the_accountants_meet_the_committed_vectors() {
    let tables = Tables::committed();
    assert!(tables.sampled.len() > 200 && tables.orders.len() > 200, "the vectors are there");
    assert!(tables.zcdp.len() > 30 && tables.gaussian.len() >= 30, "the vectors are there");
    hold(&tables);
}

#[test]
fn the_accountants_meet_the_full_tables() {
    if let Some(oracle) = full_tables() {
        hold(&Tables::read(&oracle));
    }
}

fn full_tables() -> Option<std::path::PathBuf> {
    let found = tables::shared();
    if found.is_none() {
        println!("SKIPPED: no oracle tables (set MURMUR_SHARED to the folder that holds oracle/)");
    }
    found
}

/// For each table: the committed rows always, all rows where the tables lie.
macro_rules! table {
    ($module:ident, $vectors:literal, $least:literal) => {
        mod $module {
            #[test]
            fn committed() {
                let rows: Vec<crate::$module::Row> = crate::tables::vectors!($vectors);
                assert!(rows.len() >= $least, "the vectors are there");
                crate::$module::hold(&rows);
            }

            #[test]
            fn full() {
                if let Some(oracle) = crate::full_tables() {
                    let rows = crate::$module::read(&oracle);
                    assert!(rows.len() >= $least, "the table is there");
                    crate::$module::hold(&rows);
                }
            }
        }
    };
}

#[test]
fn divergences_from_their_definition() {
    let rows: Vec<mechanisms::Row> = tables::vectors!("renyi_mechanisms");
    assert!(rows.len() > 100, "the vectors are there");
    mechanisms::hold(&rows);
}

mod meet {
    table!(adjacency, "adjacency", 10);
    table!(calibration, "calibration", 10);
    table!(distributed, "distributed", 10);
    table!(laplace, "laplace", 10);
    table!(matrix, "matrix_factorisation", 10);
    table!(privunit2, "privunit2", 50);
    table!(privunitg, "privunitg", 40);
    table!(scalardp, "scalardp", 100);
    table!(tree, "tree_aggregation", 10);
    table!(without_replacement, "without_replacement", 10);
}
