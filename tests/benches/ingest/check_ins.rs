//! Check-ins at three times the rate of a million an hour.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::house::House;

const RATE: f64 = 833.0;
const SECONDS: f64 = 10.0;
const DEVICES: usize = 200;

pub(crate) async fn measure() {
    let house = House::new(DEVICES);
    let serving = house.serve_murmur().await;
    let devices: Vec<_> = house.devices(serving.port).into_iter().map(|device| Arc::new(Mutex::new(device))).collect();
    for device in &devices {
        device.lock().await.check_in().await.unwrap();
    }
    let database = house.folder.path().join("murmur.sqlite-wal");
    let written = || fs::metadata(&database).map_or(0, |log| log.len());
    let before = written();
    let start = Instant::now();
    let count = (RATE * SECONDS) as usize;
    let mut asked = Vec::with_capacity(count);
    for number in 0..count {
        // Every one at its time, whether those before it were answered or not.
        tokio::time::sleep_until((start + Duration::from_secs_f64(number as f64 / RATE)).into()).await;
        let device = devices[number % DEVICES].clone();
        asked.push(tokio::spawn(async move { device.lock().await.timed_check_in().await }));
    }
    let mut took = Vec::with_capacity(count);
    for asked in asked {
        took.push(asked.await.unwrap());
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |part: f64| took[((count - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "check-ins: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {} bytes written to the database's log",
        at(0.5),
        at(0.99),
        written() - before
    );
    serving.stop().await;
}
