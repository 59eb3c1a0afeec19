//! Reading the committed vectors and the full tables into the same rows.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

/// One schedule: what each library says about its epsilon.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct SampledRow {
    pub(crate) noise_multiplier: f64,
    pub(crate) sampling_probability: f64,
    pub(crate) steps: u32,
    pub(crate) delta: f64,
    /// At the standard orders with divergences to 30 digits; only in the committed vectors.
    pub(crate) rdp_exact: Option<f64>,
    pub(crate) rdp: Option<f64>,
    pub(crate) rdp_order: Option<f64>,
    pub(crate) exact_gaussian: Option<f64>,
    pub(crate) prv_lower: Option<f64>,
    /// An upper bound, kept for readers of the file: nothing follows from it here.
    pub(crate) _pld_pessimistic: Option<f64>,
}

/// One Renyi divergence: to 30 digits (committed vectors), and the library's upper bound unless its series failed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OrderRow {
    pub(crate) noise_multiplier: f64,
    pub(crate) sampling_probability: f64,
    pub(crate) order: f64,
    pub(crate) exact: Option<f64>,
    pub(crate) library: Option<f64>,
}

/// One zCDP budget.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ZcdpRow {
    pub(crate) rho: f64,
    pub(crate) delta: f64,
    pub(crate) default_orders: f64,
    pub(crate) optimal_alpha: f64,
    pub(crate) exact_if_gaussian: f64,
}

/// One exact Gaussian.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GaussianRow {
    pub(crate) noise_multiplier: f64,
    pub(crate) delta: f64,
    pub(crate) epsilon: f64,
}

/// Everything that the accountants are held against.
pub(crate) struct Tables {
    pub(crate) sampled: Vec<SampledRow>,
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) zcdp: Vec<ZcdpRow>,
    pub(crate) gaussian: Vec<GaussianRow>,
}

impl Tables {
    /// The vectors in `tests/vectors`.
    pub(crate) fn committed() -> Self {
        Self {
            sampled: vectors!("sampled_gaussian"),
            orders: vectors!("renyi_orders"),
            zcdp: vectors!("zcdp"),
            gaussian: vectors!("gaussian"),
        }
    }

    pub(crate) fn read(oracle: &Path) -> Self {
        let sampled = grouped(oracle, "eps_subsampled_gaussian").into_iter().map(|(inputs, by)| SampledRow {
            noise_multiplier: number(&inputs, "noise_multiplier"),
            sampling_probability: number(&inputs, "sampling_probability"),
            steps: number(&inputs, "steps") as u32,
            delta: number(&inputs, "delta"),
            rdp_exact: None,
            rdp: value(&by, "rdp"),
            rdp_order: by.get("rdp").and_then(|row| row["optimal_order"].as_f64()),
            exact_gaussian: value(&by, "exact_gaussian"),
            prv_lower: by.get("prv").and_then(|row| row["lower"].as_f64()),
            _pld_pessimistic: value(&by, "pld_pessimistic"),
        });
        let orders = grouped(oracle, "rdp_orders").into_iter().map(|(inputs, by)| OrderRow {
            noise_multiplier: number(&inputs, "noise_multiplier"),
            sampling_probability: number(&inputs, "sampling_probability"),
            order: number(&inputs, "order"),
            exact: None,
            library: value(&by, "rdp_value"),
        });
        let zcdp = grouped(oracle, "zcdp").into_iter().map(|(inputs, by)| ZcdpRow {
            rho: number(&inputs, "rho"),
            delta: number(&inputs, "delta"),
            default_orders: value(&by, "rdp_default_orders").unwrap(),
            optimal_alpha: value(&by, "zcdp_optimal_alpha").unwrap(),
            exact_if_gaussian: value(&by, "gdp_exact_if_gaussian").unwrap(),
        });
        let gaussian = grouped(oracle, "gaussian_adjacency").into_iter().filter_map(|(inputs, by)| {
            let ours = inputs["adjacency"] == "add_or_remove_one";
            let epsilon = ours.then(|| value(&by, "exact")).flatten()?;
            Some(GaussianRow {
                noise_multiplier: number(&inputs, "noise_multiplier"),
                delta: number(&inputs, "delta"),
                epsilon,
            })
        });
        Self {
            sampled: sampled.collect(),
            orders: orders.collect(),
            zcdp: zcdp.collect(),
            gaussian: gaussian.collect(),
        }
    }
}

/// The full tables, where the workspace's neighbour `shared` (or `MURMUR_SHARED`) has them.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let oracle = std::env::var_os("MURMUR_SHARED").map_or_else(beside, PathBuf::from).join("oracle");
    oracle.is_dir().then_some(oracle)
}

/// The rows of one committed file.
pub(crate) fn rows<Row: for<'de> Deserialize<'de>>(text: &str) -> Vec<Row> {
    #[derive(Deserialize)]
    struct File<Row> {
        rows: Vec<Row>,
    }
    serde_json::from_str::<File<Row>>(text).unwrap().rows
}

/// A file of `tests/vectors`: compiled in, so it is never missing.
macro_rules! vectors {
    ($name:literal) => {
        $crate::tables::rows(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/", $name, ".json")))
    };
}
pub(crate) use vectors;

/// Rows of status `ok`, by inputs and then by accountant.
pub(crate) fn grouped(oracle: &Path, table: &str) -> Vec<(Value, BTreeMap<String, Value>)> {
    let text = std::fs::read_to_string(oracle.join(table).with_extension("json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut groups: BTreeMap<String, (Value, BTreeMap<String, Value>)> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row["status"] == "ok") {
        let (inputs, accountant) = (row["inputs"].clone(), row["accountant"].as_str().unwrap().to_owned());
        groups.entry(inputs.to_string()).or_insert_with(|| (inputs, BTreeMap::new())).1.insert(accountant, row);
    }
    groups.into_values().collect()
}

pub(crate) fn number(inputs: &Value, name: &str) -> f64 {
    inputs[name].as_f64().unwrap()
}

pub(crate) fn value(by: &BTreeMap<String, Value>, accountant: &str) -> Option<f64> {
    by.get(accountant).and_then(|row| row["value"].as_f64())
}
