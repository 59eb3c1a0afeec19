//! Where random bits come from, and the mark they leave.

use std::fmt;

use chacha20::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Whether a release is protected by entropy that nobody else has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Keys from the operating system. ChaCha20 makes the claim computational.
    OperatingSystem,
    /// Keys from a published seed: repeatable, for simulation and tests, and no protection at all.
    Simulated,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OperatingSystem => "operating-system",
            Self::Simulated => "simulated",
        })
    }
}

/// The operating system gave no entropy.
#[derive(Debug, Error)]
#[error("the operating system gave no entropy: {0}")]
pub struct EntropyError(getrandom::Error);

/// A secret of 32 bytes. Never printed; written down only by whoever exposes it, to keep it from one process to the next.
pub struct Secret {
    bytes: [u8; 32],
    provenance: Provenance,
}

impl Secret {
    /// A secret that an earlier process drew and kept, with what it was drawn from.
    #[must_use]
    pub fn restored(bytes: [u8; 32], provenance: Provenance) -> Self {
        Self { bytes, provenance }
    }

    /// The bytes, for keying a pseudo-random function or for keeping.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Where it comes from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A source of keys with its provenance. Not `Clone`: the same key twice would be the same noise twice.
pub struct NoiseRng {
    keys: ChaCha20Rng,
    provenance: Provenance,
}

impl NoiseRng {
    /// Keyed once from the operating system.
    ///
    /// # Errors
    /// [`EntropyError`] when the system has none to give.
    pub fn from_operating_system() -> Result<Self, EntropyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(EntropyError)?;
        Ok(Self { keys: ChaCha20Rng::from_seed(seed), provenance: Provenance::OperatingSystem })
    }

    /// Keyed by a published number: marked [`Provenance::Simulated`] in everything made with it.
    #[cfg(feature = "seeded")]
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { keys: ChaCha20Rng::seed_from_u64(seed), provenance: Provenance::Simulated }
    }

    /// The generator of this number as it was when it [stood](Self::position) there.
    #[cfg(feature = "seeded")]
    #[must_use]
    pub fn seeded_at(seed: u64, position: u128) -> Self {
        let mut rng = Self::seeded(seed);
        rng.keys.set_word_pos(position);
        rng
    }

    /// How many words of the key stream were drawn so far. Says nothing about them.
    #[must_use]
    pub fn position(&self) -> u128 {
        self.keys.get_word_pos()
    }

    /// Where the keys come from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// A fresh secret, independent of all others drawn.
    pub fn secret(&mut self) -> Secret {
        let mut key = [0; 32];
        self.keys.fill_bytes(&mut key);
        Secret { bytes: key, provenance: self.provenance }
    }
}

impl fmt::Debug for NoiseRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseRng").field("provenance", &self.provenance).finish_non_exhaustive()
    }
}
