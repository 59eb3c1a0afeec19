//! The secret coin: a pseudo-random function of the round's secret and the device's id.

use hmac::{Hmac, KeyInit, Mac};
use murmur_privacy::{noise::Secret, units::SamplingRate};
use sha2::Sha256;

use crate::device_id::DeviceId;

/// HMAC-SHA-256 under one round's secret. The same device gets the same value however often it asks.
pub(super) struct Coin(Hmac<Sha256>);

impl Coin {
    pub(super) fn new(secret: &Secret) -> Self {
        // PANIC: HMAC takes keys of any length (RFC 2104).
        Self(Hmac::new_from_slice(secret.expose()).expect("HMAC accepts a 32-byte key"))
    }

    /// The first 64 bits of the function's value for this device.
    pub(super) fn value(&self, device: &DeviceId) -> u64 {
        let mut keyed = self.0.clone();
        keyed.update(device.as_str().as_bytes());
        let digest: [u8; 32] = keyed.finalize().into_bytes().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_le_bytes(first)
    }

    /// Whether the device is included. The probability is `floor(rate 2^64) / 2^64`: never above the rate.
    pub(super) fn includes(&self, device: &DeviceId, rate: SamplingRate) -> bool {
        // 2^64 scales an f64 exactly; the cast takes the floor.
        let threshold = (rate.get() * 18_446_744_073_709_551_616.0) as u128;
        u128::from(self.value(device)) < threshold
    }
}
