//! `kill -9` at random over a run.

use std::time::{Duration, Instant};

use crate::trial::{Kind, RESUMES, Trial};

fn kills() -> u32 {
    std::env::var("MURMUR_RANDOM_KILLS").map_or(10, |number| number.parse().unwrap())
}

/// Between nothing and a second, from the operating system.
fn moment() -> Duration {
    Duration::from_micros(u64::from(getrandom::u32().unwrap()) % 1_000_000)
}

async fn killed_at_random(kind: Kind, kills: u32) {
    // More than are met between all the kills.
    let trial = Trial::new(kind, if kind == Kind::Counted { 1_000_000 } else { 8_000 });
    let mut slowest = Duration::ZERO;
    for number in 0..kills {
        *trial.fleet.assigned.lock().unwrap() = None;
        let start = Instant::now();
        let mut running = trial.server(None);
        let port = running.port();
        let fleet = trial.fleet.clone();
        let taking_part = tokio::spawn(async move { fleet.take_part(port).await });
        // Every fifth one lives until it has a round, however long that takes.
        let delay = moment();
        while number % 5 == 0 && trial.fleet.assigned.lock().unwrap().is_none() {
            assert!(start.elapsed() < RESUMES, "no round after {:?}", start.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if let Some(assigned) = *trial.fleet.assigned.lock().unwrap() {
            slowest = slowest.max(assigned.duration_since(start));
        }
        tokio::time::sleep(delay).await;
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        assert!(!taking_part.await.unwrap(), "the task is not over");
        trial.audit();
    }
    eprintln!("{kills} kills of {kind:?}: {} rounds opened, the next one within {slowest:?}", trial.rounds_opened());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_at_random_spends_nothing_twice_and_counts_nobody_twice() {
    let kills = kills();
    killed_at_random(Kind::Counted, kills - kills / 2).await;
    killed_at_random(Kind::Noised, kills / 2).await;
}
