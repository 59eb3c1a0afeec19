//! Uniform deviates in (0, 1) whose digits are drawn only when a comparison asks for them.

use rand::Rng;

/// A uniform deviate, known to as many 64-bit digits as were ever needed. Comparisons are exact: ties in all known
/// digits draw more.
#[derive(Clone, Debug)]
pub(super) struct LazyUniform {
    first: u64,
    // Empty but for one deviate in about 2^64, so it never costs an allocation.
    rest: Vec<u64>,
}

impl LazyUniform {
    pub(super) fn draw<R: Rng + ?Sized>(rng: &mut R) -> Self {
        Self { first: rng.next_u64(), rest: Vec::new() }
    }

    /// The first 64 binary digits after the point.
    pub(super) fn first_digit(&self) -> u64 {
        self.first
    }

    /// The 64-bit digit at `index`, drawn now if it was never needed before.
    pub(super) fn digit<R: Rng + ?Sized>(&mut self, index: usize, rng: &mut R) -> u64 {
        if index == 0 {
            return self.first;
        }
        while self.rest.len() < index {
            self.rest.push(rng.next_u64());
        }
        self.rest[index - 1]
    }

    /// Whether `self < other`, exactly. Equality has probability zero.
    #[inline]
    pub(super) fn is_below<R: Rng + ?Sized>(&mut self, other: &mut Self, rng: &mut R) -> bool {
        if self.first != other.first {
            return self.first < other.first;
        }
        let mut index = 1;
        loop {
            let (ours, theirs) = (self.digit(index, rng), other.digit(index, rng));
            if ours != theirs {
                return ours < theirs;
            }
            index += 1;
        }
    }
}
