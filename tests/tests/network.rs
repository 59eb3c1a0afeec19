//! The real server and real devices over a simulated network, in simulated time: replies are eaten, partitions come and go, and
//! the server dies and comes back. Every device contributes its own unit vector, so whoever is counted twice, or not at all, shows.
//!
//! `MURMUR_SEEDS` says how many seeds are tried, 500 without it, and `MURMUR_FIRST_SEED` from which on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is tests")]

#[path = "network/kept.rs"]
mod kept;
#[path = "network/linked.rs"]
mod linked;
#[path = "network/medium.rs"]
mod medium;
#[path = "network/operation.rs"]
mod operation;
#[path = "network/oracle.rs"]
mod oracle;
#[path = "network/stubborn.rs"]
mod stubborn;
#[path = "network/task.rs"]
mod task;
#[path = "network/wire.rs"]
mod wire;
#[path = "network/world.rs"]
mod world;

use std::{
    panic::catch_unwind,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use operation::Operation;
use task::{DEVICES, ROUNDS};
use world::{Story, run};

/// How often a failure is looked for. Updates are checked on threads, which take turns as they please: a seed fixes all but the order of
/// what happens within one step of time.
const RETRIES: usize = 10;

/// As [`run`]; a panic is a failure like any other.
fn tried(seed: u64, operations: &[Operation]) -> Result<Story, String> {
    catch_unwind(|| run(seed, operations)).unwrap_or_else(|_| Err("something panicked; it is said above".to_owned()))
}

/// Leaves out whatever the failure does not need, and joins what is left of the time between.
fn shrunk(seed: u64, mut operations: Vec<Operation>) -> Vec<Operation> {
    let fails = |operations: &[Operation]| (0..RETRIES).any(|_| tried(seed, operations).is_err());
    let mut index = 0;
    while index < operations.len() {
        let mut fewer = operations.clone();
        if let (Operation::Wait(time), Some(Operation::Wait(more))) = (fewer.remove(index), fewer.get_mut(index)) {
            *more += time;
        }
        if fails(&fewer) {
            operations = fewer;
        } else {
            index += 1;
        }
    }
    operations
}

#[test]
fn whatever_the_network_does_every_device_counts_once_or_not_at_all() {
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |number| number.parse().unwrap());
    let (first, seeds) = (number("MURMUR_FIRST_SEED", 0), number("MURMUR_SEEDS", 500));
    let (next, stories) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let threads = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    let operations = operation::of_seed(seed);
                    match tried(seed, &operations) {
                        Ok(story) => stories.lock().unwrap().push(story),
                        Err(what) => {
                            let shrunk = shrunk(seed, operations);
                            panic!("seed {seed}: {what}; it takes {shrunk:?}");
                        }
                    }
                }
            });
        }
    });
    let mut all = Story::default();
    for story in stories.into_inner().unwrap() {
        all = all.and(story);
    }
    println!("{seeds} seeds: {all:?}");
    // Too few seeds may meet with none of it.
    if seeds >= 100 {
        assert!(
            all.lost > 0
                && all.resumed > 0
                && all.processes > seeds
                && all.counted < all.released * DEVICES
                && all.told < all.counted
        );
    }
}

#[test]
fn where_nothing_goes_wrong_everybody_is_in_every_round() {
    let story = run(0, &[]).unwrap();
    assert_eq!((story.released, story.lost, story.processes), (ROUNDS, 0, 1));
    assert_eq!((story.counted, story.told), (ROUNDS * DEVICES, ROUNDS * DEVICES));
}
