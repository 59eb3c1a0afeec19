//! A folder with a tiny scenario, and the program run in it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Twelve writers of four digits each.
pub(crate) const SCENARIO: &str = r#"
task = "task.toml"
seed = 7
[population]
devices = 12
samples_per_device = 4
source = { kind = "strokes" }
[evaluation]
every = 1
examples = 20
"#;

/// Three rounds of softmax regression.
pub(crate) const TASK: &str = r#"
name = "tiny"
population = "writers"
rounds = 3
model = { kind = "linear", input = [1, 28, 28], classes = 10 }
plan = { epochs = 1, batch_size = 4, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 0.5, window_seconds = 10, minimum_reports = 3 }
privacy = { clip = 0.5, mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate" }
server = { optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }
"#;

/// `text` with the line of `key` replaced by `line`; an empty line removes it.
pub(crate) fn with(text: &str, key: &str, line: &str) -> String {
    let start = text.find(&format!("\n{key} = ")).unwrap_or_else(|| panic!("no key {key}")) + 1;
    let end = start + text[start..].find('\n').unwrap();
    text[..start].to_owned() + line + &text[end..]
}

/// A folder of its own, in which the program runs.
pub(crate) struct World(TempDir);

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// With `scenario.toml` and `task.toml`.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.write("scenario.toml", SCENARIO).write("task.toml", TASK);
        world
    }

    pub(crate) fn empty() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A column of a table, line by line; `None` where it is empty.
    pub(crate) fn column(&self, file: &str, name: &str) -> Vec<Option<f64>> {
        let text = self.read(file);
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let place = lines.next().unwrap().iter().position(|head| *head == name).unwrap_or_else(|| panic!("no {name}"));
        lines
            .map(|line| Some(line[place]).filter(|field| !field.is_empty()).map(|field| field.parse().unwrap()))
            .collect()
    }

    /// Names of what lies in a folder, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    /// The program in this folder, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_murmur-sim"));
        command.current_dir(self.0.path()).args(arguments).env_remove("RUST_LOG");
        command
    }

    pub(crate) fn sim(&self, arguments: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Runs the scenario with more arguments; its one JSON object.
    pub(crate) fn summary(&self, more: &[&str]) -> Value {
        let ended = self.sim(&[&["run", "scenario.toml", "--json"], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.object()
    }

    /// Expects an error of exit code 2 whose text names every part of `named`, once each.
    pub(crate) fn fails(&self, arguments: &[&str], named: &[&str]) {
        let ended = self.sim(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
        for part in named {
            assert_eq!(ended.stderr.matches(part).count(), 1, "{arguments:?}: {part:?} in {}", ended.stderr);
        }
        ended.says_nothing_twice();
    }
}

impl Ended {
    /// The one JSON object on stdout.
    pub(crate) fn object(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        let value: Value = serde_json::from_str(&self.stdout).unwrap();
        assert!(value.is_object(), "{value}");
        value
    }

    /// No part of the error comes up again in it.
    pub(crate) fn says_nothing_twice(&self) {
        let parts: Vec<&str> =
            self.stderr.lines().flat_map(|line| line.split(": ")).filter(|part| part.len() > 8).collect();
        for (index, part) in parts.iter().enumerate() {
            assert!(!parts[..index].contains(part), "{part:?} comes up twice in {}", self.stderr);
        }
    }
}
