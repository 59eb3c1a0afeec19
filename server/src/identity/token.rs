//! Enrolment tokens: random, handed out once, and kept by their SHA-256 alone.

use std::fmt;

use murmur_privacy::Digest;

use super::IdentityError;

/// What every token begins with, so that it is told from a device's name and found where it should not lie.
const PREFIX: &str = "enrol-";

/// A token before it is handed out. Nothing but [`Display`](fmt::Display) shows it.
pub struct Token(String);

impl Token {
    /// A new token of 128 random bits.
    ///
    /// # Errors
    /// [`IdentityError::Entropy`].
    pub fn generate() -> Result<Self, IdentityError> {
        Ok(Self(format!("{PREFIX}{}", hex::encode(random::<16>()?))))
    }

    /// SHA-256 of what was handed out: all that is kept of it. So many random bits need no salt.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Self::hash_of(&self.0)
    }

    /// SHA-256 of what somebody shows as a token.
    #[must_use]
    pub fn hash_of(shown: &str) -> Digest {
        Digest::of(shown.as_bytes())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Random bytes of the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(IdentityError::Entropy)?;
    Ok(bytes)
}
