//! Task files for tests.

use std::{fs, path::Path};

/// A model of ten parameters.
pub(crate) const TINY: &str = r#"{ kind = "linear", input = [1, 2, 2], classes = 2 }"#;

/// A task in which every device takes part in every round.
pub(crate) struct TaskFile {
    pub(crate) name: &'static str,
    pub(crate) rounds: u32,
    pub(crate) model: &'static str,
    /// All of `[participation]` but the window and the minimum.
    pub(crate) participation: &'static str,
    pub(crate) window_seconds: u32,
    pub(crate) minimum_reports: u32,
    pub(crate) epsilon: f64,
    pub(crate) noise_multiplier: &'static str,
}

impl Default for TaskFile {
    fn default() -> Self {
        Self {
            name: "test",
            rounds: 2,
            model: TINY,
            participation: r#"kind = "poisson", rate = 1.0"#,
            window_seconds: 600,
            minimum_reports: 1,
            epsilon: 4.0,
            noise_multiplier: "\"calibrate\"",
        }
    }
}

impl TaskFile {
    pub(crate) fn text(&self) -> String {
        let Self { name, rounds, model, participation, epsilon, noise_multiplier, .. } = self;
        let (window_seconds, minimum_reports) = (self.window_seconds, self.minimum_reports);
        format!(
            r#"
name = "{name}"
population = "phones"
rounds = {rounds}
model = {model}
plan = {{ epochs = 1, batch_size = 10, learning_rate = 0.1 }}
participation = {{ {participation}, window_seconds = {window_seconds}, minimum_reports = {minimum_reports} }}
privacy = {{ clip = 1.0, mechanism = "gaussian", epsilon = {epsilon:?}, delta = 1e-3, noise_multiplier = {noise_multiplier} }}
server = {{ optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }}
"#
        )
    }

    /// Writes the task and its devices into a folder, as `NAME.toml` and `devices`.
    pub(crate) fn write(&self, folder: &Path, devices: &[&str]) {
        fs::write(folder.join(format!("{}.toml", self.name)), self.text()).unwrap();
        fs::write(folder.join("devices"), devices.join("\n")).unwrap();
    }
}
