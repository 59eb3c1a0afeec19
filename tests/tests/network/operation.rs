//! What happens to the network and to the server's process, as data.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{medium::Fuse, task::DEVICES};

/// A step of simulated time, in milliseconds.
pub(crate) const STEP: u32 = 5;

/// One thing that happens, at once; time passes only in [`Wait`](Self::Wait).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    /// So many milliseconds pass.
    Wait(u32),
    /// Nothing gets through between this device and the server.
    Partition(usize),
    /// Nothing of what the server says reaches this device; the server hears it.
    EatReplies(usize),
    /// The server hears nothing of this device, which hears the server.
    EatRequests(usize),
    /// Everything between the two is under way until it is released.
    Hold(usize),
    /// The device's way to the server is as it was at first; what was held arrives.
    Heal(usize),
    /// The server's process ends wherever it is, and another one begins after so many milliseconds.
    Crash(u32),
    /// The server's process ends at a durable step, and another one begins.
    DieAt(Fuse),
}

/// The operations of a seed.
pub(crate) fn of_seed(seed: u64) -> Vec<Operation> {
    let mut rng = StdRng::seed_from_u64(seed);
    let count = rng.random_range(4..40);
    let mut operations = Vec::new();
    for _ in 0..count {
        let device = rng.random_range(0..DEVICES);
        operations.push(match rng.random_range(0..10) {
            0 => Operation::Partition(device),
            1 | 2 => Operation::EatReplies(device),
            3 => Operation::EatRequests(device),
            4 => Operation::Hold(device),
            5 | 6 => Operation::Heal(device),
            7 => Operation::Crash(rng.random_range(10..3_000)),
            _ => Operation::DieAt(Fuse { steps: rng.random_range(0..8), takes_hold: rng.random() }),
        });
        // Most waits are as long as a call, some as long as a round.
        let longest = if rng.random_range(0..4) == 0 { 1_200 } else { 80 };
        // Whole steps: one wait or two of half its length are the same.
        operations.push(Operation::Wait(STEP * rng.random_range(2..longest)));
    }
    operations
}
