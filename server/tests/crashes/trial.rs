//! A task, its data directory, and servers that come and go over it.

use std::{fs, path::Path, process::Command, time::Duration};

use murmur_server::store::sqlite::Reader;
use tempfile::TempDir;

use crate::{
    audit::audit,
    fleet::Fleet,
    process::{Running, server},
};

/// What is learnt: each kind meets other points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Without noise: every released model shows who was counted, and how often.
    Counted,
    /// With correlated noise: a secret is kept, and a record of who took part.
    Noised,
}

/// A data directory and who takes part.
pub(crate) struct Trial {
    pub(crate) folder: TempDir,
    pub(crate) kind: Kind,
    pub(crate) fleet: Fleet,
}

impl Kind {
    pub(crate) fn devices(self) -> &'static [&'static str] {
        match self {
            Self::Counted => &["a", "b"],
            Self::Noised => &["a", "b", "c", "d"],
        }
    }

    fn task(self, rounds: u32) -> String {
        let (participation, privacy) = match self {
            Self::Counted => (r#"kind = "poisson", rate = 1.0"#, r#"clip = 1.0, mechanism = "none""#),
            Self::Noised => (
                r#"kind = "check_in", cohort = 2, separation = 2, participations = 4000"#,
                r#"clip = 1.0, mechanism = "banded", bands = 2, epsilon = 1000.0, delta = 1e-3, noise_multiplier = 1.0"#,
            ),
        };
        format!(
            r#"
name = "test"
population = "phones"
rounds = {rounds}
model = {{ kind = "linear", input = [1, 2, 2], classes = 2 }}
plan = {{ epochs = 1, batch_size = 10, learning_rate = 0.1 }}
participation = {{ {participation}, window_seconds = 2, minimum_reports = 2 }}
privacy = {{ {privacy} }}
server = {{ optimizer = "fedavg", learning_rate = 1.0 }}
"#
        )
    }
}

impl Trial {
    pub(crate) fn new(kind: Kind, rounds: u32) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("test.toml"), kind.task(rounds)).unwrap();
        fs::write(folder.path().join("devices"), kind.devices().join("\n")).unwrap();
        Self { folder, kind, fleet: Fleet::new(kind.devices()) }
    }

    /// The server, to die where `failpoints` says.
    pub(crate) fn server(&self, failpoints: Option<&str>) -> Running {
        let mut command: Command = server(self.folder.path(), "test", &["--linger-seconds", "0", "--json"]);
        match failpoints {
            Some(failpoints) => command.env("FAILPOINTS", failpoints),
            None => command.env_remove("FAILPOINTS"),
        };
        Running::start(command)
    }

    /// Everything that must hold of what lies in the data directory, whenever the processes died.
    pub(crate) fn audit(&self) {
        let data = self.folder.path().join("data");
        audit(&data, &entries(&data), self.kind, &self.fleet);
    }

    /// Whether anything was ever spent or opened.
    pub(crate) fn rounds_opened(&self) -> usize {
        use murmur_privacy::ledger::Record;
        let opened = entries(&self.folder.path().join("data"));
        opened.iter().filter(|entry| matches!(entry.record, Record::RoundOpened { .. })).count()
    }
}

fn entries(data: &Path) -> Vec<murmur_privacy::ledger::Entry> {
    // A process that died before its first write has left nothing to read.
    if !data.join("murmur.sqlite").exists() {
        return Vec::new();
    }
    Reader::open(data).unwrap().entries("phones").unwrap()
}

/// How long a coordinator may take from its start to its next round.
pub(crate) const RESUMES: Duration = Duration::from_secs(20);
