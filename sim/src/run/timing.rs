//! How long virtual devices take, and when they are there: the `[fleet]` section of a scenario.

use chacha20::ChaCha8Rng;
use murmur_round::time::{Millis, Time};
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::StandardNormal;

use crate::scenario::{FleetSpec, Spread};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24;

/// What is drawn for a device; each from a stream of its own.
#[derive(Clone, Copy)]
enum Trait {
    Speed,
    Link,
    Clock,
    Presence { hour: u64 },
    DropOut { round: u32 },
}

/// The distributions of a scenario. Every device's traits follow from the scenario's seed and its number, and take no memory.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    spec: FleetSpec,
    seed: u64,
}

/// What a device has to do in a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Examples that it trains on, over all epochs, or looks at to measure candidates.
    pub(super) examples: u64,
    /// Bytes that it gets and sends.
    pub(super) bytes: u64,
}

impl Timing {
    pub(super) fn new(spec: FleetSpec, seed: u64) -> Self {
        Self { spec, seed }
    }

    /// From an assignment to the arrival of the update.
    pub(super) fn duration(&self, device: u64, work: Work) -> Millis {
        let seconds = |amount: f64, rate: Option<f64>| rate.map_or(0.0, |rate| amount / rate);
        let speed = self.spec.examples_per_second.map(|spread| self.drawn(device, Trait::Speed, spread));
        let link = self.spec.megabits_per_second.map(|spread| 1e6 * self.drawn(device, Trait::Link, spread));
        let total = seconds(work.examples as f64, speed) + seconds(8.0 * work.bytes as f64, link);
        // A device that would take longer than a year is never heard of again anyway.
        Millis((1_000.0 * total).ceil().min(3.2e10) as u64)
    }

    /// Whether the device starts and is not heard of again in this round.
    pub(super) fn drops_out(&self, device: u64, round: u32) -> bool {
        self.spec.drop_out.is_some_and(|share| self.uniform(device, Trait::DropOut { round }) < share)
    }

    /// When a device that wants to check in at `wake` is there: then, or in one of its next hours.
    pub(super) fn present(&self, device: u64, wake: Time) -> Time {
        let Some(shares) = &self.spec.available else { return wake };
        // The device's own clock: its day begins when it likes.
        let offset = (self.uniform(device, Trait::Clock) * (DAY * HOUR) as f64) as u64;
        let first = (wake.0 + offset) / HOUR;
        for hour in first..first + 30 * DAY {
            let mut chance = self.stream(device, Trait::Presence { hour });
            if chance.random::<f64>() < shares[(hour % DAY) as usize] {
                // Not all of them at the stroke of the hour.
                let begun = if hour == first { wake.0 } else { hour * HOUR - offset + chance.next_u64() % HOUR };
                return Time(begun.max(wake.0));
            }
        }
        // Never there in a month: it asks again then.
        Time(wake.0 + 30 * DAY * HOUR)
    }

    /// A log-normal number: the logarithm is normal about the median's, with the spread as standard deviation.
    fn drawn(&self, device: u64, which: Trait, Spread { median, spread }: Spread) -> f64 {
        let normal: f64 = self.stream(device, which).sample(StandardNormal);
        median * (spread * normal).exp()
    }

    fn uniform(&self, device: u64, which: Trait) -> f64 {
        self.stream(device, which).random()
    }

    fn stream(&self, device: u64, which: Trait) -> ChaCha8Rng {
        let (kind, number) = match which {
            Trait::Speed => (1, 0),
            Trait::Link => (2, 0),
            Trait::Clock => (3, 0),
            Trait::Presence { hour } => (4, hour),
            Trait::DropOut { round } => (5, u64::from(round)),
        };
        let mut key = [0; 32];
        for (place, word) in key.chunks_exact_mut(8).zip([self.seed, device, kind, number]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(spec: FleetSpec) -> Timing {
        Timing::new(spec, 3)
    }

    #[test]
    fn durations_follow_from_work_and_the_devices_own_speeds() {
        let spread = |median| Some(Spread { median, spread: 0.0 });
        let spec =
            FleetSpec { examples_per_second: spread(50.0), megabits_per_second: spread(8.0), ..FleetSpec::default() };
        let work = Work { examples: 100, bytes: 3_000_000 };
        assert_eq!(timing(spec.clone()).duration(5, work), Millis(2_000 + 3_000));
        let spec = FleetSpec { examples_per_second: Some(Spread { median: 50.0, spread: 1.0 }), ..spec };
        let seconds: Vec<u64> =
            (0..2_001).map(|device| timing(spec.clone()).duration(device, work).0 - 3_000).collect();
        let below = seconds.iter().filter(|taken| **taken < 2_000).count();
        // Half are quicker than the median: 1,000 of 2,001 with a standard deviation of 22.
        assert!((880..1_120).contains(&below), "{below}");
        assert_eq!(timing(FleetSpec::default()).duration(5, work), Millis(0));
    }

    #[test]
    fn devices_are_there_as_often_as_the_hour_says() {
        let mut available = [0.0; 24];
        available[3] = 0.25;
        let timing = timing(FleetSpec { available: Some(available.to_vec()), ..FleetSpec::default() });
        let mut days = 0;
        for device in 0..500 {
            let there = timing.present(device, Time(0));
            let offset = (timing.uniform(device, Trait::Clock) * (DAY * HOUR) as f64) as u64;
            assert_eq!((there.0 + offset) / HOUR % DAY, 3, "device {device}");
            assert!(there >= Time(0));
            // Asked again at that moment, it is still there.
            assert_eq!(timing.present(device, there), there);
            days += there.0 / (DAY * HOUR);
        }
        // A geometric number of days with mean 3, and half a day of clock: 500 of them have a standard deviation of 78 about 1,500.
        assert!((1_200..2_000).contains(&days), "{days}");
    }

    #[test]
    fn as_many_drop_out_as_the_share_says_and_others_in_another_round() {
        let timing = timing(FleetSpec { drop_out: Some(0.1), ..FleetSpec::default() });
        let dropped = |round| (0..5_000).filter(|device| timing.drops_out(*device, round)).collect::<Vec<_>>();
        let (first, second) = (dropped(0), dropped(1));
        // 500 with a standard deviation of 21.
        assert!((390..610).contains(&first.len()), "{}", first.len());
        assert_ne!(first, second);
    }
}
