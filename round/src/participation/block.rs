//! The secret of a block of rounds, and how it gets from one process to the next.

use std::fmt;

use murmur_privacy::{Digest, Provenance, correlated::STREAM_VERSION, noise::Secret};
use thiserror::Error;

use crate::task::TaskHash;

/// First bytes of a kept secret; the last one is the version.
const HEAD: &[u8; 8] = b"murmur\x00\x02";
/// Head, task, block, secret, version of what it means as noise, provenance, digest of all before.
const LENGTH: usize = 8 + 32 + 4 + 32 + 1 + 1 + 32;

/// Decides which rounds of one block each device is assigned, or is what the block's correlated noise is derived from.
#[derive(Debug)]
pub(crate) struct BlockSecret {
    pub(crate) block: u32,
    pub(crate) secret: Secret,
    /// Whether the program that drew it would have derived the same noise from it.
    pub(crate) same_noise: bool,
}

/// A block's secret as bytes, to be kept where only the coordinator can read it, for as long as the block lasts.
///
/// It names its task and its block and carries a checksum: a damaged one would be another allocation, or other noise. Whoever reads it
/// knows which devices take part in which rounds, or the noise of all rounds, and against them nothing is gained by either; so it
/// is no part of a ledger, a model or a report, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptSecret(Vec<u8>);

/// Bytes that are not the kept secret of this task.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the kept secret of the task's block is damaged, or another task's")]
pub struct DamagedSecret;

impl KeptSecret {
    /// Bytes as they were kept; they are checked when a coordinator starts with them.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to be kept.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for KeptSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptSecret(..)")
    }
}

impl BlockSecret {
    /// A secret that this process drew.
    pub(crate) fn drawn(block: u32, secret: Secret) -> Self {
        Self { block, secret, same_noise: true }
    }

    pub(crate) fn to_kept(&self, task: &TaskHash) -> KeptSecret {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(HEAD);
        bytes.extend(task.as_bytes());
        bytes.extend(self.block.to_le_bytes());
        bytes.extend(self.secret.expose());
        bytes.extend([STREAM_VERSION, marked(self.secret.provenance())]);
        bytes.extend(Digest::of(&bytes).as_bytes());
        KeptSecret(bytes)
    }

    pub(crate) fn restore(task: &TaskHash, kept: &KeptSecret) -> Result<Self, DamagedSecret> {
        let (whole, digest) = kept.0.split_last_chunk::<32>().ok_or(DamagedSecret)?;
        let (body, [version, mark]) = whole.split_last_chunk::<2>().ok_or(DamagedSecret)?;
        let (body, secret) = body.split_last_chunk::<32>().ok_or(DamagedSecret)?;
        let (body, block) = body.split_last_chunk::<4>().ok_or(DamagedSecret)?;
        let ours = body.strip_prefix(HEAD) == Some(task.as_bytes());
        let provenances = [Provenance::OperatingSystem, Provenance::Simulated];
        let provenance = provenances.into_iter().find(|known| marked(*known) == *mark);
        match provenance {
            Some(provenance) if ours && Digest::of(whole).as_bytes() == digest => Ok(Self {
                block: u32::from_le_bytes(*block),
                secret: Secret::restored(*secret, provenance),
                same_noise: *version == STREAM_VERSION,
            }),
            _ => Err(DamagedSecret),
        }
    }
}

fn marked(provenance: Provenance) -> u8 {
    match provenance {
        Provenance::OperatingSystem => 1,
        Provenance::Simulated => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_secret_comes_back_and_no_changed_byte_passes() {
        let task = Digest::of(b"task");
        let drawn = BlockSecret::drawn(7, Secret::restored([9; 32], Provenance::Simulated));
        let kept = drawn.to_kept(&task);
        let restored = BlockSecret::restore(&task, &KeptSecret::new(kept.expose().to_vec())).unwrap();
        assert_eq!((restored.block, restored.secret.expose()), (7, &[9; 32]));
        assert!(restored.same_noise && restored.secret.provenance() == Provenance::Simulated);
        assert_eq!(BlockSecret::restore(&Digest::of(b"other"), &kept).unwrap_err(), DamagedSecret);
        for place in 0..kept.expose().len() {
            let mut bytes = kept.expose().to_vec();
            bytes[place] ^= 1;
            assert!(BlockSecret::restore(&task, &KeptSecret::new(bytes)).is_err(), "byte {place}");
            assert!(BlockSecret::restore(&task, &KeptSecret::new(kept.expose()[..place].to_vec())).is_err());
        }
        assert!(BlockSecret::restore(&task, &KeptSecret::new([kept.expose(), b"\n"].concat())).is_err());
    }

    #[test]
    fn a_secret_of_another_version_of_the_noise_is_marked() {
        let task = Digest::of(b"task");
        let drawn = BlockSecret::drawn(7, Secret::restored([9; 32], Provenance::OperatingSystem));
        let mut bytes = drawn.to_kept(&task).expose().to_vec();
        let end = bytes.len() - 32;
        bytes[end - 2] ^= 0x80;
        let digest = Digest::of(&bytes[..end]);
        bytes[end..].copy_from_slice(digest.as_bytes());
        assert!(!BlockSecret::restore(&task, &KeptSecret::new(bytes)).unwrap().same_noise);
    }

    #[test]
    fn a_kept_secret_is_not_shown() {
        let kept = BlockSecret::drawn(7, Secret::restored([9; 32], Provenance::OperatingSystem)).to_kept(&Digest::ZERO);
        assert_eq!(format!("{kept:?}"), "KeptSecret(..)");
    }
}
