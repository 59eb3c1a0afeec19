//! How long virtual devices take, and when they are there: functions of the seed, the device and the round or hour, so that nothing
//! depends on what was asked before.

use murmur_round::time::{Millis, Time};
use sha2::{Digest, Sha256};

use crate::scenario::{FleetSpec, Spread};

const HOUR: u64 = 3_600_000;

/// The `[fleet]` of a scenario at work.
pub(super) struct Pace {
    spec: FleetSpec,
    seed: u64,
}

/// What a device has to do in a round.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// Examples, as often as it visits them.
    pub(super) examples: u64,
    pub(super) download_bytes: u64,
    pub(super) upload_bytes: u64,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trip {
    /// The answer arrives after so long.
    Arrives(Millis),
    /// Nothing arrives; the device is back after so long.
    Lost(Millis),
}

impl Pace {
    pub(super) fn new(spec: FleetSpec, seed: u64) -> Self {
        Self { spec, seed }
    }

    /// When a device first checks in: some time in the first `window`.
    pub(super) fn first(&self, device: u64, window: Millis) -> Time {
        Time((self.chance(b"first", device, 0)[0] * window.0 as f64) as u64)
    }

    /// When to ask again for a device that is not there now.
    pub(super) fn away_until(&self, device: u64, now: Time) -> Option<Time> {
        let hours = self.spec.available_by_hour?;
        let zone = self.chance(b"zone", device, 0)[0] * f64::from(self.spec.time_zones) * HOUR as f64;
        let local = now.0 + zone as u64;
        let (hour, [coin, rest, ..]) = (local / HOUR, self.chance(b"hour", device, local / HOUR));
        if coin < hours[(hour % 24) as usize] {
            return None;
        }
        // Some time in the next hour, where the coin is tossed again.
        let left = HOUR - local % HOUR;
        Some(Time(now.0 + left + (rest * (HOUR - 1) as f64) as u64))
    }

    /// A device's way through a round.
    pub(super) fn trip(&self, device: u64, round: u32, load: Load) -> Trip {
        let of = |spread: Spread, label: &[u8]| draw(spread, self.chance(label, device, 0));
        let mut seconds = load.download_bytes as f64 / of(self.spec.download_bytes_per_second, b"download")
            + load.examples as f64 / of(self.spec.examples_per_second, b"training")
            + load.upload_bytes as f64 / of(self.spec.upload_bytes_per_second, b"upload");
        let [lost, slow, ..] = self.chance(b"round", device, u64::from(round));
        if let Some(stragglers) = self.spec.stragglers.filter(|stragglers| slow < stragglers.share) {
            seconds *= draw(stragglers.slowdown, self.chance(b"slowdown", device, u64::from(round)));
        }
        // A float that is too large becomes the largest integer: the device does not come back.
        let length = Millis((seconds * 1e3).ceil() as u64);
        if lost < self.spec.drop_out { Trip::Lost(length) } else { Trip::Arrives(length) }
    }

    /// Four numbers, uniform in (0, 1).
    fn chance(&self, label: &[u8], device: u64, moment: u64) -> [f64; 4] {
        let mut hasher = Sha256::new();
        hasher.update(b"murmur fleet v1");
        [self.seed, device, moment].iter().for_each(|number| hasher.update(number.to_le_bytes()));
        hasher.update(label);
        let digest: [u8; 32] = hasher.finalize().into();
        let (words, _) = digest.as_chunks::<8>();
        std::array::from_fn(|place| {
            let word = words.get(place).map_or(0, |word| u64::from_le_bytes(*word));
            ((word >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        })
    }
}

fn draw(spread: Spread, [one, two, ..]: [f64; 4]) -> f64 {
    match spread {
        Spread::Constant { value } => value,
        Spread::Uniform { low, high } => low + one * (high - low),
        // Box and Muller.
        Spread::LogNormal { median, sigma } => {
            median * (sigma * (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()).exp()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(change: impl FnOnce(&mut FleetSpec)) -> Pace {
        let rate = |value| Spread::Constant { value };
        let mut spec = FleetSpec {
            examples_per_second: rate(10.0),
            download_bytes_per_second: rate(1_000.0),
            upload_bytes_per_second: rate(500.0),
            drop_out: 0.0,
            stragglers: None,
            available_by_hour: None,
            time_zones: 0,
        };
        change(&mut spec);
        Pace::new(spec, 3)
    }

    const LOAD: Load = Load { examples: 20, download_bytes: 3_000, upload_bytes: 1_000 };

    #[test]
    fn a_trip_is_the_sum_of_its_parts() {
        assert_eq!(pace(|_| {}).trip(1, 1, LOAD), Trip::Arrives(Millis(7_000)));
    }

    #[test]
    fn devices_get_lost_straggle_and_differ_as_often_and_as_much_as_they_should() {
        let lossy = pace(|spec| {
            spec.drop_out = 0.25;
            spec.examples_per_second = Spread::LogNormal { median: 10.0, sigma: 1.0 };
        });
        let trips: Vec<Trip> = (0..4_000).map(|device| lossy.trip(device, 2, LOAD)).collect();
        let lost = trips.iter().filter(|trip| matches!(trip, Trip::Lost(_))).count();
        // Six standard deviations of a binomial.
        assert!((lost as f64 - 1_000.0).abs() < 6.0 * 750_f64.sqrt(), "{lost}");
        let quick = trips.iter().filter(|trip| matches!(trip, Trip::Arrives(t) | Trip::Lost(t) if t.0 < 7_000)).count();
        assert!((quick as f64 - 2_000.0).abs() < 6.0 * 1_000_f64.sqrt(), "half are below the median: {quick}");
        let slow = pace(|spec| {
            let slowdown = Spread::Uniform { low: 2.0, high: 3.0 };
            spec.stragglers = Some(crate::scenario::Stragglers { share: 0.5, slowdown });
        });
        let slow: Vec<Trip> = (0..4_000).map(|round| slow.trip(7, round, LOAD)).collect();
        let (usual, rest): (Vec<_>, Vec<_>) = slow.iter().partition(|trip| **trip == Trip::Arrives(Millis(7_000)));
        assert!((usual.len() as f64 - 2_000.0).abs() < 6.0 * 1_000_f64.sqrt(), "{}", usual.len());
        assert!(rest.iter().all(|trip| matches!(trip, Trip::Arrives(t) if (14_000..=21_000).contains(&t.0))));
    }

    #[test]
    fn nobody_is_there_in_an_hour_of_probability_zero_and_everybody_in_one_of_one() {
        let night =
            pace(|spec| spec.available_by_hour = Some(std::array::from_fn(|hour| f64::from(u8::from(hour < 6)))));
        for device in 0..100 {
            assert_eq!(night.away_until(device, Time(5 * HOUR)), None);
            assert_eq!(night.away_until(device, Time(24 * HOUR)), None, "the next day");
            let later = night.away_until(device, Time(6 * HOUR + 5)).unwrap();
            assert!((7 * HOUR..8 * HOUR).contains(&later.0), "{later:?}");
        }
        let zones = pace(|spec| {
            spec.available_by_hour = Some(std::array::from_fn(|hour| f64::from(u8::from(hour < 12))));
            spec.time_zones = 24;
        });
        let there = (0..4_000).filter(|device| zones.away_until(*device, Time(0)).is_none()).count();
        assert!((there as f64 - 2_000.0).abs() < 6.0 * 1_000_f64.sqrt(), "{there}");
    }
}
