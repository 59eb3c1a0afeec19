//! The real server as a process.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

/// Long enough for a machine with better things to do.
pub(crate) const LONG: Duration = Duration::from_secs(180);

pub(crate) fn server(folder: &Path, task: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_murmur-server"));
    command.current_dir(folder).args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    command.args(["--task", &format!("{task}.toml"), "--insecure-loopback", "--devices", "devices"]).args(more);
    if !more.contains(&"--linger-seconds") {
        command.args(["--linger-seconds", "1"]);
    }
    command.env_remove("RUST_LOG");
    command
}

/// Any of its commands, run to the end, and what it printed.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_murmur-server"));
    command.current_dir(folder).args(arguments).env_remove("RUST_LOG");
    Running::start(command).wait()
}

/// A running server. Dropping it kills it.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
    seen: String,
}

/// How a server ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, lines, seen: String::new() }
    }

    /// Waits until it listens; the port.
    pub(crate) fn port(&mut self) -> u16 {
        self.port_if_any().unwrap_or_else(|| panic!("it does not listen: {}", self.seen))
    }

    /// Waits until it listens; the port, unless it ends before.
    pub(crate) fn port_if_any(&mut self) -> Option<u16> {
        loop {
            let line = self.lines.recv_timeout(LONG).ok()?;
            self.seen += &(line.clone() + "\n");
            let address = line.split_once("listening on http").and_then(|(_, rest)| rest.split_once("://127.0.0.1:"));
            if let Some((_, port)) = address {
                return Some(port.trim().parse().unwrap());
            }
        }
    }

    /// The first line that it prints.
    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it printed nothing");
        line.trim().to_owned()
    }

    pub(crate) fn wait(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > LONG => panic!("it does not end: {}", self.seen),
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let mut stderr = std::mem::take(&mut self.seen);
        stderr.extend(self.lines.iter().map(|line| line + "\n"));
        Ended { status, stdout, stderr }
    }

    /// What a person's ctrl-c does.
    pub(crate) fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
