//! What people choose of a correlation; the rest is computed.

use std::num::NonZeroU32;

use super::{Banded, Buffered, Correlation, CorrelationError, Limits, Tree};

/// A kind of correlated noise and how much of the past it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A binary tree over each block of `leaves` rounds, in which a device takes part at most once.
    Tree {
        /// Rounds of a block.
        leaves: u32,
    },
    /// A banded Toeplitz strategy over the whole run.
    Banded {
        /// Rounds whose noise hangs together: at most a device's separation.
        bands: u32,
    },
    /// A buffered linear Toeplitz strategy over the whole run.
    Buffered {
        /// Buffers, each of the model's dimension.
        buffers: u32,
    },
}

impl Shape {
    /// Rounds of a block in a run of `rounds`.
    #[must_use]
    pub fn block_rounds(&self, rounds: NonZeroU32) -> NonZeroU32 {
        match *self {
            Self::Tree { leaves } => NonZeroU32::new(leaves).unwrap_or(NonZeroU32::MIN),
            Self::Banded { .. } | Self::Buffered { .. } => rounds,
        }
    }

    /// Whether the shape fits a run of `rounds` whole rounds in which devices take part within `limits`. It takes no time.
    ///
    /// # Errors
    /// [`CorrelationError`] naming what does not fit.
    pub fn check(&self, rounds: u32, limits: Limits) -> Result<(), CorrelationError> {
        match *self {
            Self::Tree { leaves } => {
                Tree::new(leaves)?;
                if !rounds.is_multiple_of(leaves) {
                    return Err(CorrelationError::PartialTree { leaves, rounds });
                }
                let participations = limits.participations.get();
                if participations > 1 {
                    return Err(CorrelationError::OncePerTree { participations });
                }
                let separation = limits.separation.get();
                if separation > leaves {
                    return Err(CorrelationError::SeparationAboveRounds { separation, rounds: leaves });
                }
                Ok(())
            }
            Self::Banded { bands } => Banded::check(rounds, bands, limits).map(|_| ()),
            Self::Buffered { buffers } => Buffered::check(rounds, buffers, limits).map(|_| ()),
        }
    }

    /// The correlation of this shape that is found best.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn best(&self, rounds: u32, limits: Limits) -> Result<Correlation, CorrelationError> {
        self.check(rounds, limits)?;
        match *self {
            Self::Tree { leaves } => Correlation::tree(leaves),
            Self::Banded { bands } => Correlation::banded(rounds, bands, limits),
            Self::Buffered { buffers } => Correlation::buffered(rounds, buffers, limits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_do_not_fit_are_refused_by_name_and_those_that_do_are_found() {
        let limits = |participations, separation| {
            let [participations, separation] = [participations, separation].map(|n| NonZeroU32::new(n).unwrap());
            Limits { participations, separation }
        };
        let refused = |shape: Shape, limits| shape.check(12, limits).unwrap_err().to_string();
        let tree = |leaves| Shape::Tree { leaves };
        assert!(refused(tree(0), limits(1, 1)).contains("leaves"));
        assert!(refused(tree(5), limits(1, 1)).contains("12 rounds are no whole number of trees of 5"));
        assert!(refused(tree(4), limits(2, 1)).contains("at most once"));
        assert!(refused(tree(4), limits(1, 5)).contains("separation of 5"));
        assert!(refused(Shape::Banded { bands: 3 }, limits(2, 2)).contains("at least 3"));
        assert!(refused(Shape::Buffered { buffers: 9 }, limits(2, 2)).contains("buffers"));
        for (shape, block) in [(tree(4), 4), (Shape::Banded { bands: 2 }, 12), (Shape::Buffered { buffers: 2 }, 12)] {
            let limits = limits(1, 2);
            assert_eq!(shape.check(12, limits), Ok(()));
            let found = shape.best(12, limits).unwrap();
            assert_eq!(found.rounds().get(), block);
            assert_eq!(shape.block_rounds(NonZeroU32::new(12).unwrap()), found.rounds());
        }
    }
}
