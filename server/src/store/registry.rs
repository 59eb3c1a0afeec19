//! Who is enrolled, and who may become so: shared among requests, processes and, one day, machines.

use murmur_privacy::Digest;
use murmur_round::device_id::DeviceId;
use thiserror::Error;

use super::StoreError;
use crate::moment::Moment;

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admits {
    /// One new device of this population.
    NewDevice(String),
    /// A device that is enrolled already, under another key.
    Again(DeviceId),
}

/// Somebody with a token wants to be known.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// SHA-256 of the token.
    pub token: Digest,
    /// SHA-256 of the public key whose private half it has.
    pub key: Digest,
    /// Who it must be, if that matters to it.
    pub wanted: Option<&'a DeviceId>,
    /// What a new device is called, in hexadecimal: random, so that nobody has it.
    pub fresh: [u8; 16],
    /// When this is.
    pub now: Moment,
}

/// An identity, as certificates state it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Its name.
    pub device: DeviceId,
    /// Its population, for good.
    pub population: String,
    /// How often it was enrolled, from 1. Certificates of an earlier time do not count any more.
    pub enrolment: u32,
}

/// How an identity stands at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The identity, as its newest certificates state it.
    pub enrolled: Enrolled,
    /// When it was enrolled first.
    pub since: Moment,
    /// When it was revoked, if it was.
    pub revoked: Option<Moment>,
}

/// Everybody who was enrolled and not revoked at one moment. It fixes whom a task is for: whoever comes or goes later
/// changes nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roll {
    /// Devices enrolled before that moment, of all populations.
    pub enrolled: u64,
    /// Devices revoked before that moment, of all populations.
    pub revoked: u64,
}

/// Why somebody did not become known, or nothing was changed about somebody.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// Nobody has this name.
    #[error("no device {device} is enrolled")]
    UnknownDevice {
        /// The name.
        device: DeviceId,
    },
    /// An identity that was revoked stays so.
    #[error("device {device} was revoked; enrol it as a new one")]
    Revoked {
        /// Its name.
        device: DeviceId,
    },
    /// No such token was handed out.
    #[error("no such token was ever handed out here")]
    UnknownToken,
    /// Too late.
    #[error("the token was good until {expired}")]
    TokenExpired {
        /// When its time ended.
        expired: Moment,
    },
    /// Another key was faster.
    #[error("the token was used before, with another key")]
    TokenUsed,
    /// The token is not for whom it was to be.
    #[error("the token is not for device {wanted}")]
    OtherDevice {
        /// Who was to be enrolled again.
        wanted: DeviceId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The register of devices and tokens. Methods may be called from many threads at once; what one of them changed, every
/// later call sees, in whatever process it is made.
///
/// # Contract
/// - a token admits one key, whatever races; that key may ask again until the token expires, and gets the same answer;
/// - an identity has one population for good and is never forgotten; its `enrolment` only goes up;
/// - revoking is for good;
/// - a [`Roll`] names the same devices for ever, and no other.
pub trait Registry: Send + Sync + 'static {
    /// Keeps tokens, all or none, by their SHA-256 alone. They are good until `expires`.
    ///
    /// # Errors
    /// [`RegistryError::UnknownDevice`] or [`Revoked`](RegistryError::Revoked) for one that is to be enrolled again.
    fn add_tokens(&self, tokens: &[Digest], admits: &Admits, expires: Moment) -> Result<(), RegistryError>;

    /// Uses up a token.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing has changed then.
    fn redeem(&self, redemption: &Redemption<'_>) -> Result<Enrolled, RegistryError>;

    /// How a device stands; none when nobody has this name. Asked at every request: cheap, and waits for no writer.
    ///
    /// # Errors
    /// [`StoreError`].
    fn standing(&self, device: &DeviceId) -> Result<Option<Standing>, StoreError>;

    /// Revokes a device; one that was revoked before is fine. When it was revoked first.
    ///
    /// # Errors
    /// [`RegistryError::UnknownDevice`].
    fn revoke(&self, device: &DeviceId, now: Moment) -> Result<Moment, RegistryError>;

    /// Shows everybody who was ever enrolled, of one population or all, in the order of enrolment.
    ///
    /// # Errors
    /// [`StoreError`], or the first error of `see`, which ends it.
    fn list(
        &self,
        population: Option<&str>,
        see: &mut dyn FnMut(Standing) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// The roll as of now.
    ///
    /// # Errors
    /// [`StoreError`].
    fn roll(&self) -> Result<Roll, StoreError>;

    /// The devices of a population on that roll.
    ///
    /// # Errors
    /// [`StoreError`].
    fn members(&self, population: &str, roll: Roll) -> Result<Vec<DeviceId>, StoreError>;
}
