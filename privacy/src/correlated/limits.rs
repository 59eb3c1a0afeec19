//! How often, and how soon again, one device takes part in a block of rounds.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What the coordinator enforces for every device, and what a correlated mechanism is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most rounds of one block in which a device takes part.
    pub participations: NonZeroU32,
    /// Least distance between two of them: 1 lets a device take part in neighbouring rounds.
    pub separation: NonZeroU32,
}
