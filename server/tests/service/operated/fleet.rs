//! A data directory with a server on it, and devices that take part in whatever it works on.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use murmur_proto::answer::CheckIn;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::{
    identity::house::{Pass, channel, enrol},
    process::{Ended, LONG, Running, command},
    zero_device::ZeroDevice,
};

/// A data directory, made by `init`.
pub(crate) struct Site {
    folder: TempDir,
    /// The port of the device listener: the same after every restart.
    pub(crate) port: u16,
}

impl Site {
    pub(crate) fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let site = Self { folder: TempDir::new().unwrap(), port };
        site.done(&["init"]);
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.path().join("data/device-ca.pem")
    }

    /// A running server that listens.
    pub(crate) fn serve(&self) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_murmur-server"));
        let listen = format!("127.0.0.1:{}", self.port);
        command.current_dir(self.path()).args(["serve", "--data-dir", "data", "--listen", &listen]);
        let mut running = Running::start(command);
        assert_eq!(running.port(), self.port);
        running
    }

    /// A command on the data directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Ended {
        command(self.path(), &[arguments, &["--data-dir", "data"]].concat())
    }

    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let ended = self.command(arguments);
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Writes a task's file; its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(format!("{name}.toml"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Enrols so many devices of a population.
    pub(crate) async fn enrol(&self, population: &str, count: usize) -> Vec<Pass> {
        let tokens = self.done(&["device", "token", "--population", population, "--count", &count.to_string()]);
        let mut passes = Vec::new();
        for token in tokens.lines() {
            let mut pass = Pass::new();
            let channel = channel(&self.ca(), self.port, None);
            pass.certificate = Some(enrol(&channel, token, pass.request(), None).await.unwrap());
            passes.push(pass);
        }
        passes
    }

    /// Has every device take part, through restarts of the server, until the set is dropped.
    pub(crate) fn take_part(&self, passes: &[Pass]) -> JoinSet<()> {
        let mut devices = JoinSet::new();
        for pass in passes {
            let channel = channel(&self.ca(), self.port, Some(pass.identity()));
            let device = ZeroDevice::over(pass.id().as_str(), channel);
            devices.spawn(async move {
                loop {
                    if let Ok(CheckIn::Assigned(assignment)) = device.check_in().await {
                        // A server that was killed meanwhile assigns anew.
                        let _ = device.answer(&assignment).await;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        devices
    }

    /// The rounds that were charged, as (task, round).
    pub(crate) fn charged(&self) -> Vec<(String, u64)> {
        let ledger = self.json(&["ledger", "show"]);
        let entries = ledger["entries"].as_array().unwrap();
        entries.iter().map(|entry| (text(&entry["task"]), entry["round"].as_u64().unwrap())).collect()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < LONG, "never: {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) fn state(&self, task: &str) -> String {
        text(&self.json(&["task", "show", task])["state"])
    }
}

/// The admin port of the server that runs, as whoever shows this certificate and key.
pub(super) fn admin_channel(site: &Site, identity: Option<(String, String)>) -> Channel {
    let read = |name: &str| fs::read_to_string(site.path().join("data").join(name)).unwrap();
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("admin-ca.pem")));
    if let Some((certificate, key)) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let url = format!("https://{}", read("admin-address").trim());
    Channel::from_shared(url).unwrap().tls_config(tls).unwrap().connect_lazy()
}

/// The operator's certificate and key.
pub(super) fn operator_identity(site: &Site) -> (String, String) {
    let read = |name: &str| fs::read_to_string(site.path().join("data").join(name)).unwrap();
    (read("operator.pem"), read("operator-key.pem"))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Ends a server as an operator does; its exit code.
pub(crate) async fn terminate(running: Running) -> Ended {
    running.interrupt();
    tokio::task::spawn_blocking(|| running.wait()).await.unwrap()
}
