//! Characters as tokens: places in the task's vocabulary, and one for everything else.

use std::collections::HashMap;

/// Which token a code point is.
pub(in crate::models) struct Tokens {
    places: HashMap<u32, u32>,
}

impl Tokens {
    /// A vocabulary without repetitions.
    pub(in crate::models) fn new(vocabulary: &str) -> Self {
        Self { places: (0..).zip(vocabulary.chars()).map(|(place, character)| (u32::from(character), place)).collect() }
    }

    /// The token of everything that the vocabulary does not hold: the last one.
    pub(in crate::models) fn something_else(&self) -> u32 {
        self.places.len() as u32
    }

    pub(in crate::models) fn token(&self, code_point: u32) -> u32 {
        self.places.get(&code_point).copied().unwrap_or(self.something_else())
    }
}
