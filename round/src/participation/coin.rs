//! The secret coin: a pseudo-random function of the round's secret and the device's id.

use chacha20::ChaCha20Rng;
use hmac::{Hmac, KeyInit, Mac};
use murmur_privacy::{noise::Secret, units::SamplingRate};
use rand::SeedableRng;
use sha2::Sha256;

use crate::device_id::DeviceId;

/// HMAC-SHA-256 under the secret of one round, or of one block of rounds. The same device gets the same value however often it asks.
pub(super) struct Coin(Hmac<Sha256>);

impl Coin {
    pub(super) fn new(secret: &Secret) -> Self {
        // PANIC: HMAC takes keys of any length (RFC 2104).
        Self(Hmac::new_from_slice(secret.expose()).expect("HMAC accepts a 32-byte key"))
    }

    fn digest(&self, device: &DeviceId) -> [u8; 32] {
        let mut keyed = self.0.clone();
        keyed.update(device.as_str().as_bytes());
        keyed.finalize().into_bytes().into()
    }

    /// The first 64 bits of the function's value for this device.
    pub(super) fn value(&self, device: &DeviceId) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.digest(device);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// As many bits as anybody needs, keyed by the function's value for this device.
    pub(super) fn stream(&self, device: &DeviceId) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(self.digest(device))
    }

    /// Whether the device is included. The probability is `floor(rate 2^64) / 2^64`: never above the rate.
    pub(super) fn includes(&self, device: &DeviceId, rate: SamplingRate) -> bool {
        // 2^64 scales an f64 exactly; the cast takes the floor.
        let threshold = (rate.get() * 18_446_744_073_709_551_616.0) as u128;
        u128::from(self.value(device)) < threshold
    }
}
