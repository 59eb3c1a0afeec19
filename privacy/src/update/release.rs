//! The one door out of the privacy boundary.

use std::num::NonZeroUsize;

use thiserror::Error;

use super::Sum;
use crate::{
    encoding::Encoding,
    grid::Grid,
    ledger::Receipt,
    mechanism::Mechanism,
    noise::{NoiseRng, Provenance},
    ring::RingVector,
};

/// The noised sum of one round: the only value that a server optimiser accepts. Everything done with it is
/// post-processing.
#[derive(Debug)]
pub struct Release {
    noised: RingVector,
    receipt: Receipt,
}

/// The receipt does not pay for this release.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReleaseError {
    /// The ledger was charged for another mechanism or grid.
    #[error("the receipt of ledger entry {entry} pays for another mechanism than the one to be run")]
    NotPaidFor {
        /// Index of the ledger entry.
        entry: u64,
    },
    /// Seeded noise under a ledger that claims the operating system's, or the reverse.
    #[error("the ledger records {recorded} noise, but the noise handed in is {found}")]
    WrongProvenance {
        /// What the ledger says.
        recorded: Provenance,
        /// What was handed in.
        found: Provenance,
    },
}

impl Sum {
    /// Adds the mechanism's noise and lets the sum out, once.
    ///
    /// # Guarantee
    /// The receipt exists only after the spend was made durable, names exactly this mechanism on exactly this bound,
    /// and is consumed; so at most one noised output exists per ledger entry, and what was claimed is what ran.
    ///
    /// # Errors
    /// [`ReleaseError`] when the receipt is for another event or another kind of entropy. Sum and receipt are gone
    /// then: the spend stays spent, nothing is released.
    pub fn release(self, mechanism: &Mechanism, receipt: Receipt, rng: &mut NoiseRng) -> Result<Release, ReleaseError> {
        self.release_by(mechanism, receipt, rng, NonZeroUsize::MIN)
    }

    /// [`release`](Self::release) with the noise drawn by at most `threads` threads: the same bits for any number.
    ///
    /// # Errors
    /// As [`release`](Self::release).
    pub fn release_by(
        self,
        mechanism: &Mechanism,
        receipt: Receipt,
        rng: &mut NoiseRng,
        threads: NonZeroUsize,
    ) -> Result<Release, ReleaseError> {
        if receipt.event().mechanism() != &mechanism.event(&self.grid()) {
            return Err(ReleaseError::NotPaidFor { entry: receipt.entry() });
        }
        if receipt.provenance() != rng.provenance() {
            return Err(ReleaseError::WrongProvenance { recorded: receipt.provenance(), found: rng.provenance() });
        }
        let mut noised = self.0;
        mechanism.perturb(&mut noised, rng, threads);
        Ok(Release { noised, receipt })
    }
}

impl Release {
    /// The grid it lies on.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.noised.grid()
    }

    /// The receipt that paid for it.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The noised sum in steps of the grid, one integer per coordinate.
    pub fn steps(&self) -> impl Iterator<Item = i64> + '_ {
        self.noised.centered()
    }

    /// The noised average update in units of the model's parameters: the sum divided by a constant.
    ///
    /// `expected_cohort` is fixed when the task is created. Dividing by how many answered would release that number
    /// without noise (privacy.md, G3).
    pub fn average(&self, encoding: &Encoding, expected_cohort: f64) -> impl Iterator<Item = f64> + '_ {
        let factor = encoding.step() / expected_cohort;
        self.steps().take(encoding.model_dimension()).map(move |value| value as f64 * factor)
    }

    /// The noised sum of each measure, where 1 is the most that one device adds.
    #[must_use]
    pub fn measures(&self, encoding: &Encoding) -> Vec<f64> {
        let sums = self.steps().skip(encoding.model_dimension()).zip(encoding.measure_bounds());
        sums.map(|(sum, bound)| sum as f64 / *bound as f64).collect()
    }
}
