//! The noise of a tree's estimates, in exact integers.

use super::source::Source;
use crate::correlated::{
    Tree,
    dyadic::{FRACTION_BITS, ONE, rounded},
};
use crate::noise::RoundedGaussian;

/// The estimates of which the sum of all rounds so far consists, without the sums themselves: their noise.
pub(super) struct State {
    /// By level, the share of a node's own noise in its estimate, in units of `2^-16`.
    shares: Vec<u32>,
    /// Of a node, in steps.
    fresh: RoundedGaussian,
    /// Level and noise `W_v` (in units of `2^-16`) of the largest complete nodes, the first rounds first.
    complete: Vec<(u8, Vec<i64>)>,
    /// The noise of the sum so far, in steps.
    prefix: Vec<i64>,
}

impl State {
    pub(super) fn new(tree: Tree, fresh: RoundedGaussian, dimension: usize) -> Self {
        Self { shares: tree.shares(), fresh, complete: Vec::new(), prefix: vec![0; dimension] }
    }

    /// The noise of the sum up to `place`, less that of the sum before.
    pub(super) fn next(&mut self, source: &Source, place: u32) -> Vec<i64> {
        let mut noise: Vec<i64> = source.draw(place, 0, &self.fresh);
        noise.iter_mut().for_each(|own| *own <<= FRACTION_BITS);
        let mut level = 0_u8;
        while let Some((_, left)) = self.complete.pop_if(|(below, _)| *below == level) {
            level += 1;
            let share = i128::from(self.shares[usize::from(level)]);
            let node = source.draw(place, level, &self.fresh);
            for ((right, left), own) in noise.iter_mut().zip(left).zip(node) {
                let children = (i128::from(ONE) - share) * (i128::from(left) + i128::from(*right));
                *right = rounded(share * (i128::from(own) << FRACTION_BITS) + children);
            }
        }
        self.complete.push((level, noise));
        let sum_at = |index: usize| self.complete.iter().map(|(_, noise)| i128::from(noise[index])).sum();
        let prefix: Vec<i64> = (0..self.prefix.len()).map(|index| rounded(sum_at(index))).collect();
        let step = prefix.iter().zip(&self.prefix).map(|(now, before)| now - before).collect();
        self.prefix = prefix;
        step
    }
}
