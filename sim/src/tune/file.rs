//! What a person writes. Strict: an unknown key is an error.

use serde::{Deserialize, Serialize};

use super::space::Space;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TuneFile {
    /// Path of the scenario that is tuned, relative to this file, the name of one that is built in, or the scenario itself as a table.
    pub(super) scenario: ScenarioReference,
    /// Whose data the search looks at: it decides what the search costs, and has no default.
    pub(super) data: DataKind,
    pub(super) search: Search,
    pub(super) space: Space,
    #[serde(default)]
    pub(super) simulate: Option<Simulate>,
    #[serde(default)]
    pub(super) recommend: Recommend,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ScenarioReference {
    Path(String),
    Inline(toml::Table),
}

/// Whose data a search looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// Nobody's: drawn by a program. The search costs nothing.
    Synthetic,
    /// Published data of people whom the deployed claim does not speak of. The search is outside of the claim, and every output says so.
    Public,
    /// Data of people who were promised something. Every simulation is charged, and the sum is told beside the claim.
    Private,
}

/// The `[search]` section.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// How settings are looked for.
    pub kind: Method,
    /// Settings that are tried at each noise level: drawn for `random` and `halving`, the same ones for every level; chosen for `bayesian`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<u32>,
    /// For `halving`: of so many settings one stays, and rounds grow by the same factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<u32>,
    /// For `bayesian`: so many settings are chosen at once. More keep more processors busy, fewer learn more from one another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Runs of the best settings of each noise level, with seeds that the search has not seen: what the frontier shows.
    pub repeats: u32,
}

/// How settings are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// All combinations.
    Grid,
    /// Some combinations, drawn.
    Random,
    /// Some combinations, drawn (all of them, where that is fewer), for few rounds; the better ones for more (Jamieson and Talwalkar 2016).
    Halving,
    /// Chosen in batches, each by what all before it came to, for every noise level by itself.
    Bayesian,
}

/// The `[simulate]` section: fewer devices than will be there. Exactly one of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    /// Devices that are simulated in the place of the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<u64>,
    /// Devices that will be there, for which the scenario's stand: where their number is that of the users in the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<u64>,
}

impl Simulate {
    /// Devices that will be there and devices that are simulated, where the scenario has so many.
    pub(super) fn counts(self, scenario: u64) -> (u64, u64) {
        (self.deployed.unwrap_or(scenario), self.devices.unwrap_or(scenario))
    }
}

/// The `[recommend]` section: which point of the frontier is recommended. With neither key: the least epsilon that cannot be told from the
/// best by one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recommend {
    /// The least epsilon of this accuracy on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The most accurate point of at most this epsilon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
}

impl TuneFile {
    /// What the sections say by themselves, and of one another.
    pub(super) fn validate(&self) -> Result<(), String> {
        let Search { kind, settings, reduction, batch, repeats } = self.search;
        if repeats < 2 {
            return Err("search.repeats must be at least 2: one run says nothing of how far runs spread".to_owned());
        }
        let wants_settings = kind != Method::Grid;
        match settings {
            Some(1..) if !wants_settings => {
                return Err("search.settings goes with random, halving and bayesian: remove it".to_owned());
            }
            None | Some(0) if wants_settings => {
                return Err("search.settings is missing: how many settings are tried, at least 1".to_owned());
            }
            _ => {}
        }
        match (kind, reduction) {
            (Method::Halving, Some(2..)) => {}
            (Method::Halving, _) => return Err("search.reduction is missing: a number of at least 2".to_owned()),
            (_, Some(_)) => return Err("search.reduction goes with halving: remove it".to_owned()),
            (_, None) => {}
        }
        match (kind, batch) {
            (Method::Bayesian, Some(1..)) => {}
            (Method::Bayesian, _) => {
                return Err("search.batch is missing: how many settings are chosen at once, at least 1".to_owned());
            }
            (_, Some(_)) => return Err("search.batch goes with bayesian: remove it".to_owned()),
            (_, None) => {}
        }
        if self.recommend.accuracy.is_some() && self.recommend.epsilon.is_some() {
            return Err("recommend.accuracy and recommend.epsilon ask for two different points: remove one".to_owned());
        }
        if self.simulate.is_some_and(|simulate| simulate.devices.is_some() == simulate.deployed.is_some()) {
            return Err("[simulate] needs exactly one of devices and deployed".to_owned());
        }
        if self.simulate.is_some_and(|simulate| simulate.devices == Some(0)) {
            return Err("simulate.devices must be at least 1".to_owned());
        }
        self.space.validate(kind == Method::Grid)
    }
}
