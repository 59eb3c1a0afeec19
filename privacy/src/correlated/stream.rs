//! The noise of one block, place by place.

mod banded;
mod buffered;
mod source;
mod tree;

use std::fmt;

use thiserror::Error;

use super::{Correlation, SIGMA_LIMIT, dyadic::FRACTION_BITS};
use crate::{
    digest::Digest,
    grid::Grid,
    mechanism::Mechanism,
    noise::{Provenance, RoundedGaussian, Secret},
};
use source::Source;

/// Version of what a secret means. It changes with every change of a drawn bit: under another version a kept secret is of no use,
/// because the noise that was released could not be derived again.
pub const STREAM_VERSION: u8 = 1;

/// A stream of noise that cannot be.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// The mechanism draws each round's noise afresh.
    #[error("this mechanism's noise is not correlated: it is drawn afresh for each release")]
    NotCorrelated,
    /// More noise than can be drawn.
    #[error("a standard deviation of {sigma} steps is outside 1 to 2^28, as far as correlated noise reaches")]
    Sigma {
        /// Standard deviation, in steps.
        sigma: u64,
    },
}

/// The noise of a block's places, a function of the block's secret.
///
/// # Guarantee
/// The noise of a place is given out once. It depends on the secret, the mechanism, the grid's dimension and the place, and on nothing
/// else: a second stream made of the same goes on where the first one was lost, with the same noise. Not `Clone`, and unreadable:
/// noise leaves it within a release only.
///
/// In memory: for `bands` bands as many vectors of the model's dimension, but for one; for buffers one of 128-bit numbers each; for a tree
/// one for each level.
pub struct NoiseStream {
    mechanism: Mechanism,
    grid: Grid,
    task: Digest,
    block: u32,
    provenance: Provenance,
    source: Source,
    /// The next place whose noise is to be derived.
    next: u32,
    state: State,
}

/// What a recursion remembers.
enum State {
    Banded(banded::State),
    Buffered(buffered::State),
    Tree(tree::State),
}

impl NoiseStream {
    /// The noise of block `block` of the task named `task`, before its first place.
    ///
    /// The first noise asked for may be that of any place; the earlier ones are derived on the way.
    ///
    /// # Errors
    /// [`StreamError`] for a mechanism without correlation, or beyond the sampler.
    pub fn new(
        mechanism: &Mechanism,
        grid: Grid,
        task: Digest,
        block: u32,
        secret: &Secret,
    ) -> Result<Self, StreamError> {
        let Mechanism::Correlated { sigma, correlation } = mechanism else { return Err(StreamError::NotCorrelated) };
        let (sigma, dimension) = (*sigma, grid.dimension());
        let refused = StreamError::Sigma { sigma };
        if sigma > SIGMA_LIMIT {
            return Err(refused);
        }
        let fresh = |deviation: u64| RoundedGaussian::new(deviation).map_err(|_| refused);
        let state = match correlation {
            Correlation::Tree(tree) => State::Tree(tree::State::new(*tree, fresh(sigma)?, dimension)),
            Correlation::Banded(banded) => State::Banded(banded::State::new(banded, fresh(sigma << FRACTION_BITS)?)),
            Correlation::Buffered(buffered) => {
                State::Buffered(buffered::State::new(buffered, fresh(sigma << FRACTION_BITS)?, dimension))
            }
        };
        let (source, provenance) = (Source::new(secret, dimension), secret.provenance());
        Ok(Self { mechanism: mechanism.clone(), grid, task, block, provenance, source, next: 0, state })
    }

    /// The mechanism whose noise it is.
    #[must_use]
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    /// The grid that the noise is for.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The task, and the number of its block, that the noise is for.
    #[must_use]
    pub fn block(&self) -> (Digest, u32) {
        (self.task, self.block)
    }

    /// Whose noise it is.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The noise of `place`, in steps; none once it was given out, or a later one was, and none beyond the block. Places that
    /// are passed over (a round that was paid for and lost) use their noise up.
    pub(crate) fn noise(&mut self, place: u32) -> Option<Vec<i64>> {
        let Mechanism::Correlated { correlation, .. } = &self.mechanism else { return None };
        if place < self.next || place >= correlation.rounds().get() {
            return None;
        }
        loop {
            let at = self.next;
            self.next += 1;
            let noise = match &mut self.state {
                State::Banded(state) => state.next(&self.source, at),
                State::Buffered(state) => state.next(&self.source, at),
                State::Tree(state) => state.next(&self.source, at),
            };
            if at == place {
                return Some(noise);
            }
        }
    }
}

impl fmt::Debug for NoiseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseStream").field("block", &self.block).field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
