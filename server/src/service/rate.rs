//! How often a device may ask.

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use murmur_round::device_id::DeviceId;

use super::RequestError;
use crate::limits::Limits;

/// Devices beyond which those that have not asked lately are forgotten.
const MANY: usize = 100_000;

type PerDevice = RateLimiter<
    DeviceId,
    HashMapStateStore<DeviceId>,
    MonotonicClock,
    NoOpMiddleware<<MonotonicClock as Clock>::Instant>,
>;

/// A bucket for every device that has shown a certificate. Without certificates there is no identity whose bucket it could
/// be, and whoever took a name could empty it.
pub(super) struct Rate {
    buckets: PerDevice,
    clock: MonotonicClock,
}

impl Rate {
    pub(super) fn new(limits: &Limits) -> Self {
        let quota = Quota::per_second(limits.calls_per_second).allow_burst(limits.calls_at_once);
        let clock = MonotonicClock;
        Self { buckets: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()), clock }
    }

    /// Counts a call of this device.
    pub(super) fn admit(&self, device: &DeviceId) -> Result<(), RequestError> {
        if self.buckets.len() > MANY {
            self.buckets.retain_recent();
        }
        self.buckets
            .check_key(device)
            .map_err(|full| RequestError::TooOften { after: full.wait_time_from(self.clock.now()) })
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use super::*;

    #[test]
    fn whoever_asks_too_often_is_told_for_how_long_to_wait_and_nobody_else_is() {
        let two = NonZeroU32::new(2).unwrap();
        let rate = Rate::new(&Limits { calls_per_second: NonZeroU32::MIN, calls_at_once: two, ..Limits::default() });
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert!(rate.admit(&a).is_ok() && rate.admit(&a).is_ok());
        let Err(RequestError::TooOften { after }) = rate.admit(&a) else { panic!("a third call at once") };
        assert!(after > Duration::ZERO && after <= Duration::from_secs(1), "{after:?}");
        assert!(rate.admit(&b).is_ok());
    }
}
