//! Many slow uploads at once, and what the server's process takes for them at most.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use murmur_privacy::NoiseRng;
use murmur_proto::{chunk, transfer::Announced, v1::write_upload_request::Part};
use murmur_round::task::{Schedule, Task};
use murmur_server::{
    Door, Server, call_roll,
    identity::{Files, Registrar},
    store::{MemoryStore, SqliteRegistry},
};
use tokio::net::TcpListener;
use tokio_stream::StreamExt;

use crate::house::{House, TASK};

/// How long all of them go on.
const SECONDS: u64 = 45;

fn uploads() -> usize {
    std::env::var("MURMUR_SLOW_UPLOADS").map_or(2_000, |number| number.parse().unwrap())
}

/// The server's side: it says its port and serves until its input ends.
pub(crate) fn serve(folder: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = Path::new(folder);
        let registry = Arc::new(SqliteRegistry::open(folder).unwrap());
        let task = Task::from_toml(TASK).unwrap();
        let mut store = MemoryStore::default();
        let devices = call_roll(&mut store, &*registry, &task).unwrap();
        let schedule = Schedule::new(task, devices.len() as u64).unwrap();
        let entropy = NoiseRng::from_operating_system().unwrap();
        let server = Server::open(schedule, devices, None, store, entropy).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        let registrar = Registrar::open(folder, registry, Duration::from_secs(3600)).unwrap();
        let identity = Files::of(folder).device_listener_identity().unwrap();
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let stop = async {
            let _ = ended.await;
        };
        server.serve(Door::certified(listener, identity, registrar), Duration::ZERO, stop).await.unwrap();
    });
}

fn start(folder: &Path) -> (Child, u16) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().parse().unwrap())
}

/// The most that the process ever had resident, in MiB, as Linux says.
fn peak(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

pub(crate) async fn measure() {
    let count = uploads();
    let house = House::new(count);
    let (mut child, port) = start(house.folder.path());
    let (admitted, waiting) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let slow = house.devices(port).into_iter().map(|mut device| {
        let (admitted, waiting) = (admitted.clone(), waiting.clone());
        tokio::spawn(async move {
            let length = device.prepare(true).await;
            let update = Bytes::from(vec![0; length]);
            loop {
                match device.announce().await {
                    Ok(Announced::Expected { upload_token, .. }) => {
                        admitted.fetch_add(1, Ordering::Relaxed);
                        // All but the last piece at once, and then one byte a second, as it were: nothing.
                        let parts: Vec<_> = chunk::cut(update.clone()).map(Part::Chunk).collect();
                        let parts = [vec![Part::UploadToken(upload_token)], parts[..parts.len() - 1].to_vec()].concat();
                        let stream = tokio_stream::iter(parts).chain(tokio_stream::pending());
                        let _ = device.write(stream).await;
                    }
                    Ok(Announced::Answered(_)) => break,
                    Err(_) => {
                        waiting.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        })
    });
    let slow: Vec<_> = slow.collect();
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    let (peak, bound) = (peak(child.id()), 512.0 + 32.0 * 1_000_010.0 / f64::from(1 << 20));
    println!(
        "memory: {count} slow uploads, {} times let in and {} times told to come back: {peak:.0} MiB at most (bound {bound:.0})",
        admitted.load(Ordering::Relaxed),
        waiting.load(Ordering::Relaxed)
    );
    for slow in slow {
        slow.abort();
    }
    drop(child.stdin.take());
    let _ = child.wait();
}
