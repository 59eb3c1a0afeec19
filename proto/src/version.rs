//! Which versions of `murmur.v1` understand each other.

use thiserror::Error;

/// Minor version that this build speaks. It grows with every change that the other side has to know of.
pub const MINOR_VERSION: u32 = 1;

/// The oldest that a coordinator of this build serves: its own and the one before. (Builds before 1, which named none, were never released.)
pub const OLDEST_MINOR_VERSION: u32 = if MINOR_VERSION > 1 { MINOR_VERSION - 1 } else { 1 };

/// A device from before what this coordinator still serves.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "this device speaks version 1.{found} of the protocol, and the coordinator serves 1.{OLDEST_MINOR_VERSION} to 1.{MINOR_VERSION}: update the app"
)]
pub struct TooOld {
    /// Its minor version.
    pub found: u32,
}

/// Whether a coordinator of this build serves a device. A newer one is served: it knows what came before it.
///
/// # Errors
/// [`TooOld`].
pub fn expect_served(found: u32) -> Result<(), TooOld> {
    if found < OLDEST_MINOR_VERSION { Err(TooOld { found }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_versions_and_newer_ones_are_served() {
        assert!((OLDEST_MINOR_VERSION..=MINOR_VERSION + 5).all(|minor| expect_served(minor).is_ok()));
        let error = expect_served(OLDEST_MINOR_VERSION - 1).unwrap_err();
        assert!(error.to_string().contains("update the app"), "{error}");
    }
}
