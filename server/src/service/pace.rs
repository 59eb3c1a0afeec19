//! Pace steering: when devices without work come back, so that they neither all come at once nor more often than is of use.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use murmur_round::time::Millis;

/// Check-ins a second that the server aims at, when all of them are sent away.
const AIM: f64 = 500.0;
/// How quickly the measured rate follows the true one.
const MEMORY: Duration = Duration::from_secs(5);
/// Nobody is sent away for longer.
const LONGEST: f64 = 600_000.0;
/// Longer pauses than this are spread, so that devices which came together do not come back together.
const SPREAD_FROM: f64 = 1_000.0;

/// What is known of the rate at which devices are sent away: of all of them together, never of one.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Measured>>);

#[derive(Clone, Copy, Debug)]
struct Measured {
    at: Instant,
    /// Check-ins, those of long ago counting less.
    weight: f64,
    /// Goes round and round, so that pauses are spread evenly.
    phase: f64,
}

impl Pace {
    /// When a device that would be sent away for `wait` is to come back: as many times later as too many come, and a little more or less.
    pub(super) fn spread(&self, now: Instant, wait: Millis) -> Millis {
        let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = measured.unwrap_or(Measured { at: now, weight: 0.0, phase: 0.0 });
        let passed = now.saturating_duration_since(last.at).as_secs_f64();
        let weight = last.weight * (-passed / MEMORY.as_secs_f64()).exp() + 1.0;
        // The golden ratio: any few in a row lie far apart.
        let phase = (last.phase + 0.618_033_988_749_895).fract();
        *measured = Some(Measured { at: now.max(last.at), weight, phase });
        drop(measured);
        let rate = weight / MEMORY.as_secs_f64();
        let stretched = (wait.0 as f64 * (rate / AIM).max(1.0)).min(LONGEST);
        if stretched < SPREAD_FROM {
            return Millis(stretched as u64);
        }
        Millis((stretched * (0.75 + 0.5 * phase)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses of devices that come so many times a second, for a minute.
    fn pauses(each_second: u32, wait: u64) -> Vec<u64> {
        let (pace, start) = (Pace::default(), Instant::now());
        let every = Duration::from_secs(1) / each_second;
        (0..60 * each_second).map(|count| pace.spread(start + every * count, Millis(wait)).0).collect()
    }

    fn mean(pauses: &[u64]) -> f64 {
        pauses.iter().sum::<u64>() as f64 / pauses.len() as f64
    }

    #[test]
    fn few_devices_come_back_when_they_would_and_not_together() {
        let pauses = pauses(50, 4_000);
        assert!((mean(&pauses) - 4_000.0).abs() < 50.0, "{}", mean(&pauses));
        assert!(pauses.iter().all(|pause| (3_000..=5_000).contains(pause)));
        let near = pauses.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < 200).count();
        assert_eq!(near, 0, "neighbours are far apart");
        assert!(self::pauses(50, 200).iter().all(|pause| *pause == 200), "a moment stays a moment");
    }

    #[test]
    fn too_many_devices_are_sent_further_away() {
        let pauses = pauses(5_000, 2_000);
        let settled = &pauses[pauses.len() / 2..];
        assert!((mean(settled) / 20_000.0 - 1.0).abs() < 0.05, "ten times too many: {}", mean(settled));
        assert!(self::pauses(5_000, 600_000).iter().all(|pause| *pause <= 750_000), "never for longer than that");
    }
}
