//! A coordinator in this process: the real service on a real socket.

use std::{future::pending, net::SocketAddr, time::Duration};

use murmur_privacy::{Digest, NoiseRng};
use murmur_round::task::{Schedule, Task};
use murmur_server::{Door, Ending, Server, store::MemoryStore};
use tokio::{net::TcpListener, task::JoinHandle};

/// Three rounds of softmax regression on handwriting; a round waits for every device.
const TASK: &str = r#"
name = "strokes"
population = "writers"
rounds = 3
model = { kind = "linear", input = [1, 28, 28], classes = 10 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
# A device without work asks again after a tenth of the window.
participation = { kind = "poisson", rate = 1.0, window_seconds = 3, minimum_reports = 1 }
privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 4.0, delta = 1e-3, noise_multiplier = "calibrate" }
server = { optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }
"#;

/// The task for so many devices.
pub(crate) fn task(devices: usize) -> Task {
    Task::from_toml(&TASK.replace("minimum_reports = 1 ", &format!("minimum_reports = {devices} "))).unwrap()
}

/// A free port of this machine that nobody listens on.
pub(crate) async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The task, with devices that randomise their own updates.
pub(crate) fn local_task(devices: usize) -> Task {
    let local = r#"noise_multiplier = "calibrate", local = { mechanism = "privunit2", epsilon = 8.0 } }"#;
    let text = TASK.replace(r#"noise_multiplier = "calibrate" }"#, local);
    Task::from_toml(&text.replace("minimum_reports = 1 ", &format!("minimum_reports = {devices} "))).unwrap()
}

/// The task, of which only adapters are trained: it starts from [`pretrained_file`].
pub(crate) fn adapted_task(devices: usize) -> Task {
    let sha256 = Digest::of(&pretrained_file());
    let pretrained = format!(
        "[pretrained]\nfile = \"base.safetensors\"\nsha256 = \"{sha256}\"\nlora = {{ rank = 2, alpha = 4.0 }}\n"
    );
    let text = TASK.replace("minimum_reports = 1 ", &format!("minimum_reports = {devices} "));
    Task::from_toml(&(text + &pretrained)).unwrap()
}

/// The task, with a bias of each device's own.
pub(crate) fn own_task(devices: usize) -> Task {
    let text = TASK.replace("minimum_reports = 1 ", &format!("minimum_reports = {devices} "));
    Task::from_toml(&(text + "personal = { layers = [\"output.bias\"] }\n")).unwrap()
}

/// A safetensors file for the task's model: the length of the head, the head, the values.
pub(crate) fn pretrained_file() -> Vec<u8> {
    let head = r#"{"output.weight":{"dtype":"F32","shape":[10,784],"data_offsets":[0,31360]},"output.bias":{"dtype":"F32","shape":[10],"data_offsets":[31360,31400]}}"#;
    let values = (0..7_850_u16).flat_map(|place| (0.01 * f32::from(place).sin()).to_le_bytes());
    [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &values.collect::<Vec<u8>>()].concat()
}

/// Serves the task to `devices` on `listener`, and goes on long enough that each of them hears of its end.
pub(crate) fn serve(listener: TcpListener, devices: &[&str]) -> JoinHandle<Ending<MemoryStore>> {
    serve_task(listener, devices, task(devices.len()))
}

/// The same with another task.
pub(crate) fn serve_task(listener: TcpListener, devices: &[&str], task: Task) -> JoinHandle<Ending<MemoryStore>> {
    let enrolled: Vec<_> = devices.iter().map(|device| device.parse().unwrap()).collect();
    let schedule = Schedule::new(task, devices.len() as u64).unwrap();
    let entropy = NoiseRng::from_operating_system().unwrap();
    let server = Server::open(schedule, enrolled, None, MemoryStore::default(), entropy).unwrap();
    tokio::spawn(async move {
        server.serve(Door::insecure_loopback(listener).unwrap(), Duration::from_secs(5), pending()).await.unwrap()
    })
}
