//! The secret of a block of rounds, and how it gets from one process to the next.

use std::fmt;

use murmur_privacy::{Digest, noise::Secret};
use thiserror::Error;

use crate::task::TaskHash;

/// First bytes of a kept secret; the last one is the version.
const HEAD: &[u8; 8] = b"murmur\x00\x01";
/// Head, task, block, secret, digest of all before.
const LENGTH: usize = 8 + 32 + 4 + 32 + 32;

/// Decides which rounds of one block each device is assigned.
#[derive(Debug)]
pub(crate) struct BlockSecret {
    pub(crate) block: u32,
    pub(crate) secret: Secret,
}

/// A block's secret as bytes, to be kept where only the coordinator can read it, for as long as the block lasts.
///
/// It names its task and its block and carries a checksum: a damaged one would be another allocation. Whoever reads it knows
/// which devices take part in which rounds, and against them nothing is gained by the allocation; so it is no part of a
/// ledger, a model or a report, and its `Debug` shows nothing.
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
    pub(crate) fn to_kept(&self, task: &TaskHash) -> KeptSecret {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(HEAD);
        bytes.extend(task.as_bytes());
        bytes.extend(self.block.to_le_bytes());
        bytes.extend(self.secret.expose());
        bytes.extend(Digest::of(&bytes).as_bytes());
        KeptSecret(bytes)
    }

    pub(crate) fn restore(task: &TaskHash, kept: &KeptSecret) -> Result<Self, DamagedSecret> {
        let (body, digest) = kept.0.split_last_chunk::<32>().ok_or(DamagedSecret)?;
        let (body, secret) = body.split_last_chunk::<32>().ok_or(DamagedSecret)?;
        let (body, block) = body.split_last_chunk::<4>().ok_or(DamagedSecret)?;
        let restored = Self { block: u32::from_le_bytes(*block), secret: Secret::restored(*secret) };
        let whole = body.strip_prefix(HEAD) == Some(task.as_bytes());
        let intact = Digest::of(&kept.0[..kept.0.len() - digest.len()]).as_bytes() == digest;
        if whole && intact { Ok(restored) } else { Err(DamagedSecret) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_secret_comes_back_and_no_changed_byte_passes() {
        let task = Digest::of(b"task");
        let drawn = BlockSecret { block: 7, secret: Secret::restored([9; 32]) };
        let kept = drawn.to_kept(&task);
        let restored = BlockSecret::restore(&task, &KeptSecret::new(kept.expose().to_vec())).unwrap();
        assert_eq!((restored.block, restored.secret.expose()), (7, &[9; 32]));
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
    fn a_kept_secret_is_not_shown() {
        let kept = BlockSecret { block: 7, secret: Secret::restored([9; 32]) }.to_kept(&Digest::ZERO);
        assert_eq!(format!("{kept:?}"), "KeptSecret(..)");
    }
}
