//! What comes in: `cargo bench -p murmur-tests --bench ingest`. TLS everywhere, every device on a connection of its own.
//!
//! - ingest: 16 clients at a time stream updates of 1e6 parameters; the same bytes to a bare tonic server that drops them;
//! - check-ins: 833 a second from all devices, which is three times 1e6 an hour;
//! - memory: 2,000 slow uploads at once, at a server of its own process (`MURMUR_SLOW_UPLOADS` for another number).
//!
//! `-- ingest`, `-- check-ins` or `-- memory` runs one of them; `-- murmur` or `-- bare` one side of the first alone, for a profile.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark")]

mod bare;
mod check_ins;
mod device;
mod house;
mod memory;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use device::Device;
use house::House;
use tokio::sync::Mutex;

/// As in the server's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Streams at a time.
const CLIENTS: usize = 16;
/// Updates of each client, each from a device of its own: one device has one update a round.
const UPDATES: usize = 24;
/// Runs of each server, in turns; the middle one counts.
const RUNS: usize = 5;

fn main() {
    if let Some(folder) = std::env::args().skip_while(|argument| argument != "serve").nth(1) {
        return memory::serve(&folder);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
        let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
        if wanted("ingest") {
            ingest().await;
        }
        if parts.iter().any(|part| part == "murmur") {
            println!("ingest: {:.0} MB/s checked and added", middle(RUNS, measure_murmur).await);
        }
        if parts.iter().any(|part| part == "bare") {
            println!("ingest: {:.0} MB/s read and dropped", middle(RUNS, measure_bare).await);
        }
        if wanted("check-ins") {
            check_ins::measure().await;
        }
        if wanted("memory") {
            memory::measure().await;
        }
    });
}

async fn ingest() {
    let (mut murmur, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        murmur.push(measure_murmur().await);
        bare.push(measure_bare().await);
    }
    let (murmur, bare) = (median(murmur), median(bare));
    println!(
        "ingest: {murmur:.0} MB/s checked and added, {bare:.0} MB/s read and dropped: {:.1} % (medians of {RUNS})",
        100.0 * murmur / bare
    );
}

async fn measure_murmur() -> f64 {
    // One more, which does not answer: the round must not close while the others are measured.
    let house = House::new(CLIENTS * UPDATES + 1);
    let serving = house.serve_murmur().await;
    let rate = rate(&house, serving.port, true).await;
    serving.stop().await;
    rate
}

async fn measure_bare() -> f64 {
    let house = House::new(CLIENTS * UPDATES + 1);
    let serving = house.serve_bare().await;
    let rate = rate(&house, serving.port, false).await;
    serving.stop().await;
    rate
}

async fn middle(runs: usize, measure: impl AsyncFn() -> f64) -> f64 {
    let mut rates = Vec::new();
    for _ in 0..runs {
        rates.push(measure().await);
    }
    median(rates)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// MB/s of updates, from the first announcement to the last answer. Connections and assignments are made before.
async fn rate(house: &House, port: u16, announced: bool) -> f64 {
    let mut devices: Vec<Device> = house.devices(port);
    let _absent = devices.pop();
    let mut length = 0;
    for device in &mut devices {
        length = device.prepare(announced).await;
    }
    let update = Bytes::from(vec![0; length]);
    let count = devices.len();
    let queue = Arc::new(Mutex::new(devices));
    let start = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (queue, update) = (queue.clone(), update.clone());
        tokio::spawn(async move {
            loop {
                let Some(device) = queue.lock().await.pop() else { break };
                device.send(update.clone(), announced).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    (count * length) as f64 / 1e6 / start.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
}
