//! Sensitivities of matrix mechanisms against jax-privacy. Ours is computed inside the accountant, so it is read off the
//! only number that shows it: the Renyi divergence at order 2, which is the square of sensitivity over sigma.

use std::{num::NonZeroU32, path::Path};

use murmur_privacy::{
    DpEvent, Relation,
    accountant::RdpAccountant,
    event::{Buffer, BufferedToeplitz, LowerTriangular, MatrixFactorisation, Strategy, Toeplitz},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Worst, scale,
    tables::{grouped, number, value},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    /// `toeplitz_sqrt`, `banded_toeplitz`, `blt` or `banded_dense`.
    kind: String,
    rounds: u32,
    /// Bands (1 for the first kind and `blt`: not used).
    bands: usize,
    separation: u32,
    /// `null`: as many as the separation allows.
    participations: Option<u32>,
    /// Decays and weights.
    buffers: Vec<(f64, f64)>,
    /// Columns from the diagonal downwards.
    columns: Vec<Vec<f64>>,
    sensitivity: f64,
}

pub(crate) fn read(oracle: &Path) -> Vec<Row> {
    let floats = |value: &Value| -> Vec<f64> {
        value.as_array().map_or_else(Vec::new, |list| list.iter().map(|entry| entry.as_f64().unwrap()).collect())
    };
    let rows = grouped(oracle, "matrix_factorization").into_iter().filter_map(|(inputs, by)| {
        let sensitivity = value(&by, "minsep_sensitivity")?;
        let bands = inputs["bands"].as_u64().unwrap_or(1) as usize;
        let dense: Vec<Vec<f64>> =
            inputs["C"].as_array().map_or_else(Vec::new, |rows| rows.iter().map(floats).collect());
        let column = |i: usize| dense.iter().skip(i).take(bands).map(|row| row[i]).collect();
        Some(Row {
            kind: inputs["mechanism"].as_str().unwrap().to_owned(),
            rounds: number(&inputs, "n") as u32,
            bands,
            separation: number(&inputs, "min_sep") as u32,
            participations: inputs["max_participations"].as_u64().map(|most| most as u32),
            buffers: floats(&inputs["buf_decay"]).into_iter().zip(floats(&inputs["output_scale"])).collect(),
            columns: (0..dense.len()).map(column).collect(),
            sensitivity,
        })
    });
    rows.collect()
}

/// Square root of the matrix of ones: `c_0 = 1`, `c_t = c_(t-1) (2t - 1) / (2t)`.
fn square_root(length: usize) -> Vec<f64> {
    let mut coefficients = vec![1.0];
    while coefficients.len() < length {
        let t = coefficients.len() as f64;
        coefficients.push(coefficients[coefficients.len() - 1] * (2.0 * t - 1.0) / (2.0 * t));
    }
    coefficients
}

fn strategy(row: &Row) -> Strategy {
    let toeplitz = |length: usize| Strategy::Toeplitz(Toeplitz::new(square_root(length)).unwrap());
    match row.kind.as_str() {
        "toeplitz_sqrt" => toeplitz(row.rounds as usize),
        "banded_toeplitz" => toeplitz(row.bands),
        "blt" => {
            let buffers = row.buffers.iter().map(|(decay, weight)| Buffer { decay: *decay, weight: *weight });
            Strategy::BufferedToeplitz(BufferedToeplitz::new(buffers.collect()).unwrap())
        }
        "banded_dense" => Strategy::LowerTriangular(LowerTriangular::new(row.columns.clone()).unwrap()),
        other => panic!("a kind without a test: {other}"),
    }
}

fn sensitivity(row: &Row, strategy: Strategy) -> f64 {
    let [rounds, separation] = [row.rounds, row.separation].map(|count| NonZeroU32::new(count).unwrap());
    let participations = NonZeroU32::new(row.participations.unwrap_or(row.rounds)).unwrap();
    let (one, relation) = (scale(1.0), Relation::ZeroOut);
    let run = MatrixFactorisation::new(strategy, rounds, participations, separation, one, one, relation).unwrap();
    let curve = RdpAccountant::with_orders(&[2.0]).curve(&DpEvent::MatrixFactorisation(run)).unwrap();
    let (_, divergence) = curve.divergences().next().unwrap();
    divergence.sqrt()
}

pub(crate) fn hold(rows: &[Row]) {
    let mut worst = Worst::default();
    for row in rows {
        let ours = sensitivity(row, strategy(row));
        worst.equal("sensitivity", ours, row.sensitivity, row);
        assert!(ours >= row.sensitivity * (1.0 - 1e-12), "rounded the wrong way: {ours} at {row:?}");
        if row.kind == "banded_toeplitz" && row.rounds <= 256 {
            // The same matrix column by column: an upper bound, and exact where columns of one pattern are orthogonal.
            let coefficients = square_root(row.bands);
            let column = |i: u32| coefficients.iter().copied().take((row.rounds - i) as usize).collect();
            let columns = LowerTriangular::new((0..row.rounds).map(column).collect()).unwrap();
            let general = sensitivity(row, Strategy::LowerTriangular(columns));
            if row.bands <= row.separation as usize {
                worst.equal("sensitivity, column by column", general, row.sensitivity, row);
            } else {
                assert!(general >= row.sensitivity, "{general} at {row:?}");
                worst.lower("sensitivity, bound for any matrix", row.sensitivity, general);
            }
        }
    }
    worst.print("matrix factorisation");
}
