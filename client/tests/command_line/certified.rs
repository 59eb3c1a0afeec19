//! A coordinator in this process that knows its devices by their certificates.

use std::{future::pending, path::PathBuf, sync::Arc, time::Duration};

use murmur_privacy::NoiseRng;
use murmur_round::{
    device_id::DeviceId,
    task::{Schedule, Task},
};
use murmur_server::{
    Door, Ending, Server, call_roll,
    identity::{Files, Registrar, Token, init},
    moment::Moment,
    serve_enrolment,
    store::{Admits, MemoryStore, Registry, SqliteRegistry},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{coordinator::task, process::Ended, process::Running, process::program};

/// A data directory with keys and a register, and a folder for states of devices.
pub(crate) struct House {
    folder: TempDir,
    pub(crate) registry: Arc<SqliteRegistry>,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        init(&data, &[], Moment::now()).unwrap();
        Self { registry: Arc::new(SqliteRegistry::create(&data).unwrap()), folder }
    }

    /// A path beside the data directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn token(&self, admits: &Admits) -> String {
        let token = Token::generate().unwrap();
        let expires = Moment::now().after(Duration::from_secs(600));
        self.registry.add_tokens(&[token.hash()], admits, expires).unwrap();
        token.to_string()
    }

    pub(crate) fn new_device(&self) -> String {
        self.token(&Admits::NewDevice("writers".to_owned()))
    }

    /// A door whose certificates hold for so long, and its URL.
    pub(crate) async fn door(&self, validity: Duration) -> (Door, String) {
        let data = self.path("data");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let registrar = Registrar::open(&data, self.registry.clone(), validity).unwrap();
        let identity = Files::of(&data).device_listener_identity().unwrap();
        let door = Door::certified(listener, identity, registrar);
        let url = door.url().unwrap();
        (door, url)
    }

    /// Lets devices enrol; the URL.
    pub(crate) async fn enrolling(&self, validity: Duration) -> (JoinHandle<()>, String) {
        let (door, url) = self.door(validity).await;
        (tokio::spawn(async move { serve_enrolment(door, pending()).await.unwrap() }), url)
    }

    /// Serves the task to everybody who is enrolled.
    pub(crate) fn serve(&self, door: Door) -> JoinHandle<Ending<MemoryStore>> {
        self.serve_task(door, task)
    }

    /// The same with another task, for so many devices.
    pub(crate) fn serve_task(&self, door: Door, task: fn(usize) -> Task) -> JoinHandle<Ending<MemoryStore>> {
        self.serve_from(door, task, MemoryStore::default())
    }

    /// The same from a store with something in it.
    pub(crate) fn serve_from(
        &self,
        door: Door,
        task: fn(usize) -> Task,
        mut store: MemoryStore,
    ) -> JoinHandle<Ending<MemoryStore>> {
        let whole: Vec<DeviceId> = call_roll(&mut store, &*self.registry, &task(1)).unwrap();
        let schedule = Schedule::new(task(whole.len()), whole.len() as u64).unwrap();
        let entropy = NoiseRng::from_operating_system().unwrap();
        let server = Server::open(schedule, whole, None, store, entropy).unwrap();
        tokio::spawn(async move { server.serve(door, Duration::from_secs(5), pending()).await.unwrap() })
    }

    /// `murmur-client enroll`, to its end.
    pub(crate) async fn enroll(&self, url: &str, token: &str, state: &str, more: &[&str]) -> Ended {
        let (ca, state) = (self.text("data/device-ca.pem"), self.text(state));
        let arguments = ["enroll", "--server", url, "--ca", &ca, "--token", token, "--state", &state];
        let running = Running::start(program(&[&arguments[..], more].concat()));
        tokio::task::spawn_blocking(|| running.wait()).await.unwrap()
    }

    /// `murmur-client run` on drawn handwriting.
    pub(crate) fn run(&self, state: &str, more: &[&str]) -> Running {
        let state = self.text(state);
        let arguments = ["run", "--state", &state, "--data", "strokes", "--samples", "12"];
        Running::start(program(&[&arguments[..], more].concat()))
    }
}
