//! Tokens: what this process of the coordinator said, in a form that only it can have made.

use bytes::{BufMut, Bytes, BytesMut};
use hmac::{Hmac, KeyInit, Mac};
use murmur_privacy::Digest;
use murmur_round::{device_id::DeviceId, task::TaskHash};
use sha2::Sha256;
use tokio::time::{Duration, Instant};

use crate::service::RequestError;

/// What a token is for. One kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A device was assigned to a round.
    Assignment = 1,
    /// A device announced an update.
    Upload = 2,
}

/// What a token says. The grid is that of the task, which its hash names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) task: TaskHash,
    pub(super) round: u32,
    pub(super) device: DeviceId,
    /// Which announcement of the update; 0 for an assignment.
    pub(super) generation: u64,
    pub(super) expires: Instant,
}

/// Makes tokens and knows its own. Its key is drawn anew by every process: a round does not outlive one either.
pub(super) struct Signer {
    key: [u8; 32],
    began: Instant,
}

const MAC: usize = 32;
/// Kind, expiry, generation, round, task; the device follows.
const FIXED: usize = 1 + 8 + 8 + 4 + 32;

impl Signer {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key, began: Instant::now() })
    }

    /// A token of these claims; their expiry is kept in whole milliseconds.
    pub(super) fn sign(&self, kind: Kind, claims: &Claims) -> Bytes {
        let lasts = claims.expires.saturating_duration_since(self.began).as_millis();
        let mut said = BytesMut::with_capacity(FIXED + claims.device.as_str().len());
        said.put_u8(kind as u8);
        said.put_u64(u64::try_from(lasts).unwrap_or(u64::MAX));
        said.put_u64(claims.generation);
        said.put_u32(claims.round);
        said.put_slice(claims.task.as_bytes());
        said.put_slice(claims.device.as_str().as_bytes());
        let mut token = BytesMut::with_capacity(MAC + said.len());
        token.put_slice(&self.mac(&said).finalize().into_bytes());
        token.put_slice(&said);
        token.freeze()
    }

    /// What a token of this kind says, if it is one of ours. Whether it has expired is for the caller to ask.
    pub(super) fn open(&self, kind: Kind, token: &[u8]) -> Result<Claims, RequestError> {
        let (mac, said) = token.split_at_checked(MAC).ok_or(RequestError::ForgedToken)?;
        self.mac(said).verify_slice(mac).map_err(|_| RequestError::ForgedToken)?;
        Self::read(kind, said)
            .ok_or(RequestError::ForgedToken)
            .map(|(claims, lasts)| Claims { expires: self.began + lasts, ..claims })
    }

    fn read(kind: Kind, said: &[u8]) -> Option<(Claims, Duration)> {
        let (found, said) = said.split_first()?;
        let (expires, said) = said.split_first_chunk()?;
        let (generation, said) = said.split_first_chunk()?;
        let (round, said) = said.split_first_chunk()?;
        let (task, device) = said.split_first_chunk()?;
        let claims = Claims {
            task: Digest::new(*task),
            round: u32::from_be_bytes(*round),
            device: std::str::from_utf8(device).ok()?.parse().ok()?,
            generation: u64::from_be_bytes(*generation),
            expires: Instant::now(),
        };
        (*found == kind as u8).then_some((claims, Duration::from_millis(u64::from_be_bytes(*expires))))
    }

    fn mac(&self, said: &[u8]) -> Hmac<Sha256> {
        // PANIC: HMAC takes keys of every length.
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of 32 bytes");
        mac.update(b"murmur token v1");
        mac.update(said);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        let expires = Instant::now() + Duration::from_secs(7);
        Claims { task: Digest::new([3; 32]), round: 9, device: "a.b-c".parse().unwrap(), generation: 5, expires }
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let (signer, claims) = (Signer::new().unwrap(), claims());
        let read = signer.open(Kind::Upload, &signer.sign(Kind::Upload, &claims)).unwrap();
        assert!(claims.expires.duration_since(read.expires) < Duration::from_millis(1));
        assert_eq!(read, Claims { expires: read.expires, ..claims });
    }

    #[test]
    fn no_changed_bit_no_other_kind_and_no_other_process_is_believed() {
        let (signer, claims) = (Signer::new().unwrap(), claims());
        let token = signer.sign(Kind::Assignment, &claims);
        for bit in 0..token.len() * 8 {
            let mut forged = token.to_vec();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(signer.open(Kind::Assignment, &forged), Err(RequestError::ForgedToken)), "bit {bit}");
        }
        for length in 0..token.len() {
            assert!(signer.open(Kind::Assignment, &token[..length]).is_err(), "{length} bytes");
        }
        assert!(signer.open(Kind::Upload, &token).is_err());
        assert!(Signer::new().unwrap().open(Kind::Assignment, &token).is_err());
    }
}
