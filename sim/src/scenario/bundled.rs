//! Scenarios and tasks that are part of the binary.

/// Name of the scenario that a newcomer runs first.
pub const QUICKSTART: &str = "quickstart";

pub(super) struct Bundled {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

const FILES: [Bundled; 2] = [
    Bundled { name: QUICKSTART, text: include_str!("../../scenarios/quickstart.toml") },
    Bundled { name: "quickstart-task", text: include_str!("../../scenarios/quickstart-task.toml") },
];

pub(super) fn find(name: &str) -> Option<&'static Bundled> {
    FILES.iter().find(|file| file.name == name)
}

/// Names of the scenarios that need no file.
#[must_use]
pub fn bundled_names() -> Vec<&'static str> {
    FILES.iter().map(|file| file.name).filter(|name| !name.ends_with("-task")).collect()
}
