//! What rank 0 hands to the others before a run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Ranks, exchange};
use crate::{
    SimError,
    scenario::{Overrides, Scenario},
};

/// The run that all are to carry out. Files that the scenario names are not in it: every rank reads them at the same path.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    scenario: String,
    /// From where an interrupted run goes on.
    pub from: Option<Vec<u8>>,
    /// Ends the run after this many rounds.
    pub stop_after: Option<u32>,
}

impl Start {
    /// The scenario as rank 0 resolved it.
    ///
    /// # Errors
    /// Those of reading a scenario, such as a file that this machine does not have.
    pub fn scenario(&self) -> Result<Scenario, SimError> {
        Scenario::from_text(Path::new("the scenario of rank 0"), &self.scenario, &Overrides::default())
    }

    /// Called by rank 0: all others begin this run.
    ///
    /// # Errors
    /// [`SimError::Rank`] where another cannot; [`SimError::Serialise`].
    pub fn give(
        ranks: &dyn Ranks,
        scenario: &Scenario,
        from: Option<&[u8]>,
        stop_after: Option<u32>,
    ) -> Result<(), SimError> {
        let start = Self { scenario: scenario.to_toml()?, from: from.map(<[u8]>::to_vec), stop_after };
        exchange(ranks, &Some(start)).map(|_| ())
    }

    /// Called by rank 0 in the place of [`give`](Self::give): there is nothing to run.
    ///
    /// # Errors
    /// As [`give`](Self::give).
    pub fn give_nothing(ranks: &dyn Ranks) -> Result<(), SimError> {
        exchange(ranks, &None::<Self>).map(|_| ())
    }

    /// Called by every other rank: what rank 0 gives.
    ///
    /// # Errors
    /// [`SimError::Rank`] where another rank cannot begin.
    pub fn take(ranks: &dyn Ranks) -> Result<Option<Self>, SimError> {
        Ok(exchange(ranks, &None::<Self>)?.into_iter().next().flatten())
    }
}
