//! A server that is dropped while it serves leaves nothing running and nothing locked.

use std::time::{Duration, Instant};

use murmur_privacy::NoiseRng;
use murmur_round::task::{Schedule, Task};
use murmur_server::{
    Door, Server,
    store::{SqliteStore, StoreError},
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{process::LONG, tasks::TaskFile, zero_device::ZeroDevice};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_dropped_gives_its_folder_back() {
    let folder = TempDir::new().unwrap();
    let schedule = Schedule::new(Task::from_toml(&TaskFile::default().text()).unwrap(), 1).unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let entropy = NoiseRng::seeded(1);
    let server = Server::open(schedule, vec!["a".parse().unwrap()], None, store, entropy).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving =
        tokio::spawn(server.serve(Door::insecure_loopback(listener).unwrap(), Duration::ZERO, std::future::pending()));
    let device = ZeroDevice::new("a", port);
    assert!(device.work().await.is_some(), "a round is open");
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::InUse { .. })));
    drop(device);
    serving.abort();
    assert!(serving.await.is_err());
    let start = Instant::now();
    while let Err(error) = SqliteStore::open(folder.path()) {
        assert!(start.elapsed() < LONG, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
