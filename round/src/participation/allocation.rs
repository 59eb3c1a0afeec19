//! Which rounds of a block a device was assigned: a pseudo-random function of the block's secret and the device's id.

use std::collections::BTreeSet;

use chacha20::ChaCha20Rng;
use rand::Rng;

/// `each` different rounds out of `rounds`, every such set being equally likely when `stream` is uniform. All rounds when fewer
/// than `each` are there.
///
/// # Source
/// Floyd's algorithm F2 (Bentley and Floyd 1987, "A sample of brilliance"): one draw for each element of the set.
pub(super) fn assigned_rounds(stream: &mut ChaCha20Rng, rounds: u32, each: u32) -> BTreeSet<u32> {
    let mut chosen = BTreeSet::new();
    for last in rounds.saturating_sub(each)..rounds {
        let drawn = uniform_to(stream, last);
        if !chosen.insert(drawn) {
            chosen.insert(last);
        }
    }
    chosen
}

/// Uniform on `0..=last`, exactly: 64-bit words at or past the largest multiple of `last + 1` are drawn again.
fn uniform_to(stream: &mut ChaCha20Rng, last: u32) -> u32 {
    let choices = u64::from(last) + 1;
    let fair = u64::MAX - u64::MAX % choices;
    loop {
        let word = stream.next_u64();
        if word < fair {
            // The remainder is at most `last`.
            return (word % choices) as u32;
        }
    }
}
