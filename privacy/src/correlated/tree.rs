//! Binary-tree aggregation: noise on the sums over the nodes of a binary tree, and estimates of prefix sums from them.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{
    CorrelationError,
    dyadic::{nearest, value},
};

/// Leaves of one tree.
pub(super) const LEAVES_LIMIT: u32 = 1 << 16;

/// A tree over a block of rounds, one leaf for each. A node is a whole binary subtree whose rounds all lie in the block.
///
/// # Source
/// Dwork, Naor, Pitassi and Rothblum 2010, and Chan, Shi and Song 2011, for the tree; Honaker 2015 ("Efficient use of differentially
/// private binary trees") for the estimate from below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawTree")]
pub struct Tree {
    leaves: NonZeroU32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTree {
    leaves: u32,
}

impl Tree {
    /// A tree over so many rounds; a device takes part in one of them at most.
    ///
    /// # Errors
    /// [`CorrelationError::Count`] unless there are 1 to 2^16 leaves.
    pub fn new(leaves: u32) -> Result<Self, CorrelationError> {
        match NonZeroU32::new(leaves) {
            Some(leaves) if leaves.get() <= LEAVES_LIMIT => Ok(Self { leaves }),
            _ => Err(CorrelationError::Count { what: "leaves", given: leaves, limit: LEAVES_LIMIT }),
        }
    }

    /// Rounds of a tree.
    #[must_use]
    pub fn leaves(&self) -> NonZeroU32 {
        self.leaves
    }

    /// Levels of nodes, the leaves being the first: `floor(log2(leaves)) + 1`.
    pub(super) fn levels(self) -> usize {
        self.leaves.ilog2() as usize + 1
    }

    /// By level, the share `a` of a node's own noised sum in its estimate, in units of `2^-16`; the rest is that of its children's
    /// estimates. 1 for a leaf.
    ///
    /// With the variance of a node's noise as unit, the estimate has the variance `a^2 + (1 - a)^2 2 v` over children of variance `v`,
    /// least at `a = 2 v / (1 + 2 v)`.
    pub(super) fn shares(self) -> Vec<u32> {
        self.estimates().into_iter().map(|(share, _)| share).collect()
    }

    /// By level, the variance of an estimate whose node has noise of variance 1.
    pub(super) fn variances(self) -> Vec<f64> {
        self.estimates().into_iter().map(|(_, variance)| variance).collect()
    }

    fn estimates(self) -> Vec<(u32, f64)> {
        let mut estimates = vec![(nearest(1.0), 1.0)];
        while estimates.len() < self.levels() {
            let below = 2.0 * estimates[estimates.len() - 1].1;
            let share = nearest(below / (1.0 + below));
            let (own, children) = (value(share), 1.0 - value(share));
            estimates.push((share, own * own + children * children * below));
        }
        estimates
    }

    /// Variances of the noise on the sum of the first `1, 2, ...` rounds: of the estimates of the nodes into which they fall, as
    /// the binary digits of their number do.
    pub(super) fn prefix_variances(self) -> Vec<f64> {
        let variances = self.variances();
        let nodes = |rounds: u32| variances.iter().enumerate().filter(move |(level, _)| rounds >> level & 1 == 1);
        (1..=self.leaves.get()).map(|rounds| nodes(rounds).map(|(_, variance)| variance).sum()).collect()
    }
}

impl TryFrom<RawTree> for Tree {
    type Error = CorrelationError;

    fn try_from(raw: RawTree) -> Result<Self, CorrelationError> {
        Self::new(raw.leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Combining all of a subtree's nodes at best: `1 / v_h = 1 + 1 / (2 v_(h-1))`, that is `v_h = 2^h / (2^(h+1) - 1)`.
    #[test]
    fn estimates_have_the_variance_of_the_best_combination_from_below() {
        let tree = Tree::new(1 << 12).unwrap();
        for (level, variance) in tree.variances().into_iter().enumerate() {
            let best = 2_f64.powi(level as i32) / (2_f64.powi(level as i32 + 1) - 1.0);
            assert!((variance / best - 1.0).abs() < 1e-8, "level {level}: {variance}, at best {best}");
            assert!(variance >= best * (1.0 - 1e-15));
        }
        assert_eq!(tree.shares()[..3], [65_536, 43_691, 37_449], "1, 2/3, 4/7");
    }

    #[test]
    fn a_prefix_is_as_noisy_as_the_nodes_it_consists_of() {
        let variances = Tree::new(6).unwrap().prefix_variances();
        let (leaf, pair, four) = (1.0, 2.0 / 3.0, 4.0 / 7.0);
        let expected = [leaf, pair, pair + leaf, four, four + leaf, four + pair];
        assert!(variances.iter().zip(expected).all(|(found, due)| (found - due).abs() < 1e-8), "{variances:?}");
    }

    #[test]
    fn a_tree_has_a_leaf_and_not_too_many() {
        assert!(Tree::new(0).is_err() && Tree::new(LEAVES_LIMIT + 1).is_err() && Tree::new(LEAVES_LIMIT).is_ok());
        assert_eq!([1, 2, 3, 4, 7, 8].map(|leaves| Tree::new(leaves).unwrap().levels()), [1, 2, 2, 3, 3, 4]);
        assert!(serde_json::from_str::<Tree>(r#"{"leaves":0}"#).is_err());
    }
}
