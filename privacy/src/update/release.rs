//! The one door out of the privacy boundary.

use std::num::NonZeroUsize;

use thiserror::Error;

use super::Sum;
use crate::{
    correlated::NoiseStream,
    digest::Digest,
    encoding::Encoding,
    grid::Grid,
    ledger::Receipt,
    mechanism::Mechanism,
    noise::{NoiseRng, Provenance},
    ring::{AddTo, RingVector},
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
    /// Correlated noise asked of a generator.
    #[error("the noise of ledger entry {entry} is correlated with that of its block: it comes from the block's stream")]
    NeedsStream {
        /// Index of the ledger entry.
        entry: u64,
    },
    /// The stream is for another grid, task or block.
    #[error(
        "the receipt of ledger entry {entry} is for block {expected} of task {task}, and the stream is another block's, another \
         task's or for another grid"
    )]
    OtherStream {
        /// Index of the ledger entry.
        entry: u64,
        /// Task of the receipt.
        task: Digest,
        /// Block of the receipt.
        expected: u32,
    },
    /// A place whose noise was given out, or passed over, already.
    #[error(
        "the noise at place {place} of its block was used up before ledger entry {entry}: it is never given out again"
    )]
    PlaceUsed {
        /// Index of the ledger entry.
        entry: u64,
        /// Place of the receipt.
        place: u32,
    },
}

impl Sum {
    /// Adds the mechanism's noise, drawn afresh, and lets the sum out, once.
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
        self.check(mechanism, &receipt, rng.provenance())?;
        let mut noised = self.into_vector();
        if mechanism.perturb(&mut noised, rng, threads) {
            Ok(Release { noised, receipt })
        } else {
            Err(ReleaseError::NeedsStream { entry: receipt.entry() })
        }
    }

    /// Adds the noise of the receipt's place in its block and lets the sum out, once.
    ///
    /// # Guarantee
    /// As for [`release`](Self::release); and the receipt names the stream's task and block, and a place whose noise was not given out
    /// before. So all releases of a block are, place by place, those of the mechanism that was paid for, whether one process made
    /// them or several that each derived the stream from the block's secret: see [`correlated`](crate::correlated).
    ///
    /// # Errors
    /// [`ReleaseError`] when the receipt is for another event, kind of entropy, task, block or grid than the stream, or its place is used
    /// up. Sum and receipt are gone then: the spend stays spent, nothing is released.
    pub fn release_from(self, stream: &mut NoiseStream, receipt: Receipt) -> Result<Release, ReleaseError> {
        self.check(stream.mechanism(), &receipt, stream.provenance())?;
        let (entry, place) = (receipt.entry(), receipt.place());
        if self.grid() != stream.grid() || (receipt.task(), receipt.block()) != stream.block() {
            return Err(ReleaseError::OtherStream { entry, task: receipt.task(), expected: receipt.block() });
        }
        let noise = stream.noise(place).ok_or(ReleaseError::PlaceUsed { entry, place })?;
        let mut noised = self.into_vector();
        noised.add_by(Ready(noise));
        Ok(Release { noised, receipt })
    }

    fn check(&self, mechanism: &Mechanism, receipt: &Receipt, found: Provenance) -> Result<(), ReleaseError> {
        if receipt.event().mechanism() != &mechanism.event(&self.grid()) {
            return Err(ReleaseError::NotPaidFor { entry: receipt.entry() });
        }
        let recorded = receipt.provenance();
        if recorded == found { Ok(()) } else { Err(ReleaseError::WrongProvenance { recorded, found }) }
    }
}

/// Noise that is there already, one number for each coordinate.
struct Ready<I>(I);

impl<I: IntoIterator<Item = i64>> AddTo for Ready<I> {
    fn work<W: Send>(self, words: &mut [W], add: impl Fn(&mut W, i64) + Sync) {
        words.iter_mut().zip(self.0).for_each(|(word, noise)| add(word, noise));
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

    /// The first `count` steps, each times `factor`.
    pub(super) fn scaled(&self, count: usize, factor: f64) -> Vec<f64> {
        self.noised.scaled(count, factor)
    }

    /// The noised sum of each measure, where 1 is the most that one device adds.
    #[must_use]
    pub fn measures(&self, encoding: &Encoding) -> Vec<f64> {
        // Bounds first: where there is none the model's coordinates are not walked through.
        let sums = encoding.measure_bounds().iter().zip(self.steps().skip(encoding.model_dimension()));
        sums.map(|(bound, sum)| sum as f64 / *bound as f64).collect()
    }
}
